#include "net/conn.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net_test_kit.h"

#define MIB (1024 * 1024)

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

/* A client and a server end of one loopback connection, plain or TLS, each with its engine double. */
struct bench {
    struct loop *loop;
    struct tls_context *client_tls;
    struct tls_context *server_tls;
    struct kit_side client;
    struct kit_side server;
    int listen_fd;
    struct address address;
};

static struct kit_cert *root;
static struct kit_cert *leaf;

static int make_certificates(void **state) {
    (void)state;
    root = kit_root();
    leaf = kit_leaf(root, "a.test");
    return 0;
}

static int free_certificates(void **state) {
    (void)state;
    kit_cert_free(root);
    kit_cert_free(leaf);
    return 0;
}

static const struct conn_timeouts no_timeouts = {0};

static void bench_init(struct bench *bench, bool is_tls) {
    *bench = (struct bench){.loop = kit_loop()};
    if (is_tls) {
        bench->client_tls = kit_context(TLS_TUNNEL_CLIENT, leaf, root);
        bench->server_tls = kit_context(TLS_TUNNEL_SERVER, leaf, root);
    }
    kit_side_init(&bench->client, bench->loop);
    kit_side_init(&bench->server, bench->loop);
    bench->listen_fd = kit_listen(&bench->address);
}

static void bench_connect(struct bench *bench, const struct conn_timeouts *client_timeouts) {
    struct conn_connect_config config = {.address = bench->address,
                                         .tls = bench->client_tls,
                                         .server_name = "a.test",
                                         .timeouts = *client_timeouts};
    bench->client.is_inside = true;
    bench->client.conn = conn_connect(bench->loop, &config, &kit_side_events, &bench->client);
    bench->client.is_inside = false;
}

static int bench_accept_fd(struct bench *bench) {
    int fd = -1;
    for (int i = 0; i < 1000 && fd < 0; i++) {
        fd = socket_accept(bench->listen_fd);
        if (fd < 0) {
            usleep(1000);
        }
    }
    assert_true(fd >= 0);
    return fd;
}

static void bench_accept(struct bench *bench, const struct conn_timeouts *timeouts) {
    int fd = bench_accept_fd(bench);
    bench->server.is_inside = true;
    bench->server.conn =
        conn_accept(bench->loop, fd, bench->server_tls, timeouts, &kit_side_events, &bench->server);
    bench->server.is_inside = false;
}

static void bench_open(struct bench *bench) {
    bench_connect(bench, &no_timeouts);
    bench_accept(bench, &no_timeouts);
    kit_until_established(bench->loop, &bench->client, &bench->server);
    assert_true(bench->client.is_established && bench->server.is_established);
}

static void bench_fini(struct bench *bench) {
    if (bench->client.conn != NULL) {
        conn_abort(bench->client.conn);
    }
    if (bench->server.conn != NULL) {
        conn_abort(bench->server.conn);
    }
    kit_run_for(bench->loop, 1);
    kit_side_fini(&bench->client);
    kit_side_fini(&bench->server);
    assert_false(bench->client.engine.is_pattern_broken);
    assert_false(bench->server.engine.is_pattern_broken);
    assert_int_equal(bench->client.engine.fed_while_deaf, 0);
    assert_int_equal(bench->server.engine.fed_while_deaf, 0);
    close(bench->listen_fd);
    tls_context_unref(&bench->client_tls);
    tls_context_unref(&bench->server_tls);
    kit_loop_free(bench->loop);
}

struct goal {
    const struct kit_engine *engine;
    uint64_t bytes;
};

static bool has_received(void *context) {
    const struct goal *goal = context;
    return goal->engine->received >= goal->bytes;
}

static void until_received(struct bench *bench, const struct kit_engine *engine, uint64_t bytes) {
    struct goal goal = {engine, bytes};
    kit_until(bench->loop, has_received, &goal);
    assert_int_equal(engine->received, bytes);
}

static void send_more(struct kit_side *side, uint64_t bytes) {
    side->engine.to_send += bytes;
    engine_notify(&side->engine.engine);
}

