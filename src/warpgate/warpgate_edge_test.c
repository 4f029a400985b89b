/* The tunnels of a whole agent to one edge. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_test_kit.h"

static bool has_two_tunnels(void) {
    return world.tunnel_count == 2 && world_is_connected();
}

static bool has_four_tunnels(void) {
    return world.tunnel_count == 4 && world_is_connected();
}

static void test_a_lost_tunnel_is_made_again(void **state) {
    (void)state;
    conn_abort(world.tunnels[0].conn);
    assert_true(world_until(has_two_tunnels));
    ask("GET", WORLD_HOST, "/echo", NULL);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(world.enrol_count, 1); /* reconnecting needs no control plane */
}

static void test_as_many_tunnels_as_the_edge_wants(void **state) {
    (void)state;
    const struct tunnel_message more = {.type = TUNNEL_MESSAGE_TUNNELS, .count = 4};
    world_send(&world.tunnels[0], &more);
    assert_true(world_until(has_four_tunnels));
    world_pass(200);
    assert_int_equal(world.tunnel_count, 4);
}

static bool is_first_gone(void) {
    return world.tunnels[0].is_gone;
}

static bool has_replaced_one(void) {
    return world.tunnel_count == 5 && world_is_connected();
}

static size_t count_gone(void) {
    size_t count = 0;
    for (size_t i = 0; i < world.tunnel_count; i++) {
        count += world.tunnels[i].is_gone ? 1 : 0;
    }
    return count;
}

static bool are_two_gone(void) {
    return count_gone() == 2;
}

static bool are_four_gone(void) {
    return count_gone() == 4;
}

static void test_one_of_several_is_made_again_alone(void **state) {
    (void)state;
    const struct tunnel_message more = {.type = TUNNEL_MESSAGE_TUNNELS, .count = 4};
    world_send(&world.tunnels[0], &more);
    assert_true(world_until(has_four_tunnels));
    world_pass(100);
    conn_abort(world.tunnels[1].conn);
    assert_true(world_until(has_replaced_one));
    world_pass(300);
    assert_int_equal(world.tunnel_count, 5);
    assert_int_equal(count_gone(), 1);
}

static void test_fewer_tunnels_than_before(void **state) {
    (void)state;
    const struct tunnel_message more = {.type = TUNNEL_MESSAGE_TUNNELS, .count = 4};
    const struct tunnel_message fewer = {.type = TUNNEL_MESSAGE_TUNNELS, .count = 2};
    world_send(&world.tunnels[0], &more);
    assert_true(world_until(has_four_tunnels));
    world_pass(100);
    world_send(&world.tunnels[0], &fewer);
    assert_true(world_until(are_two_gone));
    world_pass(300);
    assert_int_equal(world.tunnel_count, 4); /* no new one in their place */
    assert_false(world.tunnels[0].is_gone || world.tunnels[1].is_gone); /* the youngest went */
    assert_true(world.tunnels[2].got_goaway && world.tunnels[3].got_goaway);
}

static void test_all_tunnels_drain_at_the_end(void **state) {
    (void)state;
    const struct tunnel_message more = {.type = TUNNEL_MESSAGE_TUNNELS, .count = 4};
    world_send(&world.tunnels[0], &more);
    assert_true(world_until(has_four_tunnels));
    world_pass(100);
    warpgate_stop(world.warpgate);
    assert_true(world_until(are_four_gone));
    for (size_t i = 0; i < 4; i++) {
        assert_true(world.tunnels[i].got_goaway);
    }
    assert_true(world_until(world_has_ended));
    assert_int_equal(world.outcome, STATUS_OK);
}

static bool has_tunnel_three(void) {
    return world.tunnel_count == 3 && world_is_connected();
}

/* However many orders: the old tunnel serves until the new one does, and there is one new one. */
static void test_an_edge_that_repeats_its_order(void **state) {
    (void)state;
    const struct tunnel_message drain = {.type = TUNNEL_MESSAGE_DRAIN};
    for (int i = 0; i < 5; i++) {
        world_send(&world.tunnels[0], &drain);
    }
    assert_true(world_until(has_two_tunnels));
    assert_true(world_until(is_first_gone));
    world_send(&world.tunnels[1], &drain);
    assert_true(world_until(has_tunnel_three));
    world_pass(300);
    assert_int_equal(world.tunnel_count, 3);
}

static void test_drain_makes_the_new_tunnel_first(void **state) {
    (void)state;
    const struct tunnel_message drain = {.type = TUNNEL_MESSAGE_DRAIN};
    world_open(&exchange, "POST", WORLD_HOST, "/echo", NULL, false);
    assert_true(world_until(is_exchange_answered));
    world_send(&world.tunnels[0], &drain);
    assert_true(world_until(has_two_tunnels));
    world_pass(200);
    assert_true(world.tunnels[0].got_goaway);
    assert_false(is_first_gone()); /* a request is still running */
    http_stream_end(exchange.stream, NULL);
    assert_true(world_until(is_exchange_closed));
    assert_int_equal(exchange.reason, HTTP_CLOSE_DONE);
    assert_true(world_until(is_first_gone));
    assert_false(world.tunnels[1].is_gone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CONNECTED(test_a_lost_tunnel_is_made_again),
        CONNECTED(test_as_many_tunnels_as_the_edge_wants),
        CONNECTED(test_one_of_several_is_made_again_alone),
        CONNECTED(test_fewer_tunnels_than_before),
        CONNECTED(test_all_tunnels_drain_at_the_end),
        CONNECTED(test_an_edge_that_repeats_its_order),
        CONNECTED(test_drain_makes_the_new_tunnel_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
