#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_test_kit.h"

static void test_stop_finishes_what_runs(void **state) {
    (void)state;
    world_open(&exchange, "POST", WORLD_HOST, "/echo", NULL, false);
    assert_true(world_until(is_exchange_answered));
    warpgate_stop(world.warpgate);
    world_pass(200);
    assert_false(world.has_ended);
    http_stream_send(exchange.stream, (const uint8_t *)"end", 3);
    http_stream_end(exchange.stream, NULL);
    assert_true(world_until(is_exchange_closed));
    assert_true(body_has("end"));
    assert_true(world_until(world_has_ended));
    assert_int_equal(world.outcome, STATUS_OK);
}

static void test_a_second_stop_cuts(void **state) {
    (void)state;
    world_open(&exchange, "GET", WORLD_HOST, "/hang", NULL, true);
    world_pass(100);
    warpgate_stop(world.warpgate);
    world_pass(100);
    assert_false(world.has_ended);
    warpgate_stop(world.warpgate);
    assert_true(world_until(world_has_ended));
    assert_int_equal(world.outcome, STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CONNECTED(test_stop_finishes_what_runs),
        CONNECTED(test_a_second_stop_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
