#include "edge/edge_probe.h"

#include "edge/edge_roster_report.h"
#include "edge/edge_test_kit.h"

#define LOOK_MS 250

static struct kit *kit;
static struct kit_tunnel *at;

static int start(void **state) {
    (void)state;
    kit = kit_new();
    kit_configure(kit, 1);
    at = kit_connect(kit, 0, KIT_ANSWER);
    at->tunnel.probe.is_understood = true;
    kit_pass(kit, 0);
    return 0;
}

static int stop(void **state) {
    (void)state;
    kit_free(kit);
    return 0;
}

static void pass(int64_t time_ms) {
    for (int64_t passed_ms = 0; passed_ms < time_ms; passed_ms += LOOK_MS) {
        kit_pass(kit, LOOK_MS);
    }
}

static void an_idle_tunnel_is_asked_now_and_then(void **state) {
    (void)state;
    pass(EDGE_PROBE_QUIET_MS - LOOK_MS);
    assert_int_equal(at->request_count, 0);
    pass(2 * LOOK_MS);
    assert_int_equal(at->request_count, 1);
    assert_string_equal(at->text, "GET edge /mezusphere/probe ");
    assert_null(at->tunnel.probe.exchange); /* nothing is kept in between */
    assert_false(at->tunnel.probe.is_silent);
    pass(EDGE_PROBE_QUIET_MS + 2 * LOOK_MS);
    assert_int_equal(at->request_count, 2);
}

static void an_answer_to_a_visitor_is_proof_enough(void **state) {
    (void)state;
    pass(EDGE_PROBE_QUIET_MS - 2 * LOOK_MS);
    kit_send(kit, KIT_GET);
    assert_int_equal(at->request_count, 1);
    pass(EDGE_PROBE_QUIET_MS - LOOK_MS);
    assert_int_equal(at->request_count, 1);
    pass(2 * LOOK_MS);
    assert_int_equal(at->request_count, 2);
}

static void no_answer_is_noticed_in_time_and_one_mends_it(void **state) {
    (void)state;
    at->mode = KIT_HOLD;
    int64_t passed_ms = 0;
    while (!at->tunnel.probe.is_silent && passed_ms < 20000) {
        pass(LOOK_MS);
        passed_ms += LOOK_MS;
    }
    assert_true(passed_ms <= 10000);
    assert_true(passed_ms >= EDGE_PROBE_QUIET_MS + EDGE_PROBE_LIMIT_MS);
    assert_int_equal(at->tunnel.state, EDGE_TUNNEL_READY); /* requests may still try */
    assert_int_equal(at->cancelled_count, 1);
    at->mode = KIT_ANSWER;
    pass(EDGE_PROBE_AGAIN_MS + 2 * LOOK_MS);
    assert_int_equal(at->request_count, 2);
    assert_false(at->tunnel.probe.is_silent);
}

static void an_error_of_the_warpgates_own_is_an_answer(void **state) {
    (void)state;
    at->mode = KIT_ERROR;
    pass(2 * (EDGE_PROBE_QUIET_MS + EDGE_PROBE_LIMIT_MS));
    assert_true(at->request_count >= 3);
    assert_false(at->tunnel.probe.is_silent);
}

static void an_older_warpgate_is_not_asked(void **state) {
    (void)state;
    at->tunnel.probe.is_understood = false;
    at->mode = KIT_HOLD;
    pass(30000);
    assert_int_equal(at->request_count, 0);
    assert_false(at->tunnel.probe.is_silent);
}

/* The edge was stopped, and its warpgate had no chance to be heard. */
static void time_that_the_edge_slept_does_not_count(void **state) {
    (void)state;
    at->mode = KIT_HOLD;
    pass(EDGE_PROBE_QUIET_MS + LOOK_MS);
    assert_non_null(at->tunnel.probe.exchange);
    kit_pass(kit, 60000);
    assert_false(at->tunnel.probe.is_silent);
    pass(EDGE_PROBE_LIMIT_MS);
    assert_true(at->tunnel.probe.is_silent);
}

static void a_tunnel_that_is_lost_takes_its_probe_along(void **state) {
    (void)state;
    at->mode = KIT_HOLD;
    pass(EDGE_PROBE_QUIET_MS + LOOK_MS);
    assert_non_null(at->tunnel.probe.exchange);
    struct edge_tunnel *tunnel = &at->tunnel;
    kit_lose(at);
    kit_turn(kit);
    assert_null(tunnel->probe.exchange);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_idle_tunnel_is_asked_now_and_then, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_to_a_visitor_is_proof_enough, start, stop),
        cmocka_unit_test_setup_teardown(no_answer_is_noticed_in_time_and_one_mends_it, start, stop),
        cmocka_unit_test_setup_teardown(an_error_of_the_warpgates_own_is_an_answer, start, stop),
        cmocka_unit_test_setup_teardown(an_older_warpgate_is_not_asked, start, stop),
        cmocka_unit_test_setup_teardown(time_that_the_edge_slept_does_not_count, start, stop),
        cmocka_unit_test_setup_teardown(a_tunnel_that_is_lost_takes_its_probe_along, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
