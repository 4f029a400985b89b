#include "net/fd_channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net_test_kit.h"

/* An end that writes down what it is told. */
struct end {
    struct fd_channel *channel;
    int message_count;
    uint8_t type;
    char payload[FD_CHANNEL_PAYLOAD_MAX + 1];
    size_t payload_len;
    size_t fd_count;
    int kept[FD_CHANNEL_FDS_MAX]; /* if keeps */
    bool keeps;
    bool frees;   /* itself, in on_message */
    bool answers; /* with the same */
    bool is_closed;
    struct why why;
};

static void on_message(void *owner, struct fd_channel *channel,
                       struct fd_channel_message *message) {
    struct end *end = owner;
    assert_false(end->is_closed);
    end->message_count++;
    end->type = message->type;
    end->payload_len = message->payload.len;
    memcpy(end->payload, message->payload.at, message->payload.len);
    end->fd_count = message->fd_count;
    if (end->answers) {
        assert_int_equal(fd_channel_send(channel, message->type, message->payload, message->fds,
                                         message->fd_count),
                         STATUS_OK);
    }
    for (size_t i = 0; i < message->fd_count && end->keeps; i++) {
        end->kept[i] = message->fds[i];
        message->fds[i] = -1;
    }
    if (end->frees) {
        fd_channel_free(&end->channel);
    }
}

static void on_closed(void *owner, struct fd_channel *channel, const struct why *why) {
    struct end *end = owner;
    (void)channel;
    assert_false(end->is_closed);
    end->is_closed = true;
    end->channel = NULL;
    end->why = *why;
}

static const struct fd_channel_events end_events = {on_message, on_closed};

struct stage {
    struct loop *loop;
    struct fd_channel_listener *listener;
    struct end server; /* the last that came */
    struct end client;
    int accepted_count;
    char folder[64];
    char path[96];
};

