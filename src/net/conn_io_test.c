/* Bytes: all of them, in order, in bounded memory, under back-pressure and within a turn's budget. */
#include "net/conn.h"

#include "net/conn_test_kit.h"

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

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
    send_more(&bench.client, 1);
    until_received(&bench, &bench.client.engine, 1);
    send_more(&bench.client, 3 * MIB);
    until_received(&bench, &bench.client.engine, 3 * MIB + 1);
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

/* Many short answers cost more than few long ones: nobody gets thousands of them in one turn. */
static void test_short_writes_take_turns(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench, true);
    bench.client.engine.piece_max = 100;
    bench_open(&bench);
    send_more(&bench.client, 100000);
    until_received(&bench, &bench.server.engine, 100000);
    assert_in_range(bench.client.engine.turn_writes_max, 1, 64);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_100_mb_in_flat_memory),
        cmocka_unit_test(test_back_pressure_loses_nothing),
        cmocka_unit_test(test_stop_and_go),
        cmocka_unit_test(test_bytes_inside_openssl_are_not_forgotten),
        cmocka_unit_test(test_short_writes_take_turns),
        cmocka_unit_test(test_budget_leaves_nothing_behind),
        cmocka_unit_test(test_bytes_with_the_end_of_the_handshake),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
