#include "control/presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static const struct id edge_a = {.text = "edg_00000000000000000000000001"};
static const struct id edge_b = {.text = "edg_00000000000000000000000002"};
static const struct id gate_1 = {.text = "wg_00000000000000000000000001"};
static const struct id gate_2 = {.text = "wg_00000000000000000000000002"};
static const struct id shop = {.text = "env_00000000000000000000000001"};
static const struct id blog = {.text = "env_00000000000000000000000002"};

static struct presence *presence;

static int setup(void **state) {
    (void)state;
    presence = presence_new(clock_system());
    presence_edge_up(presence, &edge_a);
    presence_edge_up(presence, &edge_b);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    presence_free(&presence);
    return 0;
}

/* `states`: one letter for each upstream a, b, …: u up, d down, ? unknown. */
static void report(const struct id *edge, const struct id *gate, unsigned tunnels,
                   uint64_t revision, const char *states) {
    static const char *const names[] = {"a", "b", "c"};
    struct feed_message message = {
        .type = FEED_MESSAGE_WARPGATE,
        .warpgate = *gate,
        .environment = shop,
        .tunnels = tunnels,
        .ip_address = STR_INIT("192.0.2.1"),
        .version = STR_INIT("1.2.3"),
        .name = STR_INIT("box"),
        .code = STR_INIT(""),
        .revision = revision,
    };
    for (size_t i = 0; states[i] != '\0'; i++) {
        message.upstreams[message.upstream_count++] = (struct upstream_state){
            .name = str_from(names[i]),
            .is_known = states[i] != '?',
            .is_up = states[i] == 'u',
        };
    }
    presence_report(presence, edge, &message);
}

static void test_tunnels_of_all_edges_are_summed(void **state) {
    struct presence_view view;
    (void)state;
    report(&edge_a, &gate_1, 3, 1, "");
    report(&edge_b, &gate_1, 2, 1, "");
    presence_get(presence, &gate_1, &view);
    assert_int_equal(view.tunnel_count, 5);
    /* A later report of the same edge takes the place of the earlier one. */
    report(&edge_a, &gate_1, 1, 1, "");
    presence_get(presence, &gate_1, &view);
    assert_int_equal(view.tunnel_count, 3);
    presence_edge_down(presence, &edge_b);
    presence_get(presence, &gate_1, &view);
    assert_int_equal(view.tunnel_count, 1);
}

static void test_upstreams_are_those_of_the_last_report(void **state) {
    struct presence_view view;
    (void)state;
    report(&edge_a, &gate_1, 1, 1, "u?");
    report(&edge_a, &gate_1, 1, 1, "du");
    presence_get(presence, &gate_1, &view);
    assert_int_equal(view.upstream_count, 2);
    json_t *list = presence_write_upstreams(view.upstreams, view.upstream_count);
    json_t *wanted = json_pack("[{s:s,s:s},{s:s,s:s}]", "name", "a", "state", "down", "name", "b",
                               "state", "up");
    assert_true(json_equal(list, wanted));
    json_decref(wanted);
    json_decref(list);
    report(&edge_a, &gate_1, 0, 1, "du");
    presence_get(presence, &gate_1, &view);
    assert_int_equal(view.status, PRESENCE_DISCONNECTED);
    assert_int_equal(view.upstream_count, 0);
}

static void test_what_an_environment_adds_up_to(void **state) {
    struct presence_summary summary;
    (void)state;
    presence_summarize(presence, &shop, 7, &summary);
    assert_int_equal(summary.connected_count, 0);
    assert_int_equal(summary.edge_count, 2);
    report(&edge_a, &gate_1, 2, 7, "ud");
    report(&edge_b, &gate_1, 1, 7, "ud");
    report(&edge_b, &gate_2, 1, 6, "dd");
    presence_summarize(presence, &shop, 7, &summary);
    assert_int_equal(summary.connected_count, 2);
    assert_int_equal(summary.tunnel_count, 4);
    assert_int_equal(summary.behind_count, 1);
    assert_int_equal(summary.impaired_count, 2);
    assert_int_equal(summary.down_count, 1);
    assert_int_equal(summary.upstream_count, 2);
    assert_true(summary.upstreams[0].is_up);
    assert_true(summary.upstreams[1].is_known && !summary.upstreams[1].is_up);
    report(&edge_b, &gate_2, 1, 7, "d?");
    presence_summarize(presence, &shop, 7, &summary);
    assert_int_equal(summary.behind_count, 0);
    assert_int_equal(summary.down_count, 0);
    assert_false(summary.upstreams[1].is_known);
    presence_summarize(presence, &blog, 7, &summary);
    assert_int_equal(summary.connected_count, 0);
    presence_edge_down(presence, &edge_a);
    presence_edge_down(presence, &edge_b);
    presence_summarize(presence, &shop, 7, &summary);
    assert_int_equal(summary.connected_count, 0);
    assert_int_equal(summary.unknown_count, 2);
    assert_int_equal(summary.edge_count, 0);
}