static int count_open_fds(void) {
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void accept_channel(void *context, struct fd_channel *channel) {
    struct stage *stage = context;
    stage->accepted_count++;
    stage->server.channel = channel;
    fd_channel_set_events(channel, &end_events, &stage->server);
}

static void stage_init(struct stage *stage) {
    struct why why;
    *stage = (struct stage){.loop = kit_loop()};
    snprintf(stage->folder, sizeof(stage->folder), "/tmp/fd_channel_test_XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->path, sizeof(stage->path), "%s/hand-over", stage->folder);
    assert_int_equal(fd_channel_listen(stage->loop, stage->path, false, accept_channel, stage,
                                       &stage->listener, &why),
                     STATUS_OK);
}

static void stage_fini(struct stage *stage) {
    fd_channel_listener_free(&stage->listener);
    fd_channel_free(&stage->client.channel);
    fd_channel_free(&stage->server.channel);
    kit_loop_free(stage->loop);
    assert_int_equal(rmdir(stage->folder), 0); /* no file is left */
}

static bool has_accepted(void *context) {
    return ((struct stage *)context)->accepted_count > 0;
}

static void stage_connect(struct stage *stage) {
    struct why why;
    assert_int_equal(fd_channel_connect(stage->loop, stage->path, &end_events, &stage->client,
                                        &stage->client.channel, &why),
                     STATUS_OK);
    kit_until(stage->loop, has_accepted, stage);
}

static bool has_message(void *context) {
    return ((struct end *)context)->message_count > 0;
}

static void test_records_and_descriptors_go_both_ways(void **state) {
    (void)state;
    struct stage stage;
    int pair[2];
    int before = count_open_fds();
    stage_init(&stage);
    stage_connect(&stage);
    stage.server.answers = true;
    stage.client.keeps = true;
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(fd_channel_send(stage.client.channel, 7, STR("take this"), pair, 2),
                     STATUS_OK);
    kit_until(stage.loop, has_message, &stage.client);
    assert_int_equal(stage.server.type, 7);
    assert_int_equal(stage.server.fd_count, 2);
    assert_int_equal(stage.client.type, 7);
    assert_int_equal(stage.client.payload_len, 9);
    assert_memory_equal(stage.client.payload, "take this", 9);
    assert_int_equal(stage.client.fd_count, 2);
    /* It is the same pipe, and closed on exec. */
    char byte = 0;
    assert_int_equal(write(stage.client.kept[1], "x", 1), 1);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    for (int i = 0; i < 2; i++) {
        assert_true((fcntl(stage.client.kept[i], F_GETFD) & FD_CLOEXEC) != 0);
        close(stage.client.kept[i]);
        close(pair[i]);
    }
    stage_fini(&stage);
    assert_int_equal(count_open_fds(), before);
}

static void test_the_largest_and_the_smallest(void **state) {
    (void)state;
    struct stage stage;
    static char payload[FD_CHANNEL_PAYLOAD_MAX + 1];
    int fds[FD_CHANNEL_FDS_MAX + 1] = {0};
    stage_init(&stage);
    stage_connect(&stage);
    memset(payload, 'p', sizeof(payload));
    struct fd_channel *client = stage.client.channel;
    assert_int_equal(fd_channel_send(client, 1, str_make(payload, sizeof(payload)), NULL, 0),
                     STATUS_TOO_LARGE);
    assert_int_equal(fd_channel_send(client, 1, STR_EMPTY, fds, FD_CHANNEL_FDS_MAX + 1),
                     STATUS_TOO_LARGE);
    int not_open = 250;
    assert_int_equal(fd_channel_send(client, 1, STR_EMPTY, &not_open, 1), STATUS_FAILED);
    assert_int_equal(
        fd_channel_send(client, 1, str_make(payload, sizeof(payload) - 1), fds, FD_CHANNEL_FDS_MAX),
        STATUS_OK);
    kit_until(stage.loop, has_message, &stage.server);
    assert_int_equal(stage.server.payload_len, FD_CHANNEL_PAYLOAD_MAX);
    assert_int_equal(stage.server.fd_count, FD_CHANNEL_FDS_MAX);
    stage.server.message_count = 0;
    assert_int_equal(fd_channel_send(client, 2, STR_EMPTY, NULL, 0), STATUS_OK);
    kit_until(stage.loop, has_message, &stage.server);
    assert_int_equal(stage.server.payload_len, 0);
    assert_int_equal(stage.server.fd_count, 0);
    stage_fini(&stage);
}

struct goal {
    const struct end *end;
    int count;
};

static bool has_come(void *context) {
    const struct goal *goal = context;
    return goal->end->message_count >= goal->count;
}

/* The queue is bounded, and what is in it arrives in order with its descriptors. */
static void test_a_reader_that_is_slow(void **state) {
    (void)state;
    struct stage stage;
    static char payload[FD_CHANNEL_PAYLOAD_MAX];
    int before = count_open_fds();
    stage_init(&stage);
    stage_connect(&stage);
    int sent = 0;
    int fd = 0;
    enum status status;
    while ((status = fd_channel_send(stage.client.channel, (uint8_t)sent,
                                     str_make(payload, sizeof(payload)), &fd, 1)) == STATUS_OK) {
        sent++;
        assert_true(sent < 10000);
    }
    assert_int_equal(status, STATUS_AGAIN);
    struct goal goal = {&stage.server, sent};
    kit_until(stage.loop, has_come, &goal);
    assert_int_equal(stage.server.type, (uint8_t)(sent - 1));
    assert_int_equal(stage.server.fd_count, 1);
    stage_fini(&stage);
    assert_int_equal(count_open_fds(), before);
}

static void test_the_end_is_told_once(void **state) {
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage_connect(&stage);
    assert_int_equal(fd_channel_send(stage.server.channel, 9, STR("last words"), NULL, 0),
                     STATUS_OK);
    fd_channel_free(&stage.server.channel);
    /* Ours fails, and theirs is heard all the same. */
    assert_int_equal(fd_channel_send(stage.client.channel, 1, STR("?"), NULL, 0), STATUS_OK);
    assert_int_equal(fd_channel_send(stage.client.channel, 1, STR("?"), NULL, 0), STATUS_CLOSED);
    kit_until_true(stage.loop, &stage.client.is_closed);
    assert_int_equal(stage.client.message_count, 1);
    assert_int_equal(stage.client.type, 9);
    assert_string_equal(stage.client.why.slug, "closed");
    stage_fini(&stage);
}

static void test_freed_inside_a_message(void **state) {
    (void)state;
    struct stage stage;
    int before = count_open_fds();
    int fd = 0;
    stage_init(&stage);
    stage_connect(&stage);
    stage.server.frees = true;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fd_channel_send(stage.client.channel, 1, STR("x"), &fd, 1), STATUS_OK);
    }
    kit_until_true(stage.loop, &stage.client.is_closed);
    assert_int_equal(stage.server.message_count, 1);
    assert_false(stage.server.is_closed);
    stage_fini(&stage);
    assert_int_equal(count_open_fds(), before);
}

/* ---- ends that break the rules ---- */

static void send_raw(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(64 * sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, fd_count * sizeof(int));
    }
    assert_int_equal(sendmsg(fd, &header, 0), (ssize_t)len);
}

struct piece {
    const char *bytes;
    size_t len;
    size_t fd_count;
};

