#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <cmocka.h>

static int get_int(int fd, int level, int option) {
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static bool is_ours(int fd) {
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/* A listener and one connection through it. */
struct line {
    struct address address;
    int listener;
    int client;
    int server;
};

static struct line line_open(void) {
    struct line line;
    struct why why;
    assert_int_equal(address_from_ip(STR("127.0.0.1"), 0, &line.address), STATUS_OK);
    assert_int_equal(socket_listen(&line.address, &line.listener, &why), STATUS_OK);
    socket_local_address(line.listener, &line.address);
    assert_in_range(socket_connect(&line.address, &line.client), 0, 1);
    line.server = -1;
    for (int i = 0; i < 1000 && line.server < 0; i++) {
        line.server = socket_accept(line.listener);
        usleep(line.server < 0 ? 1000 : 0);
    }
    assert_true(line.server >= 0);
    return line;
}

static void line_close(struct line *line) {
    close(line->listener);
    close(line->client);
    close(line->server);
}

static void test_options_of_every_socket(void **state) {
    (void)state;
    struct line line = line_open();
    assert_true(is_ours(line.listener) && is_ours(line.client) && is_ours(line.server));
    assert_int_equal(get_int(line.client, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_NODELAY), 1);
    /* A visitor who vanished does not stay for ever. */
    assert_int_equal(get_int(line.server, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_KEEPINTVL), 15);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_KEEPCNT), 4);
    struct address peer;
    socket_peer_address(line.client, &peer);
    assert_int_equal(address_port(&peer), address_port(&line.address));
    assert_int_equal(socket_error(line.client), 0);
    line_close(&line);
    socket_peer_address(line.client, &peer);
    assert_int_equal(peer.len, 0);
    assert_int_equal(socket_error(line.client), EBADF);
}

static void test_a_tunnel_is_watched_closely(void **state) {
    (void)state;
    struct line line = line_open();
    static const char bytes[65536];
    socket_keepalive(line.server);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_KEEPIDLE), 5);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
    assert_int_equal(get_int(line.server, IPPROTO_TCP, TCP_NOTSENT_LOWAT), SOCKET_NOTSENT_BYTES);
    /* What the peer's window does not take does not pile up here. */
    size_t sent = 0;
    ssize_t taken;
    while ((taken = send(line.server, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0) {
        sent += (size_t)taken;
        usleep(1000); /* the network's turn */
    }
    int unsent = 0;
    assert_int_equal(ioctl(line.server, SIOCOUTQNSD, &unsent), 0);
    assert_in_range(unsent, 0, 2 * SOCKET_NOTSENT_BYTES);
    assert_true(sent >= SOCKET_NOTSENT_BYTES);
    line_close(&line);
}

static void test_what_is_discarded_is_reset(void **state) {
    (void)state;
    struct line line = line_open();
    assert_int_equal(write(line.server, "unread", 6), 6);
    socket_discard(line.server);
    close(line.server);
    struct pollfd poll_fd = {.fd = line.client, .events = POLLERR};
    assert_int_equal(poll(&poll_fd, 1, 5000), 1);
    assert_int_equal(socket_error(line.client), ECONNRESET);
    close(line.client);
    close(line.listener);
}

static void test_a_port_is_ours_alone(void **state) {
    (void)state;
    struct line line = line_open();
    struct why why = {0};
    int fd = -1;
    assert_int_equal(socket_listen(&line.address, &fd, &why), STATUS_CONFLICT);
    assert_string_equal(why.slug, "address_in_use");
    int same = socket_dup(line.listener);
    close(line.listener);
    assert_true(is_ours(same));
    assert_int_equal(socket_listen(&line.address, &fd, &why), STATUS_CONFLICT);
    close(same);
    assert_int_equal(socket_listen(&line.address, &fd, &why), STATUS_OK); /* in TIME_WAIT or not */
    close(fd);
    assert_int_equal(socket_dup(9999), -1);
    close(line.client);
    close(line.server);
    struct address nowhere;
    assert_int_equal(address_from_ip(STR("192.0.2.1"), 0, &nowhere), STATUS_OK);
    assert_int_equal(socket_listen(&nowhere, &fd, &why), STATUS_FAILED);
    assert_string_equal(why.slug, "listen_failed");
}

static void test_an_adopted_listener_gets_our_options(void **state) {
    (void)state;
    struct line line = line_open();
    struct why why = {0};
    struct address any;
    assert_int_equal(address_from_ip(STR("127.0.0.1"), 0, &any), STATUS_OK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any.storage, any.len), 0);
    assert_int_equal(socket_adopt_listener(fd, &why), STATUS_INVALID); /* does not listen yet */
    assert_string_equal(why.slug, "listener_invalid");
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(socket_adopt_listener(fd, &why), STATUS_OK);
    assert_true(is_ours(fd));
    assert_int_equal(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_int_equal(socket_adopt_listener(line.server, &why), STATUS_INVALID);
    close(fd);
    assert_int_equal(socket_adopt_listener(fd, &why), STATUS_INVALID);
    line_close(&line);
}

static void test_who_is_at_the_other_end(void **state) {
    (void)state;
    struct line line = line_open();
    int pair[2];
    uid_t uid = 12345;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(socket_peer_uid(pair[0], &uid), STATUS_OK);
    assert_int_equal(uid, getuid());
    assert_int_equal(socket_peer_uid(line.server, &uid), STATUS_FAILED);
    close(pair[0]);
    close(pair[1]);
    line_close(&line);
}

static void test_paths(void **state) {
    (void)state;
    struct address address;
    char path[200];
    memset(path, 'p', sizeof(path));
    path[108] = '\0';
    assert_int_equal(socket_unix_address(path, &address), STATUS_TOO_LARGE);
    path[107] = '\0';
    assert_int_equal(socket_unix_address(path, &address), STATUS_OK);
    int fd = -1;
    assert_int_equal(socket_connect(&address, &fd), -1);
    assert_int_equal(errno, ENOENT);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_of_every_socket),
        cmocka_unit_test(test_a_tunnel_is_watched_closely),
        cmocka_unit_test(test_what_is_discarded_is_reset),
        cmocka_unit_test(test_a_port_is_ours_alone),
        cmocka_unit_test(test_an_adopted_listener_gets_our_options),
        cmocka_unit_test(test_who_is_at_the_other_end),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
