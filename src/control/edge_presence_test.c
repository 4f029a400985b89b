#include "control/edge_presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct id one = {.text = "edg_00000000000000000000000001"};
static const struct id two = {.text = "edg_00000000000000000000000002"};

static int64_t wall_ms = 1000000;

static int64_t read_wall(void *context) {
    (void)context;
    return wall_ms;
}

static const struct clock test_clock = {read_wall, read_wall, NULL};

static void test_comes_and_goes(void **state) {
    (void)state;
    struct edge_presence *presence = edge_presence_new(&test_clock);
    struct edge_presence_view view;
    const struct feed_load load = {.connections = 3, .tunnels = 2};
    edge_presence_get(presence, &one, &view);
    assert_false(view.is_known || view.is_connected);
    edge_presence_up(presence, &one, "192.0.2.1", 77);
    edge_presence_version(presence, &one, STR("1.0"));
    edge_presence_load(presence, &one, &load);
    edge_presence_get(presence, &one, &view);
    assert_true(view.is_known && view.is_connected && view.has_load);
    assert_string_equal(view.version, "1.0");
    assert_string_equal(view.ip_address, "192.0.2.1");
    assert_int_equal(view.load.connections, 3);
    assert_int_equal(view.certificate_until_ms, 77);
    assert_int_equal(view.seen_at_ms, wall_ms);
    edge_presence_renewed(presence, &one, 99);
    edge_presence_down(presence, &one);
    edge_presence_get(presence, &one, &view);
    assert_true(view.is_known && !view.is_connected && !view.has_load);
    assert_int_equal(view.certificate_until_ms, 99);
    edge_presence_free(&presence);
}

/* That an edge is still there is worth a write a minute, and everything else one at once. */
static void test_what_is_worth_keeping(void **state) {
    (void)state;
    struct edge_presence *presence = edge_presence_new(&test_clock);
    struct id ids[4];
    assert_int_equal(edge_presence_take_changed(presence, ids, 4), 0);
    edge_presence_up(presence, &one, "192.0.2.1", 77);
    edge_presence_up(presence, &two, "192.0.2.2", 77);
    assert_int_equal(edge_presence_take_changed(presence, ids, 1), 1);
    assert_int_equal(edge_presence_take_changed(presence, ids, 4), 1);
    edge_presence_heard(presence, &one);
    assert_int_equal(edge_presence_take_changed(presence, ids, 4), 0);
    wall_ms += 60001;
    edge_presence_heard(presence, &one);
    assert_int_equal(edge_presence_take_changed(presence, ids, 4), 1);
    assert_true(id_eq(&ids[0], &one));
    edge_presence_down(presence, &two);
    assert_int_equal(edge_presence_take_changed(presence, ids, 4), 1);
    assert_true(id_eq(&ids[0], &two));
    edge_presence_free(&presence);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_and_goes),
        cmocka_unit_test(test_what_is_worth_keeping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