static void check_broken(const struct piece *pieces, size_t count, const char *slug) {
    struct loop *loop = kit_loop();
    struct end end = {0};
    struct why why;
    int pair[2];
    int fds[40] = {0};
    int before = count_open_fds();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(fd_channel_adopt(loop, pair[0], &end_events, &end, &end.channel, &why),
                     STATUS_OK);
    for (size_t i = 0; i < count && !end.is_closed; i++) {
        send_raw(pair[1], pieces[i].bytes, pieces[i].len, fds, pieces[i].fd_count);
        kit_run_for(loop, 1);
    }
    shutdown(pair[1], SHUT_WR);
    kit_until_true(loop, &end.is_closed);
    assert_string_equal(end.why.slug, slug);
    assert_int_equal(end.message_count, 0);
    close(pair[1]);
    assert_int_equal(count_open_fds(), before);
    kit_loop_free(loop);
}

static void test_rules_are_kept(void **state) {
    (void)state;
    const struct piece nothing[] = {{"", 0, 0}};
    check_broken(nothing, 0, "closed");
    const struct piece half_head[] = {{"\1\0", 2, 0}};
    check_broken(half_head, 1, "channel_invalid");
    const struct piece half_body[] = {{"\1\0\0\4abc", 7, 0}};
    check_broken(half_body, 1, "channel_invalid");
    const struct piece too_long[] = {{"\1\0\x10\1", 4, 0}};
    check_broken(too_long, 1, "channel_invalid");
    const struct piece too_few[] = {{"\1\2\0\0", 4, 1}};
    check_broken(too_few, 1, "channel_invalid");
    const struct piece unannounced[] = {{"\1\0\0\0", 4, 1}};
    check_broken(unannounced, 1, "channel_invalid");
    const struct piece late[] = {{"\1\1\0\2", 4, 0}, {"ab", 2, 1}};
    check_broken(late, 2, "channel_invalid");
    const struct piece in_the_body[] = {{"\1\0\0\2", 4, 0}, {"ab", 2, 1}};
    check_broken(in_the_body, 2, "channel_invalid");
    const struct piece too_many[] = {{"\1\x11\0\0", 4, 17}};
    check_broken(too_many, 1, "channel_invalid");
    const struct piece far_too_many[] = {{"\1\1\0\0", 4, 40}};
    check_broken(far_too_many, 1, "channel_invalid");
}

static void test_a_message_in_pieces(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct end end = {0};
    struct why why;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(fd_channel_adopt(loop, pair[0], &end_events, &end, &end.channel, &why),
                     STATUS_OK);
    const char bytes[] = "\5\1\0\3abc\6\0\0\1z";
    int fd = 0;
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        send_raw(pair[1], bytes + i, 1, &fd, i == 0 ? 1 : 0);
        kit_run_for(loop, 1);
        assert_int_equal(end.message_count, (i >= 6) + (i >= 11));
        if (i == 6) {
            assert_memory_equal(end.payload, "abc", 3);
            assert_int_equal(end.fd_count, 1);
        }
    }
    assert_int_equal(end.type, 6);
    assert_int_equal(end.fd_count, 0);
    fd_channel_free(&end.channel);
    close(pair[1]);
    kit_loop_free(loop);
}

static void test_what_is_no_unix_socket_is_refused(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct end end = {0};
    struct why why;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(fd_channel_adopt(loop, fd, &end_events, &end, &end.channel, &why),
                     STATUS_DENIED);
    assert_string_equal(why.slug, "channel_denied");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    kit_loop_free(loop);
}

/* ---- the file ---- */

