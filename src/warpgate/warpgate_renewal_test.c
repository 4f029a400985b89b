/* A whole agent and its control plane. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_test_kit.h"

static void test_a_refused_key_ends_the_agent(void **state) {
    (void)world_setup(state);
    world.fail_status = 401;
    (void)snprintf(world.fail_code, sizeof(world.fail_code), "key_unknown");
    world_start_warpgate();
    assert_true(world_until(world_has_ended));
    assert_int_equal(world.outcome, STATUS_DENIED);
}

static bool has_tried_twice(void) {
    return world.enrol_count >= 2;
}

static void test_other_refusals_are_tried_again(void **state) {
    (void)world_setup(state);
    world.fail_status = 503;
    (void)snprintf(world.fail_code, sizeof(world.fail_code), "busy");
    world_start_warpgate();
    assert_true(world_until(has_tried_twice));
    assert_false(world.has_ended);
    world.fail_status = 0;
    assert_true(world_until(world_is_connected));
}

static bool has_renewed(void) {
    return world.renew_count >= 1 && world.tunnel_count >= 2 && world_is_connected() &&
           world.tunnels[0].is_gone;
}

static void test_a_certificate_is_renewed_at_half_life(void **state) {
    (void)world_setup(state);
    world.lifetime_seconds = 2;
    world_open_workload();
    world_start_warpgate();
    assert_true(world_until(world_is_connected));
    world.lifetime_seconds = 86400;
    assert_false(world_until(world_never)); /* the clock is looked at every 5 s */
    assert_true(world_until(has_renewed) || world.enrol_count == 2);
    ask("GET", WORLD_HOST, "/echo", NULL);
    assert_int_equal(exchange.status, 200);
}

static bool has_begun_anew(void) {
    return world.enrol_count >= 2;
}

static void test_after_three_failed_renewals_it_enrols_again(void **state) {
    (void)world_setup(state);
    world_start_warpgate();
    assert_true(world_until(world_is_connected));
    world.fail_status = 503;
    (void)snprintf(world.fail_code, sizeof(world.fail_code), "busy");
    world_offset_ms += (int64_t)13 * 3600 * 1000;
    /* The clock is looked at every 5 s, and each wait is for 5 s at most. */
    assert_true(world_until(has_begun_anew) || world_until(has_begun_anew));
    assert_int_equal(world.renew_count, 3);
    assert_false(world.has_ended);
    world.fail_status = 0;
    assert_true(world_until(world_is_connected));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ALONE(test_a_refused_key_ends_the_agent),
        ALONE(test_other_refusals_are_tried_again),
        ALONE(test_a_certificate_is_renewed_at_half_life),
        ALONE(test_after_three_failed_renewals_it_enrols_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
