#include "net/front.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/front_test_kit.h"
#include "net/tls_session.h"

static void test_services_are_told_apart(void **state) {
    (void)state;
    struct stage stage;
    struct kit_side client;
    stage_init(&stage);
    stage_connect(&stage, stage.tunnel_tls, "edge.test", &client);
    until_served(&stage, &client, &stage.tunnels.side);
    assert_string_equal(stage.tunnels.side.version, "TLSv1.3");
    assert_string_equal(stage.tunnels.side.alpn, TLS_ALPN_TUNNEL);
    assert_string_equal(stage.tunnels.side.server_name, "edge.test");
    assert_true(stage.tunnels.side.has_peer_certificate);
    assert_int_equal(stage.visitors.accepted_count, 0);
    close_client(&stage, &client);

    stage_connect(&stage, stage.visitor_tls, "B.test", &client); /* names are folded */
    until_served(&stage, &client, &stage.visitors.side);
    assert_string_equal(stage.visitors.side.server_name, "b.test");
    assert_string_equal(stage.visitors.side.alpn, "http/1.1");
    assert_false(stage.visitors.side.has_peer_certificate);
    client.engine.to_send = 100000;
    engine_notify(&client.engine.engine);
    client.engine.done_at = 100000;
    kit_until_true(stage.loop, &client.is_closed);
    assert_int_equal(client.engine.received, 100000);
    assert_false(client.engine.is_pattern_broken);
    close_client(&stage, &client);
    stage_fini(&stage);
}

static void check_refused(struct stage *stage, struct tls_context *tls, const char *name,
                          const char *text) {
    struct kit_side client;
    stage_connect(stage, tls, name, &client);
    kit_until_true(stage->loop, &client.is_closed);
    assert_non_null(strstr(client.why.text, text));
    close_client(stage, &client);
}

static void test_what_no_service_wants_is_refused(void **state) {
    (void)state;
    struct stage stage;
    stage_init(&stage);
    check_refused(&stage, stage.visitor_tls, "c.test", "unrecognized_name");
    check_refused(&stage, stage.visitor_tls, "a.example", "unrecognized_name");
    assert_int_equal(stage.visitors.accepted_count + stage.tunnels.accepted_count, 0);
    /* Without a name nobody is even asked. */
    int asked_count = stage.visitors.asked_count + stage.tunnels.asked_count;
    check_refused(&stage, stage.visitor_tls, "127.0.0.1", "unrecognized_name");
    assert_int_equal(stage.visitors.asked_count + stage.tunnels.asked_count, asked_count);
    /* The tunnel's protocol on a visitor's name, a visitor's on the tunnel's. */
    check_refused(&stage, stage.tunnel_tls, "a.test", "no_application_protocol");
    check_refused(&stage, stage.visitor_tls, "edge.test", "unrecognized_name");
    assert_int_equal(stage.visitors.accepted_count + stage.tunnels.accepted_count, 0);
    stage_fini(&stage);
}

static void test_tunnel_rules_hold_behind_the_front(void **state) {
    (void)state;
    struct stage stage;
    struct kit_side client;
    stage_init(&stage);
    struct tls_context *bare = kit_context(TLS_TUNNEL_CLIENT, NULL, root);
    stage_connect(&stage, bare, "edge.test", &client);
    kit_until_true(stage.loop, &client.is_closed);
    assert_string_equal(client.why.slug, "tls_verify");
    assert_non_null(strstr(client.why.text, "wants a certificate"));
    close_client(&stage, &client);
    assert_int_equal(stage.tunnels.accepted_count, 0);
    tls_context_unref(&bare);
    stage_fini(&stage);
}

