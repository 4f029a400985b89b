/* handle_project_test.c: projects through the API: what comes with a new one, and what goes with it. */
#include "control/control_test_kit.h"

static struct kit_call ask(struct kit *kit, const char *method, const char *path,
                           const char *body) {
    struct kit_call call = {.token = kit->token, .body = body};
    kit_run(kit, method, path, &call);
    return call;
}

static void test_a_new_one_has_an_environment(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct id project = kit_add_project(kit, "first", &environment);
    struct kit_call call = ask(kit, "GET", kit_path("projects", &project, ""), NULL);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "first");
    assert_string_equal(kit_text(&call, "organization"), kit->organization.text);
    assert_string_equal(call.etag, "\"1\"");
    kit_done(&call);
    call = ask(kit, "GET", kit_path("environments", &environment, ""), NULL);
    assert_string_equal(kit_text(&call, "project"), project.text);
    assert_string_equal(kit_text(&call, "hostname"), "first." KIT_DOMAIN);
    kit_done(&call);
}

static void test_names(void **state) {
    static const struct {
        const char *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"{\"name\":\"taken\"}", 409, "name_taken"},
        {"{\"name\":\"api\"}", 422, "name_invalid"},
        {"{\"name\":\"Upper\"}", 422, "validation_failed"},
        {"{\"name\":\"a\",\"colour\":\"red\"}", 422, "validation_failed"},
        {"{}", 422, "validation_failed"},
    };
    struct kit *kit = *state;
    struct id environment;
    (void)kit_add_project(kit, "taken", &environment);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_call call = ask(
            kit, "POST", kit_path("organizations", &kit->organization, "/projects"), cases[i].body);
        assert_int_equal(call.status, cases[i].status);
        assert_string_equal(call.code, cases[i].code);
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

static void test_renaming(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct id project = kit_add_project(kit, "before", &environment);
    struct kit_call call =
        ask(kit, "PATCH", kit_path("projects", &project, ""), "{\"name\":\"after\"}");
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "after");
    assert_string_equal(call.etag, "\"2\"");
    kit_done(&call);
    call = ask(kit, "PATCH", kit_path("projects", &project, ""), "{\"name\":\"taken\"}");
    assert_int_equal(call.status, 409);
    kit_done(&call);
    call = ask(kit, "GET", kit_path("environments", &environment, ""), NULL);
    assert_string_equal(kit_text(&call, "hostname"), "before." KIT_DOMAIN);
    kit_done(&call);
}

static void test_deleting_needs_the_tag_and_the_role(void **state) {
    struct kit *kit = *state;
    struct id environment;
    char developer[64];
    struct id project = kit_add_project(kit, "guarded", &environment);
    struct kit_call call = ask(kit, "DELETE", kit_path("projects", &project, ""), NULL);
    assert_int_equal(call.status, 428);
    call.if_match = "\"7\"";
    kit_run(kit, "DELETE", kit_path("projects", &project, ""), &call);
    assert_int_equal(call.status, 412);
    assert_string_equal(call.etag, "\"1\"");
    kit_add_member(kit, "dev@example.net", &kit->organization, STORE_ROLE_DEVELOPER, developer);
    call.token = developer;
    call.if_match = "\"1\"";
    kit_run(kit, "DELETE", kit_path("projects", &project, ""), &call);
    assert_int_equal(call.status, 403);
    kit_done(&call);
}

/* Two environments and a warpgate: edges drop both, and close the tunnels. */
static void test_deleting_takes_everything(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct id project = kit_add_project(kit, "doomed", &environment);
    struct id other =
        kit_make(kit, kit_path("projects", &project, "/environments"), "{\"name\":\"staging\"}");
    struct id route =
        kit_make(kit, kit_path("environments", &environment, "/routes"), "{\"path\":\"/\"}");
    (void)kit_add_warpgate(kit, &project, &environment, "gate");
    struct kit_call call = {.token = kit->token, .if_match = "\"1\""};
    kit_run(kit, "DELETE", kit_path("projects", &project, ""), &call);
    assert_int_equal(call.status, 204);
    assert_null(call.answer);
    assert_string_equal(call.etag, "");
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT_REMOVED);
    assert_int_equal(call.change_count, 3); /* the third is the revocation */
    const char *paths[4] = {NULL};
    char text[4][160];
    snprintf(text[0], sizeof(text[0]), "%s", kit_path("projects", &project, ""));
    snprintf(text[1], sizeof(text[1]), "%s", kit_path("environments", &environment, ""));
    snprintf(text[2], sizeof(text[2]), "%s", kit_path("environments", &other, ""));
    snprintf(text[3], sizeof(text[3]), "%s", kit_path("routes", &route, ""));
    for (size_t i = 0; i < 4; i++) {
        paths[i] = text[i];
        kit_run(kit, "GET", paths[i], &call);
        assert_int_equal(call.status, 404);
    }
    kit_done(&call);
    /* Its name is free again. */
    (void)kit_add_project(kit, "doomed", &environment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_has_an_environment),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_renaming),
        cmocka_unit_test(test_deleting_needs_the_tag_and_the_role),
        cmocka_unit_test(test_deleting_takes_everything),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