static void test_file_is_private(void **state) {
    (void)state;
    struct stage stage;
    struct stat file;
    stage_init(&stage);
    assert_int_equal(stat(stage.path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    stage_fini(&stage);
}

static void test_folder_must_not_be_open_to_others(void **state) {
    (void)state;
    struct stage stage;
    struct fd_channel_listener *listener = NULL;
    struct why why = {0};
    char path[128];
    stage_init(&stage);
    snprintf(path, sizeof(path), "%s/other", stage.folder);
    assert_int_equal(chmod(stage.folder, 0770), 0);
    assert_int_equal(
        fd_channel_listen(stage.loop, path, false, accept_channel, &stage, &listener, &why),
        STATUS_DENIED);
    assert_string_equal(why.slug, "channel_denied");
    assert_int_equal(chmod(stage.folder, 0700), 0);
    assert_int_equal(fd_channel_listen(stage.loop, "/tmp/no-such-folder-here/x", false,
                                       accept_channel, &stage, &listener, &why),
                     STATUS_FAILED);
    char lengthy[200];
    memset(lengthy, 'x', sizeof(lengthy));
    lengthy[199] = '\0';
    assert_int_equal(
        fd_channel_listen(stage.loop, lengthy, false, accept_channel, &stage, &listener, &why),
        STATUS_INVALID);
    assert_string_equal(why.slug, "channel_path");
    assert_int_equal(fd_channel_connect(stage.loop, lengthy, &end_events, &stage.client,
                                        &stage.client.channel, &why),
                     STATUS_INVALID);
    /* What is no socket is not removed. */
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(
        fd_channel_listen(stage.loop, path, true, accept_channel, &stage, &listener, &why),
        STATUS_DENIED);
    assert_int_equal(unlink(path), 0);
    stage_fini(&stage);
}

static void test_the_living_are_told_from_the_dead(void **state) {
    (void)state;
    struct stage stage;
    struct fd_channel_listener *second = NULL;
    struct why why = {0};
    stage_init(&stage);
    assert_int_equal(
        fd_channel_listen(stage.loop, stage.path, false, accept_channel, &stage, &second, &why),
        STATUS_CONFLICT);
    assert_string_equal(why.slug, "channel_in_use");

    /* A successor takes the name; the predecessor's end does not remove it. */
    assert_int_equal(
        fd_channel_listen(stage.loop, stage.path, true, accept_channel, &stage, &second, &why),
        STATUS_OK);
    fd_channel_listener_free(&stage.listener);
    stage.listener = second;
    stage.accepted_count = 0;
    stage_connect(&stage);

    /* A file that nobody listens at. */
    char path[128];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(path, sizeof(path), "%s/stale", stage.folder);
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    close(fd);
    struct fd_channel *channel = NULL;
    assert_int_equal(fd_channel_connect(stage.loop, path, &end_events, NULL, &channel, &why),
                     STATUS_NOT_FOUND);
    assert_string_equal(why.slug, "channel_absent");
    assert_int_equal(
        fd_channel_listen(stage.loop, path, false, accept_channel, &stage, &second, &why),
        STATUS_OK);
    fd_channel_listener_free(&second);
    assert_int_equal(fd_channel_connect(stage.loop, path, &end_events, NULL, &channel, &why),
                     STATUS_NOT_FOUND);
    stage_fini(&stage);
}

static void test_only_so_many_peers(void **state) {
    (void)state;
    struct stage stage;
    struct end clients[FD_CHANNEL_PEERS_MAX + 1] = {0};
    struct why why;
    stage_init(&stage);
    for (int i = 0; i <= FD_CHANNEL_PEERS_MAX; i++) {
        assert_int_equal(fd_channel_connect(stage.loop, stage.path, &end_events, &clients[i],
                                            &clients[i].channel, &why),
                         STATUS_OK);
        kit_run_for(stage.loop, 1);
    }
    kit_until_true(stage.loop, &clients[FD_CHANNEL_PEERS_MAX].is_closed);
    assert_int_equal(stage.accepted_count, FD_CHANNEL_PEERS_MAX);
    /* One that goes makes room. */
    fd_channel_free(&clients[0].channel);
    kit_run_for(stage.loop, 5);
    struct end *last = &clients[FD_CHANNEL_PEERS_MAX];
    *last = (struct end){0};
    assert_int_equal(
        fd_channel_connect(stage.loop, stage.path, &end_events, last, &last->channel, &why),
        STATUS_OK);
    kit_run_for(stage.loop, 5);
    assert_false(last->is_closed);
    assert_int_equal(stage.accepted_count, FD_CHANNEL_PEERS_MAX + 1);
    stage.server.channel = NULL; /* each is told of its end by its client's going */
    for (int i = 0; i <= FD_CHANNEL_PEERS_MAX; i++) {
        stage.server.is_closed = false;
        fd_channel_free(&clients[i].channel);
        kit_run_for(stage.loop, 1);
    }
    stage_fini(&stage);
}

/* libuv opens descriptors of its own with the first loop, for good. */
static int warm_up(void **state) {
    (void)state;
    kit_loop_free(kit_loop());
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_and_descriptors_go_both_ways),
        cmocka_unit_test(test_the_largest_and_the_smallest),
        cmocka_unit_test(test_a_reader_that_is_slow),
        cmocka_unit_test(test_the_end_is_told_once),
        cmocka_unit_test(test_freed_inside_a_message),
        cmocka_unit_test(test_rules_are_kept),
        cmocka_unit_test(test_a_message_in_pieces),
        cmocka_unit_test(test_what_is_no_unix_socket_is_refused),
        cmocka_unit_test(test_file_is_private),
        cmocka_unit_test(test_folder_must_not_be_open_to_others),
        cmocka_unit_test(test_the_living_are_told_from_the_dead),
        cmocka_unit_test(test_only_so_many_peers),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