/* ---- bytes ---- */

static void check_echo(bool is_tls) {
    struct bench bench;
    bench_init(&bench, is_tls);
    bench.server.engine.is_echo = true;
    bench_open(&bench);
    assert_string_equal(bench.client.version, is_tls ? "TLSv1.3" : "");
    assert_string_equal(bench.server.alpn, is_tls ? TLS_ALPN_TUNNEL : "");
    assert_string_equal(bench.server.server_name, is_tls ? "a.test" : "");
    assert_int_equal(bench.server.has_peer_certificate, is_tls);
    assert_int_equal(bench.server.chain_len, is_tls ? 2 : 0);
    assert_int_equal(address_port(conn_local_address(bench.server.conn)),
                     address_port(&bench.address));
    send_more(&bench.client, 1);
    until_received(&bench, &bench.client.engine, 1);
    send_more(&bench.client, 3 * MIB);
    until_received(&bench, &bench.client.engine, 3 * MIB + 1);
    assert_int_equal(conn_bytes_written(bench.client.conn), 3 * MIB + 1);
    assert_int_equal(conn_bytes_read(bench.server.conn), 3 * MIB + 1);
    conn_close(bench.client.conn);
    conn_close(bench.client.conn); /* once more is once */
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.client.why.slug, "closed");
    assert_string_equal(bench.server.why.slug, "closed");
    assert_true(bench.server.engine.has_end);
    assert_true(bench.server.engine.is_freed && bench.client.engine.is_freed);
    bench_fini(&bench);
}

static void test_echo(void **state) {
    (void)state;
    check_echo(false);
    check_echo(true);
}

