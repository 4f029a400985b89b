/* handle_erasure_test.c: an organization that is deleted is off at once, comes back whole, and ends when its time is over. */
#include "control/control_erasure.h"
#include "control/control_test_kit.h"

static struct kit_call ask(struct kit *kit, const char *token, const char *method, const char *path,
                           const char *body, const char *if_match) {
    struct kit_call call = {.token = token, .body = body, .if_match = if_match};
    kit_run(kit, method, path, &call);
    return call;
}

static void expect(struct kit *kit, const char *token, const char *method, const char *path,
                   const char *body, const char *if_match, unsigned status, const char *code) {
    struct kit_call call = ask(kit, token, method, path, body, if_match);
    if (call.status != status || strcmp(call.code, code) != 0) {
        fail_msg("%s %s: %u %s, not %u %s", method, path, call.status, call.code, status, code);
    }
    kit_done(&call);
}

/* An organization of its own with a project; answers its path. */
static struct id make(struct kit *kit, const char *name, const char *project,
                      struct id *environment, char path[96]) {
    struct id kept = kit->organization;
    char body[100];
    snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    struct id made = kit_make(kit, "/v1/organizations", body);
    kit->organization = made;
    (void)kit_add_project(kit, project, environment);
    kit->organization = kept;
    snprintf(path, 96, "/v1/organizations/%s", made.text);
    return made;
}

static void test_what_it_takes(void **state) {
    struct kit *kit = *state;
    struct id environment;
    char path[96];
    char admin[64];
    struct id made = make(kit, "Guarded", "guarded-shop", &environment, path);
    kit_add_member(kit, "erasure.admin@example.com", &made, STORE_ROLE_ADMIN, admin);
    char named[120];
    snprintf(named, sizeof(named), "%s?name=Guarded", path);
    expect(kit, admin, "DELETE", named, NULL, "*", 403, "forbidden");
    expect(kit, kit->token, "DELETE", named, NULL, NULL, 428, "precondition_required");
    snprintf(named, sizeof(named), "%s?name=guarded", path);
    expect(kit, kit->token, "DELETE", named, NULL, "*", 400, "query_invalid");
    expect(kit, kit->token, "DELETE", path, NULL, "*", 400, "query_invalid");
    expect(kit, kit->token, "GET", path, NULL, NULL, 200, "");
}

static void test_off_and_on_again(void **state) {
    struct kit *kit = *state;
    struct id environment;
    char path[96];
    char child[120];
    make(kit, "Sleepy", "sleepy-shop", &environment, path);
    snprintf(child, sizeof(child), "%s?name=Sleepy", path);
    struct kit_call call = ask(kit, kit->token, "DELETE", child, NULL, "\"1\"");
    assert_int_equal(call.status, 202);
    assert_string_equal(kit_text(&call, "status"), "deleting");
    assert_true(strlen(kit_text(&call, "delete_at")) > 0);
    assert_int_equal(call.change_count, 1);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT_REMOVED);
    assert_false(feed_hub_knows(kit->control->hub, &environment));
    kit_done(&call);
    snprintf(child, sizeof(child), "%s/projects", path);
    expect(kit, kit->token, "GET", child, NULL, NULL, 200, "");
    expect(kit, kit->token, "POST", child, "{\"name\":\"more\"}", NULL, 409,
           "organization_deleting");
    expect(kit, kit->token, "PATCH", path, "{\"name\":\"X\"}", NULL, 409, "organization_deleting");
    snprintf(child, sizeof(child), "%s?name=Sleepy", path);
    expect(kit, kit->token, "DELETE", child, NULL, "*", 409, "organization_deleting");
    control_erasure_run(kit->control);
    snprintf(child, sizeof(child), "%s/restore", path);
    call = ask(kit, kit->token, "POST", child, NULL, NULL);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "status"), "active");
    assert_int_equal(call.change_count, 1);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT);
    assert_true(feed_hub_knows(kit->control->hub, &environment));
    kit_done(&call);
    expect(kit, kit->token, "POST", child, NULL, NULL, 200, "");
    expect(kit, kit->token, "PATCH", path, "{\"name\":\"Awake\"}", NULL, 200, "");
}

static void test_the_end(void **state) {
    struct kit *kit = *state;
    struct id environment;
    char path[96];
    char token[64];
    struct id made = make(kit, "Over", "over-shop", &environment, path);
    kit_add_member(kit, "over@example.com", &made, STORE_ROLE_OWNER, token);
    char named[120];
    snprintf(named, sizeof(named), "%s?name=Over", path);
    expect(kit, token, "DELETE", named, NULL, "*", 202, "");
    kit_wall_skew_ms += kit->control->deletion_grace_ms;
    control_erasure_run(kit->control);
    kit_wall_skew_ms -= kit->control->deletion_grace_ms;
    expect(kit, token, "GET", path, NULL, NULL, 401,
           "session_invalid"); /* the person is gone, too */
    expect(kit, kit->token, "GET", path, NULL, NULL, 404, "not_found");
    expect(kit, kit->token, "GET", kit_path("environments", &environment, ""), NULL, NULL, 404,
           "not_found");
    expect(kit, kit->token, "GET", kit_path("organizations", &kit->organization, ""), NULL, NULL,
           200, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_takes),
        cmocka_unit_test(test_off_and_on_again),
        cmocka_unit_test(test_the_end),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
