/* handle_warpgate_test.c: warpgates through the API: what the store keeps, under what the edges say. */
#include "control/control_test_kit.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "gates", &environment);
    return 0;
}

/* The item of this warpgate in the list; kit_done the call. */
static const json_t *show(struct kit *kit, const struct id *gate, struct kit_call *call) {
    size_t i;
    json_t *item;
    call->token = kit->token;
    kit_run(kit, "GET", kit_path("environments", &environment, "/warpgates"), call);
    assert_int_equal(call->status, 200);
    json_array_foreach(json_object_get(call->answer, "items"), i, item) {
        if (str_eq(str_from(json_string_value(json_object_get(item, "id"))), id_str(gate))) {
            return item;
        }
    }
    fail_msg("%s is not listed", gate->text);
    return NULL;
}

static const char *text_of(const json_t *item, const char *name) {
    const char *text = json_string_value(json_object_get(item, name));
    return text != NULL ? text : "";
}

static void test_one_that_never_connected(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    struct id gate = kit_add_warpgate(kit, &project, &environment, "quiet");
    const json_t *item = show(kit, &gate, &call);
    assert_string_equal(text_of(item, "name"), "quiet");
    assert_string_equal(text_of(item, "status"), "disconnected");
    assert_string_equal(text_of(item, "platform"), "linux/x86_64");
    assert_int_equal(json_integer_value(json_object_get(item, "tunnels")), 0);
    assert_int_equal(json_array_size(json_object_get(item, "upstreams")), 0);
    assert_true(json_is_null(json_object_get(item, "applied_revision")));
    assert_true(json_is_null(json_object_get(item, "ip_address")));
    assert_true(json_is_null(json_object_get(item, "revoked_at")));
    kit_done(&call);
}

static void test_what_the_edge_says_goes_first(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    struct id gate = kit_add_warpgate(kit, &project, &environment, "busy");
    presence_edge_up(kit->control->presence, &kit_edge);
    kit_report(kit, &gate, &environment, 2, 1, "up");
    const json_t *item = show(kit, &gate, &call);
    assert_string_equal(text_of(item, "status"), "connected");
    assert_string_equal(text_of(item, "ip_address"), "192.0.2.77");
    assert_string_equal(text_of(item, "version"), "9.9");
    assert_int_equal(json_integer_value(json_object_get(item, "tunnels")), 2);
    assert_int_equal(json_integer_value(json_object_get(item, "applied_revision")), 1);
    assert_int_equal(json_integer_value(json_object_get(item, "bundle_revision")), 1);
    const json_t *upstream = json_array_get(json_object_get(item, "upstreams"), 0);
    assert_string_equal(text_of(upstream, "name"), "default");
    assert_string_equal(text_of(upstream, "state"), "up");
    kit_report(kit, &gate, &environment, 1, 1, "down");
    item = show(kit, &gate, &call);
    upstream = json_array_get(json_object_get(item, "upstreams"), 0);
    assert_string_equal(text_of(upstream, "state"), "down");
    presence_edge_down(kit->control->presence, &kit_edge);
    item = show(kit, &gate, &call);
    assert_string_equal(text_of(item, "status"), "unknown");
    assert_int_equal(json_integer_value(json_object_get(item, "tunnels")), 0);
    assert_int_equal(json_array_size(json_object_get(item, "upstreams")), 0);
    kit_done(&call);
}

static void test_one_by_itself(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    struct id gate = kit_add_warpgate(kit, &project, &environment, "single");
    char path[256];
    char tag[64];
    snprintf(path, sizeof(path), "%s", kit_path("warpgates", &gate, ""));
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "id"), gate.text);
    assert_string_equal(kit_text(&call, "environment"), environment.text);
    assert_true(str_starts_with(str_from(kit_text(&call, "service_account")), STR("sa_")));
    assert_true(str_starts_with(str_from(kit_text(&call, "key")), STR("key_")));
    assert_true(json_is_true(json_object_get(call.answer, "behind")));
    assert_int_equal(json_array_size(json_object_get(call.answer, "edges")), 0);
    snprintf(tag, sizeof(tag), "%s", call.etag);
    call.if_none_match = tag;
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 304);
    /* What an edge says shows, and so it is in the tag. */
    presence_edge_up(kit->control->presence, &kit_edge);
    kit_report(kit, &gate, &environment, 2, 1, "up");
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    assert_string_not_equal(call.etag, tag);
    assert_true(json_is_false(json_object_get(call.answer, "behind")));
    const json_t *edge = json_array_get(json_object_get(call.answer, "edges"), 0);
    assert_string_equal(text_of(edge, "edge"), kit_edge.text);
    assert_int_equal(json_integer_value(json_object_get(edge, "tunnels")), 2);
    kit_run(kit, "GET", "/v1/warpgates/wg_00000000000000000000000000", &call);
    assert_int_equal(call.status, 404);
    kit_run(kit, "POST", path, &call);
    assert_int_equal(call.status, 405);
    kit_run(kit, "POST", kit_path("environments", &environment, "/warpgates"), &call);
    assert_int_equal(call.status, 405);
    kit_done(&call);
}