/* As long as any of those who share it has it. */
static void test_a_port_is_in_use(void **state) {
    (void)state;
    struct stage stage;
    struct why why = {0};
    int fd;
    stage_init(&stage);
    struct front *second = stage_front(&stage, stage.loop);
    close(stage.fd);
    assert_int_equal(socket_listen(&stage.address, &fd, &why), STATUS_CONFLICT);
    front_close(stage.front);
    front_close(stage.front);
    assert_int_equal(socket_listen(&stage.address, &fd, &why), STATUS_CONFLICT);
    front_free(&second);
    assert_int_equal(socket_listen(&stage.address, &stage.fd, &why), STATUS_OK);
    stage_fini(&stage);
}

/* Who waits in the queue when one of those who share it closes is served by another. */
static void test_closing_one_of_a_group_loses_nobody(void **state) {
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct loop *idle = kit_loop(); /* never runs while the visitor knocks */
    struct front *first = stage_front(&stage, idle);
    struct kit_side client;
    stage_connect(&stage, stage.visitor_tls, "a.test", &client);
    front_free(&first);
    until_served(&stage, &client, &stage.visitors.side);
    close_client(&stage, &client);
    kit_loop_free(idle);
    stage_fini(&stage);
}

static void test_a_listener_is_adopted_with_what_waits_in_it(void **state) {
    (void)state;
    struct stage stage;
    struct kit_side client;
    struct why why;
    stage_init(&stage);
    int given = dup(stage.fd);
    stage_connect(&stage, stage.visitor_tls, "a.test", &client);
    front_free(&stage.front);
    assert_int_equal(front_adopt(stage.loop, given, &stage.front, &why), STATUS_OK);
    assert_int_not_equal(fcntl(given, F_GETFD) & FD_CLOEXEC, 0);
    stage_add(&stage, &stage.visitors, "visitors", 0);
    until_served(&stage, &client, &stage.visitors.side);
    close_client(&stage, &client);
    stage_fini(&stage);
}

static void test_only_listening_tcp_is_adopted(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct front *front = NULL;
    struct why why = {0};
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    int others[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_DGRAM, 0),
                    socket(AF_UNIX, SOCK_STREAM, 0), pair[0], 9999};
    struct sockaddr_un local = {.sun_family =
                                    AF_UNIX}; /* an abstract name of the system's choice */
    assert_int_equal(bind(others[2], (struct sockaddr *)&local, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(others[2], 1), 0);
    for (size_t i = 0; i < 5; i++) {
        why.slug[0] = '\0';
        assert_int_equal(front_adopt(loop, others[i], &front, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "listener_invalid");
        assert_null(front);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(close(others[i]), 0); /* still ours */
    }
    close(pair[1]);
    kit_loop_free(loop);
}

/* Nobody who shares a queue empties it while others may be idle. */
static void test_a_shared_queue_is_taken_from_a_few_at_a_time(void **state) {
    (void)state;
    struct stage stage;
    int fds[20];
    stage_init(&stage);
    struct loop *loop = kit_loop();
    struct front *first = stage_front(&stage, loop);
    for (int i = 0; i < 20; i++) {
        fds[i] = raw_connect(&stage);
    }
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    int left_count = 0;
    for (int fd; (fd = socket_accept(stage.fd)) >= 0; left_count++) {
        close(fd);
    }
    assert_in_range(left_count, 12, 19);
    for (int i = 0; i < 20; i++) {
        close(fds[i]);
    }
    front_free(&first);
    kit_loop_free(loop);
    stage_fini(&stage);
}

struct sleeper {
    struct loop *loop;
    int event_count;
    _Atomic pid_t thread; /* 0: not begun */
};

/* What the loop's poller reports within a while, once. */
static void *sleep_in_poller(void *context) {
    struct sleeper *sleeper = context;
    struct epoll_event event;
    sleeper->thread = (pid_t)syscall(SYS_gettid);
    sleeper->event_count = epoll_wait(uv_backend_fd(loop_uv(sleeper->loop)), &event, 1, 1000);
    return NULL;
}

/* The system says so: state S, behind the name in brackets. */
static void until_asleep(struct sleeper *sleeper) {
    char path[64];
    char text[256];
    do {
        sched_yield();
        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)sleeper->thread);
        FILE *file = sleeper->thread != 0 ? fopen(path, "r") : NULL;
        text[0] = '\0';
        if (sleeper->thread != 0 && file == NULL) {
            return; /* it is over: the count tells */
        }
        if (file != NULL) {
            text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
            (void)fclose(file);
        }
    } while (strstr(text, ") S ") == NULL);
}

