/* handle_status_test.c: every word that an environment's status can be, and when. */
#include "control/control_test_kit.h"

static struct id project;
static struct id environment;
static struct id gate;
static struct id other_gate;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "watched", &environment);
    gate = kit_add_warpgate(*state, &project, &environment, "one");
    other_gate = kit_add_warpgate(*state, &project, &environment, "two");
    return 0;
}

static struct kit_call ask(struct kit *kit) {
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("environments", &environment, "/status"), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(call.etag, ""); /* it is live: nothing to compare */
    assert_string_equal(kit_text(&call, "environment"), environment.text);
    return call;
}

static void expect_status(struct kit *kit, const char *wanted) {
    struct kit_call call = ask(kit);
    assert_string_equal(kit_text(&call, "status"), wanted);
    kit_done(&call);
}

static void expect_counts(struct kit *kit, json_int_t connected, json_int_t behind,
                          json_int_t tunnels) {
    struct kit_call call = ask(kit);
    const json_t *warpgates = json_object_get(call.answer, "warpgates");
    assert_int_equal(json_integer_value(json_object_get(warpgates, "connected")), connected);
    assert_int_equal(json_integer_value(json_object_get(warpgates, "behind")), behind);
    assert_int_equal(json_integer_value(json_object_get(warpgates, "tunnels")), tunnels);
    kit_done(&call);
}

static void switch_it(struct kit *kit, bool is_on) {
    struct kit_call call = {.token = kit->token,
                            .body = is_on ? "{\"enabled\":true}" : "{\"enabled\":false}"};
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    kit_done(&call);
}

static void test_words(void **state) {
    struct kit *kit = *state;
    struct presence *presence = kit->control->presence;
    expect_status(kit, "unknown"); /* no edge is there to say */
    presence_edge_up(presence, &kit_edge);
    expect_status(kit, "disconnected");
    kit_report(kit, &gate, &environment, 2, 1, "?");
    expect_status(kit, "healthy");
    kit_report(kit, &gate, &environment, 2, 1, "down");
    expect_status(kit, "down");
    kit_report(kit, &other_gate, &environment, 1, 1, "up");
    expect_status(kit, "degraded");
    expect_counts(kit, 2, 0, 3);
    kit_report(kit, &gate, &environment, 2, 1, "up");
    expect_status(kit, "healthy");
    kit_report(kit, &gate, &environment, 2, 1, "down");
    kit_report(kit, &other_gate, &environment, 1, 1, "down");
    expect_status(kit, "down");
    presence_edge_down(presence, &kit_edge);
    expect_status(kit, "unknown");
    presence_edge_up(presence, &kit_edge);
    kit_report(kit, &gate, &environment, 0, 1, "?");
    kit_report(kit, &other_gate, &environment, 0, 1, "?");
    expect_status(kit, "disconnected");
}

static void test_who_is_behind(void **state) {
    struct kit *kit = *state;
    kit_report(kit, &gate, &environment, 1, 1, "up");
    expect_counts(kit, 1, 0, 1);
    switch_it(kit, false);
    expect_status(kit, "disabled");
    expect_counts(kit, 1, 1, 1);
    switch_it(kit, true);
    kit_report(kit, &gate, &environment, 1, 3, "up");
    expect_counts(kit, 1, 0, 1);
    expect_status(kit, "healthy");
}

static void test_what_edges_have(void **state) {
    struct kit *kit = *state;
    const struct feed_message applied = {
        .type = FEED_MESSAGE_APPLIED, .environment = environment, .revision = 2};
    const struct feed_message refused = {.type = FEED_MESSAGE_REFUSED,
                                         .environment = environment,
                                         .revision = 3,
                                         .code = STR_INIT("bundle_format")};
    presence_edge_up(kit->control->presence, &kit_edge);
    struct kit_call call = ask(kit);
    const json_t *edge = json_array_get(json_object_get(call.answer, "edges"), 0);
    assert_string_equal(json_string_value(json_object_get(edge, "id")), kit_edge.text);
    assert_true(json_is_null(json_object_get(edge, "applied_revision")));
    assert_true(json_is_null(json_object_get(edge, "refused_code")));
    kit_done(&call);
    presence_edge_applied(kit->control->presence, &kit_edge, &applied);
    presence_edge_applied(kit->control->presence, &kit_edge, &refused);
    call = ask(kit);
    edge = json_array_get(json_object_get(call.answer, "edges"), 0);
    assert_int_equal(json_integer_value(json_object_get(edge, "applied_revision")), 2);
    assert_string_equal(json_string_value(json_object_get(edge, "refused_code")), "bundle_format");
    kit_done(&call);
}

static void test_what_is_not_theirs_is_not_there(void **state) {
    struct kit *kit = *state;
    char stranger[64];
    struct id organization = kit_add_organization(kit);
    kit_add_member(kit, "stranger@example.net", &organization, STORE_ROLE_OWNER, stranger);
    struct kit_call call = {.token = stranger};
    kit_run(kit, "GET", kit_path("environments", &environment, "/status"), &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_who_is_behind),
        cmocka_unit_test(test_what_edges_have),
        cmocka_unit_test(test_what_is_not_theirs_is_not_there),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