static size_t resident_bytes(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %ld", &pages), 1);
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void check_bulk(bool is_tls) {
    struct bench bench;
    bench_init(&bench, is_tls);
    bench_open(&bench);
    send_more(&bench.client, 4 * MIB);
    send_more(&bench.server, 4 * MIB);
    until_received(&bench, &bench.server.engine, 4 * MIB);
    size_t before = resident_bytes();
    send_more(&bench.client, 100 * MIB);
    send_more(&bench.server, 20 * MIB); /* both ways at once */
    until_received(&bench, &bench.server.engine, 104 * MIB);
    until_received(&bench, &bench.client.engine, 24 * MIB);
    size_t after = resident_bytes();
    /* The address sanitizer keeps what was freed for a while, and with it OpenSSL's buffers. */
    size_t allowance = IS_SANITIZED ? 400 * MIB : 2 * MIB;
    assert_true(after < before + allowance);
    assert_true(loop_block_pool(bench.loop)->used_count == 0);
    bench_fini(&bench);
}

static void test_100_mb_in_flat_memory(void **state) {
    (void)state;
    check_bulk(false);
    check_bulk(true);
}

static void check_back_pressure(bool is_tls) {
    struct bench bench;
    int window = 4 * MIB; /* as much as the system allows: more than a turn may take */
    bench_init(&bench, is_tls);
    setsockopt(bench.listen_fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
    bench.server.engine.deaf_at = 100000;
    bench_open(&bench);
    send_more(&bench.client, 32 * MIB);
    kit_run_for(bench.loop, 50);
    uint64_t stopped_at = bench.server.engine.received;
    assert_true(stopped_at >= 100000 && stopped_at <= 100000 + LOOP_READ_BYTES);
    assert_true(bench.client.engine.sent < 32 * MIB); /* the sender feels it */
    uint64_t turn = loop_turn(bench.loop);
    kit_run_for(bench.loop, 30);
    assert_int_equal(bench.server.engine.received, stopped_at);
    assert_true(loop_turn(bench.loop) - turn < 60); /* nor does the poller wake us for nothing */
    bench.server.engine.is_deaf = false;
    engine_notify(&bench.server.engine.engine);
    until_received(&bench, &bench.server.engine, 32 * MIB);
    /* However much there was to catch up with, other connections had their turns. */
    assert_true(bench.server.engine.turn_bytes_max <= 256 * 1024);
    bench_fini(&bench);
}

static void test_back_pressure_loses_nothing(void **state) {
    (void)state;
    check_back_pressure(false);
    check_back_pressure(true);
}

struct resumer {
    struct loop_timer timer;
    struct bench *bench;
    uint64_t goal;
    int resumed_count;
    bool is_closed;
};

static void resume(struct loop_timer *timer) {
    struct resumer *resumer = timer->context;
    struct kit_engine *engine = &resumer->bench->server.engine;
    if (engine->is_deaf) {
        resumer->resumed_count++;
        engine->is_deaf = false;
        engine->deaf_at = engine->received + 10000;
        engine_notify(&engine->engine);
    }
    loop_timer_set(timer, 0);
}

static void note_resumer_closed(struct loop_timer *timer) {
    CONTAINER_OF(timer, struct resumer, timer)->is_closed = true;
}

/* Stops and goes on hundreds of times, at every place a record or a socket buffer can be cut. */
static void check_stop_and_go(bool is_tls) {
    struct bench bench;
    bench_init(&bench, is_tls);
    bench.server.engine.deaf_at = 1;
    struct resumer resumer = {.bench = &bench};
    bench_open(&bench);
    loop_timer_init(&resumer.timer, bench.loop, resume, &resumer);
    loop_timer_set(&resumer.timer, 0);
    send_more(&bench.client, 8 * MIB);
    until_received(&bench, &bench.server.engine, 8 * MIB);
    assert_true(resumer.resumed_count > 50);
    loop_timer_close(&resumer.timer, note_resumer_closed);
    kit_until_true(bench.loop, &resumer.is_closed);
    bench_fini(&bench);
}

static void test_stop_and_go(void **state) {
    (void)state;
    check_stop_and_go(false);
    check_stop_and_go(true);
}

/* Records that came in one read sit inside OpenSSL: after a pause no poller would ever tell about them. */
static void test_bytes_inside_openssl_are_not_forgotten(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench.server.engine.deaf_at = 1;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &no_timeouts);
    bench.client.has_engine = false;
    kit_until_established(bench.loop, &bench.client, &bench.server);
    conn_set_engine(bench.client.conn, &bench.client.engine.engine);
    for (int i = 0; i < 8; i++) { /* eight records */
        send_more(&bench.client, 10);
        kit_run_for(bench.loop, 2);
    }
    assert_true(bench.server.engine.received < 80);
    for (int i = 0; i < 8; i++) {
        bench.server.engine.is_deaf = false;
        bench.server.engine.deaf_at = bench.server.engine.received + 1;
        engine_notify(&bench.server.engine.engine);
        kit_run_for(bench.loop, 2);
    }
    assert_int_equal(bench.server.engine.received, 80);
    bench_fini(&bench);
}

/* More records in one read than the budget of a turn: the rest is read in the next one, with nobody to wake us. */
static void test_budget_leaves_nothing_behind(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench.server.engine.is_deaf = true;
    bench_open(&bench);
    for (int i = 0; i < 60; i++) {
        send_more(&bench.client, 10);
        kit_run_for(bench.loop, 1);
    }
    assert_int_equal(bench.server.engine.received, 0);
    bench.server.engine.is_deaf = false;
    engine_notify(&bench.server.engine.engine);
    until_received(&bench, &bench.server.engine, 600);
    bench_fini(&bench);
}

/* A client's first bytes come in the same read as the end of its handshake, and nothing comes after them. */
static void test_bytes_with_the_end_of_the_handshake(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench.client.engine.to_send = 5;
    bench_open(&bench);
    until_received(&bench, &bench.server.engine, 5);
    bench_fini(&bench);
}

/* ---- the end ---- */

static void check_last_answer(bool is_tls) {
    struct bench bench;
    bench_init(&bench, is_tls);
    bench.server.engine.deaf_at = 1000;
    bench_open(&bench);
    send_more(&bench.client, 1000);
    until_received(&bench, &bench.server.engine, 1000);
    send_more(&bench.client, 50000); /* never read */
    kit_run_for(bench.loop, 10);
    bench.client.engine.is_deaf = true; /* and the answer is not read at once */
    bench.server.engine.phase = ENGINE_DONE;
    send_more(&bench.server, 300000);
    kit_run_for(bench.loop, 30);
    bench.client.engine.is_deaf = false;
    engine_notify(&bench.client.engine.engine);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_int_equal(bench.client.engine.received, 300000);
    assert_true(bench.client.engine.has_end);
    assert_string_equal(bench.server.why.slug, "closed");
    bench_fini(&bench);
}

/* A server that is done while the client still talks must not take its last answer away by a reset. */
static void test_last_answer_arrives_although_the_peer_talks_on(void **state) {
    (void)state;
    check_last_answer(false);
    check_last_answer(true);
}

static void test_close_flushes_first(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench_open(&bench);
    send_more(&bench.server, 5 * MIB);
    conn_close(bench.server.conn);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_int_equal(bench.client.engine.received, 5 * MIB);
    assert_string_equal(bench.server.why.slug, "closed");
    bench_fini(&bench);
}

static void check_abort(bool is_tls) {
    struct bench bench;
    bench_init(&bench, is_tls);
    bench_open(&bench);
    bench.server.is_inside = true;
    conn_abort(bench.server.conn);
    conn_abort(bench.server.conn);
    conn_close(bench.server.conn);
    bench.server.is_inside = false;
    assert_false(bench.server.engine.is_freed);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.server.why.slug, "aborted");
    assert_true(bench.server.engine.is_lost && bench.server.engine.is_freed);
    /* Without close_notify it is not an orderly end for a client that was in the middle of something. */
    assert_string_equal(bench.client.why.slug, is_tls ? "peer_reset" : "closed");
    assert_int_equal(bench.client.engine.has_end, !is_tls);
    bench_fini(&bench);
}