/* Who has nothing to do is left asleep: one connection wakes one of those who wait for it. */
static void test_one_connection_wakes_one_loop(void **state) {
    (void)state;
    struct stage stage;
    struct front *fronts[2] = {NULL};
    struct loop *loops[2];
    stage_init(&stage);
    for (int i = 0; i < 2; i++) {
        loops[i] = kit_loop();
        fronts[i] = stage_front(&stage, loops[i]);
        int fd = raw_connect(&stage); /* the first event */
        kit_run_for(loops[i], 1);
        close(fd);
        kit_run_for(loops[i], 5);
        uv_run(loop_uv(loops[i]), UV_RUN_NOWAIT); /* the order to stop is no event any more */
    }
    front_close(stage.front);
    pthread_t threads[2];
    struct sleeper sleepers[2] = {{.loop = loops[0]}, {.loop = loops[1]}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sleep_in_poller, &sleepers[i]), 0);
    }
    until_asleep(&sleepers[0]);
    until_asleep(&sleepers[1]);
    int fd = raw_connect(&stage);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(sleepers[0].event_count + sleepers[1].event_count, 1);
    close(fd);
    for (int i = 0; i < 2; i++) {
        front_free(&fronts[i]);
        kit_loop_free(loops[i]);
    }
    stage_fini(&stage);
}

/* Two loops at one socket, each on its thread: every visitor is served once. */
struct worker {
    struct loop *loop;
    struct front *front;
    struct service visitors;
    pthread_t thread;
};

static void *run_worker(void *context) {
    loop_run(((struct worker *)context)->loop);
    return NULL;
}

static void close_at_once(void *context, struct conn *conn) {
    struct service *service = context;
    service->accepted_count++;
    conn_set_events(conn, &counting_events, service);
    conn_close(conn);
}

static void worker_add_service(struct worker *worker, struct tls_context *tls) {
    worker->visitors.tls = tls;
    worker->visitors.suffix = STR(".test");
    const struct front_service entry = {.name = "visitors",
                                        .wants = service_wants,
                                        .tls = service_tls,
                                        .accept = close_at_once,
                                        .context = &worker->visitors};
    front_add(worker->front, &entry);
}

#define SHARED_VISITS 64

static bool all_are_closed(void *context) {
    const struct kit_side *clients = context;
    for (int i = 0; i < SHARED_VISITS; i++) {
        if (!clients[i].is_closed) {
            return false;
        }
    }
    return true;
}

static void test_two_loops_share_the_work(void **state) {
    (void)state;
    struct stage stage;
    struct worker workers[2] = {{0}};
    stage_init(&stage);
    struct kit_side *clients = memory_new_array(SHARED_VISITS, sizeof(*clients));
    for (int i = 0; i < 2; i++) {
        workers[i].loop = kit_loop();
        workers[i].front = stage_front(&stage, workers[i].loop);
        worker_add_service(&workers[i], stage.visitors.tls);
    }
    for (int i = 0; i < SHARED_VISITS; i++) {
        stage_connect(&stage, stage.visitor_tls, "a.test", &clients[i]);
        clients[i].engine.phase = ENGINE_IDLE;
    }
    front_close(stage.front);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
    }
    kit_until(stage.loop, all_are_closed, clients);
    for (int i = 0; i < 2; i++) {
        loop_stop(workers[i].loop);
        pthread_join(workers[i].thread, NULL);
        front_free(&workers[i].front);
        kit_loop_free(workers[i].loop);
    }
    for (int i = 0; i < SHARED_VISITS; i++) {
        assert_true(clients[i].is_established);
        kit_side_fini(&clients[i]);
    }
    assert_int_equal(workers[0].visitors.accepted_count + workers[1].visitors.accepted_count,
                     SHARED_VISITS);
    memory_free(clients);
    stage_fini(&stage);
}

