/* Time: each phase has its deadline, and only its own. */
#include "net/conn.h"

#include "net/conn_test_kit.h"

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

/* It may wait for an answer, or have gone: which of the two shows only when something is sent. */
static void test_a_peer_that_closed_its_side_does_not_wait_for_ever(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench_connect(&bench, &(struct conn_timeouts){.half_closed_ms = 100});
    int fd = bench_accept_fd(&bench);
    kit_until_true(bench.loop, &bench.client.is_established);
    bench.client.engine.outlasts_end = true;
    bench.client.engine.phase = ENGINE_BUSY;
    kit_run_for(bench.loop, 150);
    assert_false(bench.client.is_closed); /* it has not closed anything */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    kit_until_true(bench.loop, &bench.client.engine.has_end);
    for (int i = 0; i < 6; i++) {
        kit_run_for(bench.loop, 50);
        send_more(&bench.client, 1);
    }
    assert_false(bench.client.is_closed);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "timeout_half_closed");
    close(fd);
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
    bench_accept(&bench, &(struct conn_timeouts){.head_ms = 250});
    kit_until_established(bench.loop, &bench.client, &bench.server);
    for (int i = 0; i < 50; i++) {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_timeout),
        cmocka_unit_test(test_head_and_idle_timeouts),
        cmocka_unit_test(test_a_slow_head_is_cut_all_the_same),
        cmocka_unit_test(test_a_peer_that_closed_its_side_does_not_wait_for_ever),
        cmocka_unit_test(test_later_heads_have_their_own_time),
        cmocka_unit_test(test_no_idle_timeout_when_told_so),
        cmocka_unit_test(test_write_stall),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
