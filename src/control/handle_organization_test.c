/* handle_organization_test.c: making organizations, and that each is apart from the others. */
#include "control/control_test_kit.h"

static struct kit_call ask(struct kit *kit, const char *token, const char *method, const char *path,
                           const char *body) {
    struct kit_call call = {.token = token, .body = body};
    kit_run(kit, method, path, &call);
    return call;
}

static void test_whoever_makes_one_owns_it(void **state) {
    struct kit *kit = *state;
    char token[64];
    kit_add_member(kit, "maker@example.com", &kit->organization, STORE_ROLE_VIEWER, token);
    struct kit_call call =
        ask(kit, token, "POST", "/v1/organizations", "{\"name\":\"Söhne & Co\"}");
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "role"), "owner");
    assert_string_equal(kit_text(&call, "status"), "active");
    assert_string_equal(call.etag, "\"1\"");
    struct id made;
    snprintf(made.text, sizeof(made.text), "%s", kit_text(&call, "id"));
    kit_done(&call);
    call = ask(kit, token, "GET", kit_path("organizations", &made, ""), NULL);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "Söhne & Co");
    kit_done(&call);
    call = ask(kit, token, "POST", kit_path("organizations", &made, "/projects"),
               "{\"name\":\"own\"}");
    assert_int_equal(call.status, 201);
    kit_done(&call);
    /* It is nothing to the others, not even to who runs the installation. */
    call = ask(kit, kit->token, "GET", kit_path("organizations", &made, ""), NULL);
    assert_int_equal(call.status, 404);
    kit_done(&call);
    call = ask(kit, kit->token, "PATCH", kit_path("organizations", &made, ""), "{\"name\":\"X\"}");
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

static void test_names(void **state) {
    struct kit *kit = *state;
    static const char *const wrong[] = {"{}", "{\"name\":\"\"}", "{\"name\":\"a\\nb\"}",
                                        "{\"name\":1}", "{\"name\":\"a\",\"role\":\"owner\"}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct kit_call call = ask(kit, kit->token, "POST", "/v1/organizations", wrong[i]);
        assert_int_equal(call.status, 422);
        kit_done(&call);
    }
}

static void test_renaming(void **state) {
    struct kit *kit = *state;
    char developer[64];
    struct id made = kit_make(kit, "/v1/organizations", "{\"name\":\"Before\"}");
    kit_add_member(kit, "dev.of.it@example.com", &made, STORE_ROLE_DEVELOPER, developer);
    struct kit_call call =
        ask(kit, developer, "PATCH", kit_path("organizations", &made, ""), "{\"name\":\"No\"}");
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call =
        (struct kit_call){.token = kit->token, .body = "{\"name\":\"After\"}", .if_match = "\"9\""};
    kit_run(kit, "PATCH", kit_path("organizations", &made, ""), &call);
    assert_int_equal(call.status, 412);
    call.if_match = "\"1\"";
    kit_run(kit, "PATCH", kit_path("organizations", &made, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "After");
    assert_string_equal(call.etag, "\"2\"");
    kit_done(&call);
}

static void test_operators_alone(void **state) {
    struct kit *kit = *state;
    char token[64];
    kit->control->only_operators_make_organizations = true;
    kit_add_member(kit, "owner.no.operator@example.com", &kit->organization, STORE_ROLE_OWNER,
                   token);
    struct kit_call call = ask(kit, token, "POST", "/v1/organizations", "{\"name\":\"Mine\"}");
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = ask(kit, kit->token, "POST", "/v1/organizations", "{\"name\":\"Ours\"}");
    assert_int_equal(call.status, 201);
    kit_done(&call);
    kit->control->only_operators_make_organizations = false;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoever_makes_one_owns_it),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_renaming),
        cmocka_unit_test(test_operators_alone),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
