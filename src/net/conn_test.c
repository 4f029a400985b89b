/* Life: established once, closed once, never from inside a call, and what the peer sees of it. */
#include "net/conn.h"

#include "net/conn_test_kit.h"

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

/* The peer closes its sending side and waits: what is still owed to it is sent. */
static void test_a_peer_may_close_its_side_and_wait(void **state) {
    (void)state;
    struct bench bench;
    uint8_t got[1000];
    bench_init(&bench, false);
    bench_connect(&bench, &no_timeouts);
    int fd = bench_accept_fd(&bench);
    kit_until_true(bench.loop, &bench.client.is_established);
    bench.client.engine.outlasts_end = true;
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    kit_until_true(bench.loop, &bench.client.engine.has_end);
    kit_run_for(bench.loop, 20);
    assert_false(bench.client.is_closed);
    send_more(&bench.client, sizeof got);
    kit_run_for(bench.loop, 20);
    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), sizeof got);
    bench.client.engine.outlasts_end = false;
    send_more(&bench.client, 1);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "closed");
    close(fd);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_answer_arrives_although_the_peer_talks_on),
        cmocka_unit_test(test_close_flushes_first),
        cmocka_unit_test(test_abort_is_told_later_and_once),
        cmocka_unit_test(test_abort_inside_established),
        cmocka_unit_test(test_abort_before_established_and_before_running),
        cmocka_unit_test(test_a_leaver_of_an_idle_connection_is_no_error),
        cmocka_unit_test(test_a_peer_may_close_its_side_and_wait),
        cmocka_unit_test(test_answer_before_a_reset_is_read),
        cmocka_unit_test(test_answer_before_a_reset_is_read_after_a_failed_write),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
