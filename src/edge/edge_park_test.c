#include "edge/edge_park.h"

#include "edge/edge_test_case.h"

/* There was a tunnel a moment ago. */
static void serve_once(void) {
    (void)kit_connect(kit, 0, KIT_ANSWER);
    kit_lose(&kit->tunnels[0]);
}

static void where_none_is_expected_nobody_waits(void **state) {
    (void)state;
    kit_send(kit, KIT_GET);
    assert_true(has_said("\"no_warpgate\""));
}

static void it_waits_for_the_tunnel_that_comes_back(void **state) {
    (void)state;
    serve_once();
    kit_send(kit, KIT_GET);
    assert_int_equal(kit->out_len, 0);
    assert_int_equal(kit->worker.parked_count, 1);
    struct kit_tunnel *at = kit_connect(kit, 1, KIT_ANSWER);
    assert_int_equal(at->request_count, 0); /* at the end of the iteration, not inside of it */
    kit_turn(kit);
    assert_int_equal(at->request_count, 1);
    assert_true(has_said("hello"));
}

static void but_not_for_long(void **state) {
    (void)state;
    serve_once();
    kit_send(kit, KIT_GET);
    kit_pass(kit, EDGE_PARK_MS - 100);
    assert_int_equal(kit->out_len, 0);
    kit_pass(kit, 300);
    assert_true(has_said("HTTP/1.1 503 "));
    assert_true(has_said("\"no_warpgate\""));
    assert_int_equal(kit_environment(kit)->parked_count, 0);
}

/* Each of them has a place that others may want. */
static void nor_for_as_long_as_a_body_drips(void **state) {
    (void)state;
    serve_once();
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 10\r\n\r\n");
    for (unsigned i = 0; i < 5 && kit->out_len == 0; i++) {
        kit_pass(kit, EDGE_PARK_MS / 2);
        kit_send(kit, "x");
    }
    assert_true(has_said("\"no_warpgate\""));
    assert_int_equal(kit->worker.parked_count, 0);
}

static void and_not_after_a_long_time_without(void **state) {
    (void)state;
    serve_once();
    kit_pass(kit, EDGE_PARK_RECENT_MS);
    kit_send(kit, KIT_GET);
    assert_true(has_said("\"no_warpgate\""));
}

static void an_edge_that_has_just_begun_expects_everybody(void **state) {
    (void)state;
    kit->worker.started_ms = loop_now_ms(kit->loop);
    kit_send(kit, KIT_GET);
    assert_int_equal(kit->out_len, 0);
    assert_int_equal(kit->worker.parked_count, 1);
    kit_pass(kit, EDGE_PARK_BEGINNING_MS - 100);
    assert_int_equal(kit->out_len, 0);
    kit_pass(kit, 300);
    assert_true(has_said("\"no_warpgate\""));
}

static void visitors_that_go_do_not_wait(void **state) {
    (void)state;
    serve_once();
    kit_send(kit, KIT_GET);
    kit_leave(kit);
    assert_int_equal(kit->worker.parked_count, 0);
    assert_int_equal(kit->worker.wheel.count, 0);
    struct kit_tunnel *at = kit_connect(kit, 1, KIT_ANSWER);
    kit_turn(kit);
    assert_int_equal(at->request_count, 0);
}

static void bodies_wait_with_it(void **state) {
    (void)state;
    serve_once();
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST
                  "\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(kit->out_len, 0); /* no 100 before there is somebody to take it */
    struct kit_tunnel *at = kit_connect(kit, 1, KIT_HOLD);
    kit_turn(kit);
    assert_true(has_said("HTTP/1.1 100 "));
    kit_send(kit, "12345");
    kit_send(kit, "67890");
    assert_int_equal(at->received, 10);
}

/* A tunnel that is full has room for one after the other; nobody waits for longer because of that. */
static void a_full_tunnel_is_waited_for(void **state) {
    (void)state;
    kit->far_streams = 1;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    kit_weigh_down(kit, at);
    kit_send(kit, KIT_GET);
    assert_int_equal(at->request_count, 0);
    assert_int_equal(kit->worker.parked_count, 1);
    for (unsigned i = 0; i < 3; i++) {
        kit_pass(kit, EDGE_PARK_MS / 4);
        edge_park_wake(kit_environment(kit));
        kit_turn(kit);
        assert_int_equal(kit->worker.parked_count, 1);
    }
    kit_pass(kit, EDGE_PARK_MS / 4 + 300);
    assert_true(has_said("\"no_warpgate\""));
}

static void too_many_do_not_wait(void **state) {
    (void)state;
    serve_once();
    kit_environment(kit)->parked_count = EDGE_PARK_ENVIRONMENT_MAX;
    kit_send(kit, KIT_GET);
    assert_true(has_said("\"no_warpgate\""));
    kit_environment(kit)->parked_count = 0;
    kit->worker.parked_count = EDGE_PARK_WORKER_MAX;
    kit->out_len = 0;
    kit_send(kit, KIT_GET);
    assert_true(has_said("\"no_warpgate\""));
    kit->worker.parked_count = 0;
}

static void when_the_environment_goes_so_do_they(void **state) {
    (void)state;
    serve_once();
    kit_send(kit, KIT_GET);
    edge_park_wake(kit_environment(kit));
    edge_environment_remove(kit_environment(kit));
    kit_turn(kit);
    assert_true(has_said("\"no_warpgate\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(where_none_is_expected_nobody_waits),
        TEST(it_waits_for_the_tunnel_that_comes_back),
        TEST(but_not_for_long),
        TEST(nor_for_as_long_as_a_body_drips),
        TEST(and_not_after_a_long_time_without),
        TEST(an_edge_that_has_just_begun_expects_everybody),
        TEST(visitors_that_go_do_not_wait),
        TEST(bodies_wait_with_it),
        TEST(a_full_tunnel_is_waited_for),
        TEST(too_many_do_not_wait),
        TEST(when_the_environment_goes_so_do_they),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