static void test_abort_is_told_later_and_once(void **state) {
    (void)state;
    check_abort(false);
    check_abort(true);
}

static void test_abort_inside_established(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench.server.aborts_on_established = true;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &no_timeouts);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.server.why.slug, "aborted");
    bench_fini(&bench);
}

static void test_abort_before_established_and_before_running(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench_connect(&bench, &no_timeouts);
    bench.client.is_inside = true;
    conn_abort(bench.client.conn);
    bench.client.is_inside = false;
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_false(bench.client.is_established);
    assert_string_equal(bench.client.why.slug, "aborted");
    bench_fini(&bench);
}

static void test_a_leaver_of_an_idle_connection_is_no_error(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    bench.server.engine.phase = ENGINE_IDLE;
    bench_open(&bench);
    conn_abort(bench.client.conn);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.server.why.slug, "closed");
    bench_fini(&bench);
}

/* The peer answers early and resets, as servers do that refuse an upload: its answer is still read. */
static void test_answer_before_a_reset_is_read(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench_connect(&bench, &no_timeouts);
    int fd = bench_accept_fd(&bench);
    kit_until_true(bench.loop, &bench.client.is_established);
    send_more(&bench.client, 64 * MIB);
    kit_run_for(bench.loop, 20);
    assert_int_equal(send(fd, bench.client.engine.pattern, 300, 0), 300);
    close(fd); /* with bytes unread: a reset */
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_int_equal(bench.client.engine.received, 300);
    assert_string_equal(bench.client.why.slug, "peer_reset");
    bench_fini(&bench);
}

/* The same, when it is a write of ours that meets the reset. */
static void test_answer_before_a_reset_is_read_after_a_failed_write(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench_connect(&bench, &no_timeouts);
    int fd = bench_accept_fd(&bench);
    kit_until_true(bench.loop, &bench.client.is_established);
    send_more(&bench.client, 100);
    kit_run_for(bench.loop, 5);
    assert_int_equal(send(fd, bench.client.engine.pattern, 300, 0), 300);
    close(fd);
    usleep(10000); /* the reset is there, and the poller has not been asked yet */
    send_more(&bench.client, 100);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_int_equal(bench.client.engine.received, 300);
    assert_string_equal(bench.client.why.slug, "peer_reset");
    bench_fini(&bench);
}

