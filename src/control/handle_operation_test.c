/* handle_operation_test.c: an export, from being asked for to being fetched. */
#include "control/control_operation.h"
#include "control/control_test_kit.h"

static struct kit_call ask(struct kit *kit, const char *token, const char *method,
                           const char *path) {
    struct kit_call call = {.token = token};
    kit_run(kit, method, path, &call);
    return call;
}

static void test_an_export(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct id other_environment;
    struct id operation;
    char admin[64];
    char exports[96];
    char result[96];
    (void)kit_add_project(kit, "exported", &environment);
    struct id kept = kit->organization;
    kit->organization = kit_make(kit, "/v1/organizations", "{\"name\":\"Another one\"}");
    (void)kit_add_project(kit, "not-exported", &other_environment);
    kit->organization = kept;
    kit_add_member(kit, "export.admin@example.com", &kit->organization, STORE_ROLE_ADMIN, admin);
    snprintf(exports, sizeof(exports), "/v1/organizations/%s/exports", kit->organization.text);
    struct kit_call call = ask(kit, admin, "POST", exports);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = ask(kit, kit->token, "POST", exports);
    assert_int_equal(call.status, 202);
    assert_string_equal(kit_text(&call, "status"), "queued");
    snprintf(operation.text, sizeof(operation.text), "%s", kit_text(&call, "id"));
    kit_done(&call);
    snprintf(result, sizeof(result), "/v1/operations/%s/result", operation.text);
    call = ask(kit, kit->token, "POST", exports);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "operation_running");
    kit_done(&call);
    call = ask(kit, kit->token, "GET", result);
    assert_int_equal(call.status, 404);
    kit_done(&call);
    control_operation_run(kit->control);
    control_operation_run(kit->control); /* nothing waits any more */
    call = ask(kit, kit->token, "GET", kit_path("operations", &operation, ""));
    assert_string_equal(kit_text(&call, "status"), "succeeded");
    kit_done(&call);
    call = ask(kit, admin, "GET", result);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = ask(kit, kit->token, "GET", result);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "format"), "mezusphere-organization");
    const json_t *members = json_object_get(call.answer, "members");
    assert_int_equal(json_array_size(members), 2);
    const json_t *tables = json_object_get(call.answer, "tables");
    const json_t *environments = json_object_get(tables, "environment");
    assert_int_equal(json_array_size(environments), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(environments, 0), "id")),
                        environment.text);
    kit_done(&call);
    snprintf(result, sizeof(result), "/v1/operations/%s/result?part=2", operation.text);
    call = ask(kit, kit->token, "GET", result);
    assert_int_equal(call.status, 404);
    kit_done(&call);
    /* Another one may be asked for now. */
    call = ask(kit, kit->token, "POST", exports);
    assert_int_equal(call.status, 202);
    kit_done(&call);
    control_operation_run(kit->control);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_export),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
