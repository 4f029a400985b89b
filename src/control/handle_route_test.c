/* handle_route_test.c: routes through the API: what a body may say, what is answered, and what follows for the bundle. */
#include "control/control_test_kit.h"

#include "policy/route_program.h"

static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    (void)kit_add_project(*state, "routes", &environment);
    return 0;
}

static struct id add_route(struct kit *kit, const char *body) {
    return kit_make(kit, kit_path("environments", &environment, "/routes"), body);
}

static json_int_t timeout_of(const struct kit_call *call, const char *name) {
    const json_t *value = json_object_get(json_object_get(call->answer, "timeouts"), name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_what_is_not_said_is_the_standard(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    struct id route = add_route(kit, "{\"path\":\"/plain\"}");
    kit_run(kit, "GET", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "match"), "prefix");
    assert_string_equal(kit_text(&call, "upstream"), "default");
    assert_string_equal(kit_text(&call, "environment"), environment.text);
    assert_int_equal(timeout_of(&call, "connect_ms"), 5000);
    assert_int_equal(timeout_of(&call, "first_byte_ms"), 60000);
    assert_int_equal(timeout_of(&call, "idle_ms"), 0);
    assert_true(json_is_false(json_object_get(call.answer, "sticky")));
    kit_done(&call);
}

static void test_options_are_merged(void **state) {
    struct kit *kit = *state;
    struct id route =
        add_route(kit, "{\"path\":\"/merged\",\"timeouts\":{\"connect_ms\":250},\"sticky\":true}");
    struct kit_call call = {.token = kit->token,
                            .body = "{\"timeouts\":{\"idle_ms\":1000,\"first_byte_ms\":null}}"};
    kit_run(kit, "PATCH", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(call.etag, "\"2\"");
    assert_int_equal(call.change_count, 1);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT);
    assert_int_equal(timeout_of(&call, "connect_ms"), 250);
    assert_int_equal(timeout_of(&call, "first_byte_ms"), 60000);
    assert_int_equal(timeout_of(&call, "idle_ms"), 1000);
    assert_true(json_is_true(json_object_get(call.answer, "sticky")));
    /* What changes nothing makes no new bundle. */
    kit_run(kit, "PATCH", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(call.etag, "\"2\"");
    assert_int_equal(call.change_count, 0);
    call.body = "{\"timeouts\":null,\"sticky\":null}";
    kit_run(kit, "PATCH", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(timeout_of(&call, "connect_ms"), 5000);
    assert_int_equal(timeout_of(&call, "idle_ms"), 0);
    assert_true(json_is_false(json_object_get(call.answer, "sticky")));
    kit_done(&call);
}

static const struct {
    const char *body;
    const char *pointer;
    const char *code; /* of the first fault */
} refusals[] = {
    {"{}", "/path", "member_missing"},
    {"{\"path\":\"a\"}", "/path", "path_malformed"},
    {"{\"path\":\"/\",\"match\":\"glob\"}", "/match", "member_value"},
    {"{\"path\":\"/\",\"upstream\":\"A b\"}", "/upstream", "upstream_invalid"},
    {"{\"path\":\"/\",\"timeouts\":7}", "/timeouts", "member_type"},
    {"{\"path\":\"/\",\"timeouts\":{\"total_ms\":7}}", "/timeouts/total_ms", "unknown_member"},
    {"{\"path\":\"/\",\"timeouts\":{\"connect_ms\":99}}", "/timeouts/connect_ms", "member_value"},
    {"{\"path\":\"/\",\"timeouts\":{\"connect_ms\":60001}}", "/timeouts/connect_ms",
     "member_value"},
    {"{\"path\":\"/\",\"timeouts\":{\"connect_ms\":\"5s\"}}", "/timeouts/connect_ms",
     "member_value"},
    {"{\"path\":\"/\",\"timeouts\":{\"first_byte_ms\":0}}", "/timeouts/first_byte_ms",
     "member_value"},
    {"{\"path\":\"/\",\"timeouts\":{\"idle_ms\":999}}", "/timeouts/idle_ms", "member_value"},
    {"{\"path\":\"/\",\"timeouts\":{\"idle_ms\":86400001}}", "/timeouts/idle_ms", "member_value"},
    {"{\"path\":\"/\",\"timeouts\":{\"a~b/c\":1}}", "/timeouts/a~0b~1c", "unknown_member"},
    {"{\"path\":\"/\",\"sticky\":1}", "/sticky", "member_type"},
};

static void test_what_is_refused(void **state) {
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct kit_call call = {.token = kit->token, .body = refusals[i].body};
        kit_run(kit, "POST", kit_path("environments", &environment, "/routes"), &call);
        assert_int_equal(call.status, 422);
        assert_string_equal(call.code, "validation_failed");
        assert_string_equal(call.pointer, refusals[i].pointer);
        const json_t *fault = json_array_get(json_object_get(call.answer, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(fault, "code")), refusals[i].code);
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

static void test_a_pattern_s_fault_has_a_place(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token,
                            .body = "{\"path\":\"/a(b\",\"match\":\"regexp\"}"};
    kit_run(kit, "POST", kit_path("environments", &environment, "/routes"), &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/path");
    assert_true(call.position > 0);
    kit_done(&call);
}

static void test_deleting_needs_the_tag(void **state) {
    struct kit *kit = *state;
    struct id route = add_route(kit, "{\"path\":\"/gone\"}");
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "DELETE", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 428);
    call.if_match = "\"7\"";
    kit_run(kit, "DELETE", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 412);
    call.if_match = "\"1\"";
    kit_run(kit, "DELETE", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 204);
    assert_int_equal(call.change_count, 1);
    call.if_match = NULL;
    kit_run(kit, "GET", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_said_is_the_standard),
        cmocka_unit_test(test_options_are_merged),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_pattern_s_fault_has_a_place),
        cmocka_unit_test(test_deleting_needs_the_tag),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