/* ---- time ---- */

static void test_handshake_timeout(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    struct conn_timeouts timeouts = {.handshake_ms = 40};
    struct tls_context *tls = bench.client_tls;
    bench.client_tls = NULL; /* says nothing */
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &timeouts);
    kit_until_true(bench.loop, &bench.server.is_closed);
    assert_string_equal(bench.server.why.slug, "timeout_handshake");
    bench.client_tls = tls;
    bench_fini(&bench);
}

static void check_phase_timeout(enum engine_phase phase, const struct conn_timeouts *timeouts,
                                const char *slug) {
    struct bench bench;
    bench_init(&bench, true);
    bench.server.engine.phase = ENGINE_BUSY;
    bench.server.engine.phase_change_at = 10;
    bench.server.engine.phase_then = phase;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, timeouts);
    kit_until_established(bench.loop, &bench.client, &bench.server);
    kit_run_for(bench.loop, 80);
    assert_false(bench.server.is_closed); /* busy: no deadline */
    send_more(&bench.client, 10);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.server.why.slug, slug);
    bench_fini(&bench);
}

static void test_head_and_idle_timeouts(void **state) {
    (void)state;
    check_phase_timeout(ENGINE_HEAD, &(struct conn_timeouts){.head_ms = 40}, "timeout_head");
    check_phase_timeout(ENGINE_IDLE, &(struct conn_timeouts){.idle_ms = 40}, "timeout_idle");
}

/* A trickle of bytes does not push the deadline of a head back. */
static void test_a_slow_head_is_cut_all_the_same(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench.server.engine.phase = ENGINE_IDLE;
    bench.server.engine.phase_change_at = 1;
    bench.server.engine.phase_then = ENGINE_HEAD;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &(struct conn_timeouts){.head_ms = 100});
    kit_until_established(bench.loop, &bench.client, &bench.server);
    int sent = 0;
    while (!bench.server.is_closed && sent < 200) {
        if (!bench.client.is_closed) {
            send_more(&bench.client, 1);
        }
        sent++;
        kit_run_for(bench.loop, 5);
    }
    assert_string_equal(bench.server.why.slug, "timeout_head");
    bench_fini(&bench);
}

/* One head after the other, each answered: no single one was slow. */
static void test_later_heads_have_their_own_time(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench.server.engine.phase = ENGINE_HEAD;
    bench.server.engine.is_echo = true;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &(struct conn_timeouts){.head_ms = 60});
    kit_until_established(bench.loop, &bench.client, &bench.server);
    for (int i = 0; i < 30; i++) {
        send_more(&bench.client, 1);
        kit_run_for(bench.loop, 8);
        assert_false(bench.server.is_closed);
    }
    kit_until_true(bench.loop, &bench.server.is_closed);
    assert_string_equal(bench.server.why.slug, "timeout_head");
    bench_fini(&bench);
}

static void test_no_idle_timeout_when_told_so(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench.server.engine.phase = ENGINE_IDLE;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &(struct conn_timeouts){.idle_ms = -1});
    kit_until_established(bench.loop, &bench.client, &bench.server);
    kit_run_for(bench.loop, 60);
    assert_false(bench.server.is_closed);
    conn_set_timeouts(bench.server.conn, &(struct conn_timeouts){.idle_ms = 20});
    kit_until_true(bench.loop, &bench.server.is_closed);
    assert_string_equal(bench.server.why.slug, "timeout_idle");
    bench_fini(&bench);
}

static void check_write_stall(bool is_tls, bool is_closing) {
    struct bench bench;
    bench_init(&bench, is_tls);
    bench.client.engine.is_deaf = true;
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &(struct conn_timeouts){.write_stall_ms = 60});
    kit_until_established(bench.loop, &bench.client, &bench.server);
    send_more(&bench.server, 200 * MIB);
    if (is_closing) {
        conn_close(bench.server.conn);
    }
    kit_until_true(bench.loop, &bench.server.is_closed);
    assert_string_equal(bench.server.why.slug, "timeout_write");
    bench_fini(&bench);
}

