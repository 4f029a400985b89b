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
        cmocka_unit_test(test_another_environment_has_none_of_them),
        cmocka_unit_test(test_pages),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