static void test_deleting_one(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    struct id gate = kit_add_warpgate(kit, &project, &environment, "doomed");
    char path[256];
    char tag[64];
    char viewer[64];
    snprintf(path, sizeof(path), "%s", kit_path("warpgates", &gate, ""));
    kit_run(kit, "GET", path, &call);
    snprintf(tag, sizeof(tag), "%s", call.etag);
    kit_add_member(kit, "viewer-of-gates@example.net", &kit->organization, STORE_ROLE_VIEWER,
                   viewer);
    call.token = viewer;
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 403);
    call.token = kit->token;
    call.if_match = "\"7\"";
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 412);
    /* What an edge says in between breaks no precondition. */
    presence_edge_up(kit->control->presence, &kit_edge);
    kit_report(kit, &gate, &environment, 1, 1, "up");
    call.if_match = tag;
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 204);
    assert_true(call.change_count > 0);
    assert_int_equal(call.change_kind, CHANGE_REVOKED);
    call.if_match = NULL;
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 404);
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 404);
    kit_run(kit, "GET",
            kit_path("organizations", &kit->organization,
                     "/audit-events?action=warpgate.deleted&limit=1"),
            &call);
    assert_int_equal(call.status, 200);
    const json_t *event = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(text_of(event, "target"), gate.text);
    kit_done(&call);
}

static void test_a_list_by_status(void **state) {
    struct kit *kit = *state;
    struct id other;
    struct id their = kit_add_project(kit, "mixed", &other);
    struct id gates[5];
    struct kit_call call = {.token = kit->token};
    char path[256];
    presence_edge_up(kit->control->presence, &kit_edge);
    for (unsigned i = 0; i < 5; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        gates[i] = kit_add_warpgate(kit, &their, &other, name);
        if (i % 4 == 0) {
            kit_report(kit, &gates[i], &other, 1, 1, "up");
        }
    }
    snprintf(path, sizeof(path), "%s",
             kit_path("environments", &other, "/warpgates?status=connected&order=asc&limit=1"));
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 1);
    const json_t *item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(text_of(item, "id"), gates[0].text);
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "&cursor=%s",
             kit_text(&call, "next_cursor"));
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(text_of(item, "id"), gates[4].text);
    assert_true(json_is_null(json_object_get(call.answer, "next_cursor")));
    kit_run(kit, "GET", kit_path("environments", &other, "/warpgates?status=disconnected"), &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 3);
    kit_run(kit, "GET", kit_path("environments", &other, "/warpgates?status=tired"), &call);
    assert_int_equal(call.status, 400);
    kit_run(kit, "GET",
            kit_path("environments", &other, "/warpgates?status=connected&include=total"), &call);
    assert_int_equal(call.status, 400);
    kit_done(&call);
}

static void test_another_environment_has_none_of_them(void **state) {
    struct kit *kit = *state;
    struct id other;
    (void)kit_add_project(kit, "empty", &other);
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("environments", &other, "/warpgates"), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 0);
    kit_run(kit, "GET", "/v1/environments/env_00000000000000000000000000/warpgates", &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

static void test_pages(void **state) {
    struct kit *kit = *state;
    struct id other;
    struct id their = kit_add_project(kit, "many", &other);
    struct id first = kit_add_warpgate(kit, &their, &other, "one");
    struct id second = kit_add_warpgate(kit, &their, &other, "two");
    struct kit_call call = {.token = kit->token};
    char path[256];
    snprintf(path, sizeof(path), "%s", kit_path("environments", &other, "/warpgates"));
    kit_run(kit, "GET", path, &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 2);
    snprintf(path, sizeof(path), "%s",
             kit_path("environments", &other, "/warpgates?limit=1&order=asc"));
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 1);
    const json_t *item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(text_of(item, "id"), first.text);
    snprintf(path, sizeof(path), "/v1/environments/%s/warpgates?limit=1&order=asc&cursor=%s",
             other.text, kit_text(&call, "next_cursor"));
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(text_of(item, "id"), second.text);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_never_connected),
        cmocka_unit_test(test_what_the_edge_says_goes_first),
        cmocka_unit_test(test_one_by_itself),
        cmocka_unit_test(test_deleting_one),
        cmocka_unit_test(test_a_list_by_status),
        cmocka_unit_test(test_another_environment_has_none_of_them),
        cmocka_unit_test(test_pages),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