static void test_write_stall(void **state) {
    (void)state;
    check_write_stall(false, false);
    check_write_stall(true, false);
    check_write_stall(true, true);
}

/* ---- connecting ---- */

static void test_refused(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    int spare = kit_listen(&bench.address);
    close(spare); /* nobody listens there now */
    bench_connect(&bench, &no_timeouts);
    assert_false(bench.client.is_closed);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "tcp_connect");
    assert_non_null(strstr(bench.client.why.text, "refused"));
    assert_non_null(strstr(bench.client.why.text, "127.0.0.1:"));
    bench_fini(&bench);
}

static void connect_unix(struct bench *bench, const char *path) {
    struct conn_connect_config config = {.unix_path = path};
    bench->client.conn = conn_connect(bench->loop, &config, &kit_side_events, &bench->client);
}

static void test_unix_socket(void **state) {
    (void)state;
    struct bench bench;
    struct why why;
    char path[64];
    bench_init(&bench, false);
    snprintf(path, sizeof(path), "/tmp/conn_test.%d", (int)getpid());
    close(bench.listen_fd);
    assert_int_equal(socket_unix_address(path, &bench.address), STATUS_OK);
    assert_int_equal(socket_listen(&bench.address, false, &bench.listen_fd, &why), STATUS_OK);
    connect_unix(&bench, path);
    bench_accept(&bench, &no_timeouts);
    kit_until_established(bench.loop, &bench.client, &bench.server);
    send_more(&bench.client, MIB);
    until_received(&bench, &bench.server.engine, MIB);
    unlink(path);
    bench_fini(&bench);
}

static void test_unix_socket_that_is_not_there(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    connect_unix(&bench, "/nonexistent/socket");
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "tcp_connect");
    assert_non_null(strstr(bench.client.why.text, "/nonexistent/socket"));
    bench_fini(&bench);
    bench_init(&bench, false);
    char path[200];
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    connect_unix(&bench, path);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "tcp_connect");
    bench_fini(&bench);
}

static void test_wrong_authority(void **state) {
    (void)state;
    struct bench bench;
    struct kit_cert *stranger = kit_root();
    struct why why;
    bench_init(&bench, true);
    assert_int_equal(tls_context_set_trust(bench.client_tls, kit_chain(stranger), &why), STATUS_OK);
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &no_timeouts);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.client.why.slug, "tls_verify");
    assert_non_null(strstr(bench.client.why.text, "--ca-file"));
    assert_non_null(strstr(bench.client.why.text, "a.test"));
    kit_cert_free(stranger);
    bench_fini(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_100_mb_in_flat_memory),
        cmocka_unit_test(test_back_pressure_loses_nothing),
        cmocka_unit_test(test_stop_and_go),
        cmocka_unit_test(test_bytes_inside_openssl_are_not_forgotten),
        cmocka_unit_test(test_budget_leaves_nothing_behind),
        cmocka_unit_test(test_bytes_with_the_end_of_the_handshake),
        cmocka_unit_test(test_last_answer_arrives_although_the_peer_talks_on),
        cmocka_unit_test(test_close_flushes_first),
        cmocka_unit_test(test_abort_is_told_later_and_once),
        cmocka_unit_test(test_abort_inside_established),
        cmocka_unit_test(test_abort_before_established_and_before_running),
        cmocka_unit_test(test_a_leaver_of_an_idle_connection_is_no_error),
        cmocka_unit_test(test_answer_before_a_reset_is_read),
        cmocka_unit_test(test_answer_before_a_reset_is_read_after_a_failed_write),
        cmocka_unit_test(test_handshake_timeout),
        cmocka_unit_test(test_head_and_idle_timeouts),
        cmocka_unit_test(test_a_slow_head_is_cut_all_the_same),
        cmocka_unit_test(test_later_heads_have_their_own_time),
        cmocka_unit_test(test_no_idle_timeout_when_told_so),
        cmocka_unit_test(test_write_stall),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_unix_socket_that_is_not_there),
        cmocka_unit_test(test_wrong_authority),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