static void applied(const struct id *edge, const struct id *environment, uint64_t revision,
                    const char *refused_code) {
    const struct feed_message message = {
        .type = refused_code == NULL ? FEED_MESSAGE_APPLIED : FEED_MESSAGE_REFUSED,
        .environment = *environment,
        .revision = revision,
        .code = str_from(refused_code == NULL ? "" : refused_code),
    };
    presence_edge_applied(presence, edge, &message);
}

/* The revision at this edge, or UINT64_MAX where the edge is not there. */
static uint64_t revision_at(const struct id *edge, const struct id *environment,
                            const char *refused_code) {
    struct presence_edge edges[4];
    size_t count = presence_edges(presence, environment, edges, 4);
    for (size_t i = 0; i < count; i++) {
        if (id_eq(&edges[i].edge, edge)) {
            assert_string_equal(edges[i].refused_code, refused_code);
            return edges[i].applied_revision;
        }
    }
    return UINT64_MAX;
}

static void test_what_edges_have_applied(void **state) {
    static const struct id none = {.text = ""};
    struct presence_edge edges[1];
    (void)state;
    assert_int_equal(revision_at(&edge_a, &shop, ""), 0);
    applied(&edge_a, &shop, 4, NULL);
    applied(&edge_b, &shop, 5, NULL);
    applied(&edge_a, &blog, 9, NULL);
    applied(&edge_a, &none, 9, "jws_signature");
    assert_int_equal(revision_at(&edge_a, &shop, ""), 4);
    assert_int_equal(revision_at(&edge_b, &shop, ""), 5);
    applied(&edge_a, &shop, 5, "bundle_format");
    assert_int_equal(revision_at(&edge_a, &shop, "bundle_format"), 4);
    applied(&edge_a, &shop, 6, NULL);
    assert_int_equal(revision_at(&edge_a, &shop, ""), 6);
    assert_int_equal(presence_edges(presence, &shop, edges, 1), 1);
    presence_forget(presence, &shop);
    assert_int_equal(revision_at(&edge_a, &shop, ""), 0);
    assert_int_equal(revision_at(&edge_a, &blog, ""), 9);
    presence_edge_down(presence, &edge_a);
    assert_int_equal(revision_at(&edge_a, &blog, ""), UINT64_MAX);
    presence_edge_up(presence, &edge_a);
    assert_int_equal(revision_at(&edge_a, &blog, ""), 0);
}

static void test_tunnels_at_each_edge(void **state) {
    struct presence_tunnels at[2];
    (void)state;
    assert_int_equal(presence_tunnels(presence, &gate_1, at, 2), 0);
    report(&edge_a, &gate_1, 3, 1, "");
    report(&edge_b, &gate_1, 2, 1, "");
    assert_int_equal(presence_tunnels(presence, &gate_1, at, 2), 2);
    assert_true(id_eq(&at[0].edge, &edge_a) && at[0].count == 3);
    assert_true(id_eq(&at[1].edge, &edge_b) && at[1].count == 2);
    assert_int_equal(presence_tunnels(presence, &gate_1, at, 1), 1);
    report(&edge_a, &gate_1, 0, 1, "");
    assert_int_equal(presence_tunnels(presence, &gate_1, at, 2), 1);
    assert_true(id_eq(&at[0].edge, &edge_b));
    presence_edge_down(presence, &edge_b);
    assert_int_equal(presence_tunnels(presence, &gate_1, at, 2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tunnels_of_all_edges_are_summed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tunnels_at_each_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upstreams_are_those_of_the_last_report, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_an_environment_adds_up_to, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_edges_have_applied, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
