#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/presence.h"

struct test_clock {
    struct clock clock;
    int64_t now_ms;
};

static int64_t read_clock(void *context) {
    return ((struct test_clock *)context)->now_ms;
}

static struct test_clock test_clock = {
    .clock = {.mono_ms = read_clock, .wall_ms = read_clock, .context = &test_clock},
    .now_ms = 1000000,
};

static const struct id edge_a = {.text = "edg_00000000000000000000000001"};
static const struct id edge_b = {.text = "edg_00000000000000000000000002"};
static const struct id gate = {.text = "wg_00000000000000000000000001"};

static void report(struct presence *presence, const struct id *edge, unsigned tunnels,
                   uint64_t revision) {
    const struct feed_message message = {
        .type = FEED_MESSAGE_WARPGATE,
        .warpgate = gate,
        .tunnels = tunnels,
        .ip_address = STR_INIT("192.0.2.1"),
        .version = STR_INIT("1.2.3"),
        .name = STR_INIT("box"),
        .code = STR_INIT(""),
        .revision = revision,
    };
    presence_report(presence, edge, &message);
}

static enum presence_status status_of(struct presence *presence) {
    struct presence_view view;
    presence_get(presence, &gate, &view);
    return view.status;
}

static void test_connected_and_gone(void **state) {
    struct presence *presence = presence_new(&test_clock.clock);
    struct presence_view view;
    (void)state;
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN); /* no edge is there to say */
    presence_edge_up(presence, &edge_a);
    assert_int_equal(status_of(presence), PRESENCE_DISCONNECTED);
    report(presence, &edge_a, 1, 7);
    presence_get(presence, &gate, &view);
    assert_int_equal(view.status, PRESENCE_CONNECTED);
    assert_int_equal(view.applied_revision, 7);
    assert_string_equal(view.ip_address, "192.0.2.1");
    assert_string_equal(view.version, "1.2.3");
    assert_true(view.is_known);
    report(presence, &edge_a, 0, 0);
    presence_get(presence, &gate, &view);
    assert_int_equal(view.status, PRESENCE_DISCONNECTED);
    assert_int_equal(view.applied_revision, 7);
    presence_free(&presence);
}

static void test_two_edges(void **state) {
    struct presence *presence = presence_new(&test_clock.clock);
    (void)state;
    presence_edge_up(presence, &edge_a);
    presence_edge_up(presence, &edge_b);
    report(presence, &edge_a, 1, 1);
    report(presence, &edge_b, 1, 2);
    report(presence, &edge_a, 0, 0);
    assert_int_equal(status_of(presence), PRESENCE_CONNECTED);
    presence_edge_down(presence, &edge_b);
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    report(presence, &edge_a, 1, 2);
    assert_int_equal(status_of(presence), PRESENCE_CONNECTED);
    presence_free(&presence);
}

static void test_an_edge_that_comes_back(void **state) {
    struct presence *presence = presence_new(&test_clock.clock);
    (void)state;
    presence_edge_up(presence, &edge_a);
    report(presence, &edge_a, 1, 1);
    presence_edge_down(presence, &edge_a);
    presence_sweep(presence);
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    presence_edge_up(presence, &edge_a);
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    report(presence, &edge_a, 1, 1);
    test_clock.now_ms += PRESENCE_SETTLE_MS;
    presence_sweep(presence);
    assert_int_equal(status_of(presence), PRESENCE_CONNECTED);
    /* The second time it does not mention the warpgate any more. */
    presence_edge_down(presence, &edge_a);
    presence_edge_up(presence, &edge_a);
    test_clock.now_ms += PRESENCE_SETTLE_MS;
    presence_sweep(presence);
    assert_int_equal(status_of(presence), PRESENCE_DISCONNECTED);
    presence_free(&presence);
}

static void test_an_edge_that_never_comes_back(void **state) {
    struct presence *presence = presence_new(&test_clock.clock);
    struct id ids[2];
    (void)state;
    presence_edge_up(presence, &edge_a);
    presence_edge_up(presence, &edge_b);
    report(presence, &edge_a, 1, 1);
    presence_edge_down(presence, &edge_a);
    test_clock.now_ms += PRESENCE_STALE_MS - 1;
    presence_sweep(presence);
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    test_clock.now_ms += 1;
    presence_sweep(presence);
    assert_int_equal(status_of(presence), PRESENCE_DISCONNECTED);
    assert_int_equal(presence_take_changed(presence, ids, 2), 1);
    presence_free(&presence);
}

/* Nobody can say anything, but not for ever. */
static void test_no_edge_at_all(void **state) {
    struct presence *presence = presence_new(&test_clock.clock);
    (void)state;
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    test_clock.now_ms += PRESENCE_STALE_MS - 1;
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    test_clock.now_ms += 1;
    assert_int_equal(status_of(presence), PRESENCE_DISCONNECTED);
    presence_edge_up(presence, &edge_a);
    presence_edge_down(presence, &edge_a);
    assert_int_equal(status_of(presence), PRESENCE_UNKNOWN);
    test_clock.now_ms += PRESENCE_STALE_MS;
    assert_int_equal(status_of(presence), PRESENCE_DISCONNECTED);
    presence_free(&presence);
}

static void test_what_is_to_be_kept(void **state) {
    struct presence *presence = presence_new(&test_clock.clock);
    struct presence_view view;
    struct id ids[2];
    (void)state;
    presence_edge_up(presence, &edge_a);
    report(presence, &edge_a, 1, 1);
    report(presence, &edge_a, 0, 0);
    /* Nothing is thrown away before it has been taken. */
    presence_sweep(presence);
    presence_get(presence, &gate, &view);
    assert_true(view.is_known);
    assert_int_equal(presence_take_changed(presence, ids, 2), 1);
    assert_true(id_eq(&ids[0], &gate));
    assert_int_equal(presence_take_changed(presence, ids, 2), 0);
    presence_sweep(presence);
    presence_get(presence, &gate, &view);
    assert_false(view.is_known);
    assert_int_equal(view.status, PRESENCE_DISCONNECTED);
    presence_free(&presence);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connected_and_gone),
        cmocka_unit_test(test_two_edges),
        cmocka_unit_test(test_an_edge_that_comes_back),
        cmocka_unit_test(test_an_edge_that_never_comes_back),
        cmocka_unit_test(test_no_edge_at_all),
        cmocka_unit_test(test_what_is_to_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