/* Connections given up at every stage: before a byte, with half a hello, with rubbish, right after the handshake. */
static void test_500_aborted_connections_leave_nothing(void **state) {
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.visitors.is_counting = true;
    for (int i = 0; i < 500; i++) {
        if (i % 4 == 3) {
            struct kit_side client;
            stage_connect(&stage, stage.visitor_tls, "a.test", &client);
            if (i % 8 == 7) {
                kit_until_true(stage.loop, &client.is_established);
            }
            close_client(&stage, &client);
            continue;
        }
        int fd = raw_connect(&stage);
        const char *bytes =
            i % 4 == 1 ? "\x16\x03\x01\x01\x00\x01" : "rubbish, and no hello at all";
        if (i % 4 != 0) {
            assert_true(send(fd, bytes, 6, 0) == 6);
        }
        if (i % 2 == 0) {
            struct linger reset = {1, 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        close(fd);
        kit_run_for(stage.loop, 0);
    }
    /* An innocent visitor in the middle of all that. */
    stage.visitors.is_counting = false;
    struct kit_side client;
    stage_connect(&stage, stage.visitor_tls, "a.test", &client);
    until_served(&stage, &client, &stage.visitors.side);
    close_client(&stage, &client);
    kit_run_for(stage.loop, 20);
    assert_int_equal(stage.visitors.accepted_count - 1, stage.visitors.closed_count);
    assert_int_equal(loop_block_pool(stage.loop)->used_count, 0);
    stage_fini(&stage);
}

static void test_freeing_the_front_ends_handshakes_and_spares_connections(void **state) {
    (void)state;
    struct stage stage;
    struct kit_side client;
    uint8_t byte;
    stage_init(&stage);
    stage_connect(&stage, stage.visitor_tls, "a.test", &client);
    until_served(&stage, &client, &stage.visitors.side);
    int fd = raw_connect(&stage); /* silent */
    kit_run_for(stage.loop, 5);
    front_free(&stage.front);
    kit_run_for(stage.loop, 5);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    client.engine.done_at = 1000;
    client.engine.to_send = 1000;
    engine_notify(&client.engine.engine);
    kit_until_true(stage.loop, &client.is_closed);
    assert_int_equal(client.engine.received, 1000);
    close_client(&stage, &client);
    stage_fini(&stage);
}

static bool is_readable(void *context) {
    uint8_t byte;
    return recv(*(const int *)context, &byte, 1, MSG_PEEK) >= 0;
}

/* The service's deadline holds from the moment its name is known. */
static void test_half_a_handshake_is_cut(void **state) {
    (void)state;
    struct stage stage;
    stage_init(&stage);
    front_free(&stage.front);
    stage.front = stage_front(&stage, stage.loop);
    stage_add(&stage, &stage.visitors, "visitors", 40);
    /* A client that says hello and then nothing. */
    int pair[2];
    uint8_t hello[4096];
    struct tls_session session;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(tls_session_open(&session, stage.visitor_tls, pair[0], "a.test"), STATUS_OK);
    assert_int_equal(tls_session_handshake(&session), TLS_WAIT_READ);
    ssize_t len = read(pair[1], hello, sizeof(hello));
    assert_true(len > 100);
    int fd = raw_connect(&stage);
    assert_int_equal(send(fd, hello, (size_t)len, 0), len);
    kit_until(stage.loop, is_readable, &fd); /* the server's flight */
    while (recv(fd, hello, sizeof(hello), 0) > 0) {
    }
    kit_until(stage.loop, is_readable, &fd);
    assert_int_equal(recv(fd, hello, sizeof(hello), 0), 0);
    assert_int_equal(stage.visitors.accepted_count, 0);
    close(fd);
    tls_session_close(&session);
    close(pair[0]);
    close(pair[1]);
    stage_fini(&stage);
}

/* Moves what is there from one descriptor to the other; with `is_cut`, every byte of the handshake in a record of its own. */
static void relay(int from, int to, bool is_cut) {
    uint8_t bytes[16384];
    ssize_t len = recv(from, bytes, sizeof(bytes), 0);
    if (len <= 0) {
        return;
    }
    if (!is_cut) {
        assert_int_equal(send(to, bytes, (size_t)len, 0), len);
        return;
    }
    for (ssize_t i = 5; i < len; i++) {
        uint8_t record[6] = {bytes[0], bytes[1], bytes[2], 0, 1, bytes[i]};
        assert_int_equal(send(to, record, sizeof(record), 0), 6);
    }
}

/* A name cannot be hidden by cutting the ClientHello into pieces. */
static void test_hello_in_one_byte_records(void **state) {
    (void)state;
    struct stage stage;
    stage_init(&stage);
    int pair[2];
    struct tls_session session;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(tls_session_open(&session, stage.visitor_tls, pair[0], "b.test"), STATUS_OK);
    int fd = raw_connect(&stage);
    bool is_cut = true;
    enum tls_result result = TLS_WAIT_READ;
    for (int i = 0; i < 2000 && (result == TLS_WAIT_READ || !stage.visitors.side.is_established);
         i++) {
        if (result == TLS_WAIT_READ) {
            result = tls_session_handshake(&session);
        }
        relay(pair[1], fd, is_cut);
        is_cut = false;
        kit_run_for(stage.loop, 1);
        relay(fd, pair[1], false);
    }
    assert_int_equal(result, TLS_DONE);
    assert_string_equal(stage.visitors.side.server_name, "b.test");
    tls_session_close(&session);
    close(pair[0]);
    close(pair[1]);
    close(fd);
    stage_fini(&stage);
}

/* Out of descriptors the front waits, and goes on when there are some again. */
static void test_pause_without_descriptors(void **state) {
    (void)state;
    struct stage stage;
    struct rlimit former;
    stage_init(&stage);
    int fd = raw_connect(&stage);
    getrlimit(RLIMIT_NOFILE, &former);
    struct rlimit small = {(rlim_t)fd + 1, former.rlim_max};
    setrlimit(RLIMIT_NOFILE, &small); /* nothing above `fd` may be opened */
    kit_run_for(stage.loop, 20);
    setrlimit(RLIMIT_NOFILE, &former);
    struct kit_side client;
    stage_connect(&stage, stage.visitor_tls, "a.test", &client);
    until_served(&stage, &client, &stage.visitors.side);
    close(fd);
    close_client(&stage, &client);
    stage_fini(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_are_told_apart),
        cmocka_unit_test(test_what_no_service_wants_is_refused),
        cmocka_unit_test(test_tunnel_rules_hold_behind_the_front),
        cmocka_unit_test(test_a_port_is_in_use),
        cmocka_unit_test(test_closing_one_of_a_group_loses_nobody),
        cmocka_unit_test(test_a_listener_is_adopted_with_what_waits_in_it),
        cmocka_unit_test(test_only_listening_tcp_is_adopted),
        cmocka_unit_test(test_a_shared_queue_is_taken_from_a_few_at_a_time),
        cmocka_unit_test(test_one_connection_wakes_one_loop),
        cmocka_unit_test(test_two_loops_share_the_work),
        cmocka_unit_test(test_500_aborted_connections_leave_nothing),
        cmocka_unit_test(test_freeing_the_front_ends_handshakes_and_spares_connections),
        cmocka_unit_test(test_half_a_handshake_is_cut),
        cmocka_unit_test(test_hello_in_one_byte_records),
        cmocka_unit_test(test_pause_without_descriptors),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
