/* What TCP tells about bytes on their way. */
#include "net/conn_progress.h"

#include "net/conn_test_kit.h"

static bool is_all_acked(struct bench *bench) {
    return !conn_progress(bench->client.conn).is_outstanding;
}

static void test_what_is_read_is_acknowledged(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench_open(&bench);
    send_more(&bench.client, MIB);
    until_received(&bench, &bench.server.engine, MIB);
    for (int i = 0; i < 1000 && !is_all_acked(&bench); i++) {
        usleep(1000);
    }
    assert_true(is_all_acked(&bench));
    /* The opening of the connection counts as one. */
    assert_in_range(conn_progress(bench.client.conn).acked_bytes, MIB, MIB + 1);
    bench_fini(&bench);
}

static void test_a_peer_that_takes_nothing(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    bench_open(&bench);
    bench.server.engine.is_deaf = true;
    engine_notify(&bench.server.engine.engine);
    send_more(&bench.client, 64 * MIB);
    struct conn_progress before = {0};
    struct conn_progress now = {0};
    /* Its system takes what it has room for, and then no more. */
    for (int i = 0; i < 50 && (now.acked_bytes == 0 || before.acked_bytes != now.acked_bytes);
         i++) {
        before = now;
        kit_run_for(bench.loop, 100);
        now = conn_progress(bench.client.conn);
    }
    assert_int_equal(before.acked_bytes, now.acked_bytes);
    assert_true(before.is_outstanding && now.is_outstanding);
    bench_fini(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read_is_acknowledged),
        cmocka_unit_test(test_a_peer_that_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
