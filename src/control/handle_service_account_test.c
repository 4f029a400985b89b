#include "control/control_test_kit.h"

static struct id project;

static int setup(void **state) {
    struct id environment;
    kit_setup(state);
    project = kit_add_project(*state, "accounts", &environment);
    return 0;
}

static void test_making_and_listing(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token, .body = "{\"name\":\"Gate of the shop\"}"};
    kit_run(kit, "POST", kit_path("projects", &project, "/service-accounts"), &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "name"), "Gate of the shop");
    assert_string_equal(kit_text(&call, "project"), project.text);
    assert_string_equal(call.etag, "\"1\"");
    char id[64];
    snprintf(id, sizeof(id), "%s", kit_text(&call, "id"));
    call.body = NULL;
    kit_run(kit, "GET", kit_path("projects", &project, "/service-accounts"), &call);
    assert_int_equal(call.status, 200);
    const json_t *items = json_object_get(call.answer, "items");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "id")), id);
    kit_done(&call);
}

static void test_what_is_refused(void **state) {
    static const struct {
        const char *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"{}", 422, "validation_failed"},
        {"{\"name\":\"\"}", 422, "validation_failed"},
        {"{\"name\":\"a\\u0007b\"}", 422, "validation_failed"},
        {"{\"name\":\"Gate of the shop\"}", 409, "name_taken"},
        {"{\"name\":\"x\",\"project\":\"y\"}", 422, "validation_failed"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_call call = {.token = kit->token, .body = cases[i].body};
        kit_run(kit, "POST", kit_path("projects", &project, "/service-accounts"), &call);
        assert_int_equal(call.status, cases[i].status);
        assert_string_equal(call.code, cases[i].code);
        kit_done(&call);
    }
}

static void test_who_may(void **state) {
    struct kit *kit = *state;
    char viewer[64];
    kit_add_member(kit, "viewer@example.net", &kit->organization, STORE_ROLE_VIEWER, viewer);
    struct kit_call call = {.token = viewer, .body = "{\"name\":\"mine\"}"};
    kit_run(kit, "POST", kit_path("projects", &project, "/service-accounts"), &call);
    assert_int_equal(call.status, 403);
    assert_string_equal(call.code, "forbidden");
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making_and_listing),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_who_may),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
