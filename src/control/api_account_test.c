/* api_account_test.c: service accounts at the API: where their keys are honoured, what for, and how they end. */
#include "control/control_test_kit.h"

#include <string.h>

#include "control/api_account.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "accounts", &environment);
    return 0;
}

/* An account made with this body, and a key of it. */
static struct id make_account(struct kit *kit, const char *body, char key[64]) {
    struct id account = kit_make(kit, kit_path("projects", &project, "/service-accounts"), body);
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "POST", kit_path("service-accounts", &account, "/keys"), &call);
    assert_int_equal(call.status, 201);
    snprintf(key, 64, "%s", kit_text(&call, "key"));
    kit_done(&call);
    return account;
}

static void expect(struct kit *kit, const char *token, const char *method, const char *path,
                   const char *body, unsigned status, const char *code) {
    struct kit_call call = {.token = token, .body = body, .if_match = "*"};
    kit_run(kit, method, path, &call);
    if (call.status != status || strcmp(call.code, code) != 0) {
        fail_msg("%s %s: %u %s, not %u %s", method, path, call.status, call.code, status, code);
    }
    kit_done(&call);
}

static void test_a_key_is_a_credential(void **state) {
    struct kit *kit = *state;
    char key[64];
    struct id account =
        make_account(kit, "{\"name\":\"reader\",\"permissions\":[\"config:read\"]}", key);
    struct kit_call call = {.token = key};
    kit_run(kit, "GET", "/v1/me", &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "id"), account.text);
    assert_string_equal(kit_text(&call, "project"), project.text);
    assert_true(json_is_null(json_object_get(call.answer, "environment")));
    kit_done(&call);
    expect(kit, key, "GET", kit_path("projects", &project, ""), NULL, 200, "");
    expect(kit, key, "GET", kit_path("environments", &environment, "/routes"), NULL, 200, "");
    expect(kit, key, "POST", kit_path("environments", &environment, "/routes"), "{\"path\":\"/\"}",
           403, "forbidden");
    expect(kit, key, "GET", kit_path("service-accounts", &account, ""), NULL, 403, "forbidden");
    expect(kit, key, "POST", kit_path("service-accounts", &account, "/keys"), "{}", 403,
           "forbidden");
    expect(kit, key, "GET", "/v1/organizations", NULL, 403, "forbidden");
    expect(kit, key, "DELETE", "/v1/sessions/current", NULL, 403, "forbidden");
    expect(kit, key, "GET", kit_path("organizations", &kit->organization, "/projects"), NULL, 404,
           "not_found");
    call = (struct kit_call){.token = kit->token};
    kit_run(kit, "GET", kit_path("service-accounts", &account, ""), &call);
    assert_string_equal(kit_text(&call, "last_used_ip"), "192.0.2.7");
    assert_true(kit_text(&call, "last_used_at")[0] == '2');
    kit_done(&call);
}

static void test_scopes(void **state) {
    struct kit *kit = *state;
    char key[64];
    char body[256];
    struct id other_environment;
    struct id other = kit_add_project(kit, "another", &other_environment);
    struct id staging =
        kit_make(kit, kit_path("projects", &project, "/environments"), "{\"name\":\"staging\"}");
    struct id route =
        kit_make(kit, kit_path("environments", &environment, "/routes"), "{\"path\":\"/x\"}");
    snprintf(body, sizeof(body),
             "{\"name\":\"bound\",\"environment\":\"%s\",\"permissions\":[\"config:read\","
             "\"config:write\"]}",
             staging.text);
    (void)make_account(kit, body, key);
    expect(kit, key, "GET", kit_path("environments", &staging, ""), NULL, 200, "");
    expect(kit, key, "POST", kit_path("environments", &staging, "/routes"), "{\"path\":\"/\"}", 201,
           "");
    expect(kit, key, "GET", kit_path("environments", &environment, ""), NULL, 404, "not_found");
    expect(kit, key, "PATCH", kit_path("routes", &route, ""), "{}", 404, "not_found");
    expect(kit, key, "GET", kit_path("projects", &project, ""), NULL, 404, "not_found");
    expect(kit, key, "GET", kit_path("projects", &other, ""), NULL, 404, "not_found");
    (void)make_account(kit, "{\"name\":\"whole\",\"permissions\":[\"config:read\"]}", key);
    expect(kit, key, "GET", kit_path("environments", &staging, ""), NULL, 200, "");
    expect(kit, key, "GET", kit_path("environments", &other_environment, ""), NULL, 404,
           "not_found");
    snprintf(body, sizeof(body), "{\"name\":\"wrong\",\"environment\":\"%s\"}",
             other_environment.text);
    expect(kit, kit->token, "POST", kit_path("projects", &project, "/service-accounts"), body, 422,
           "validation_failed");
    /* What is bound to an environment ends with it. */
    expect(kit, kit->token, "DELETE", kit_path("environments", &staging, ""), NULL, 204, "");
    expect(kit, kit->token, "POST", kit_path("projects", &project, "/environments"),
           "{\"name\":\"staging\"}", 201, "");
}

static void test_keys_that_are_void(void **state) {
    struct kit *kit = *state;
    char key[64];
    char wrong[64];
    struct id account =
        make_account(kit, "{\"name\":\"void\",\"permissions\":[\"config:read\"]}", key);
    const char *path = "/v1/me";
    expect(kit, key, "GET", path, NULL, 200, "");
    snprintf(wrong, sizeof(wrong), "%s", key);
    wrong[9] = wrong[9] == 'a' ? 'b' : 'a';
    expect(kit, wrong, "GET", path, NULL, 401, "key_malformed");
    expect(kit, kit->token, "PATCH", kit_path("service-accounts", &account, ""),
           "{\"enabled\":false}", 200, "");
    expect(kit, key, "GET", path, NULL, 401, "account_disabled");
    expect(kit, kit->token, "PATCH", kit_path("service-accounts", &account, ""),
           "{\"enabled\":null,\"expires_at\":\"2999-01-01T00:00:00Z\"}", 200, "");
    expect(kit, key, "GET", path, NULL, 200, "");
    expect(kit, kit->token, "PATCH", kit_path("service-accounts", &account, ""),
           "{\"expires_at\":\"2001-01-01T00:00:00Z\"}", 422, "validation_failed");
    kit_wall_skew_ms += INT64_C(975) * 366 * 24 * 3600 * 1000;
    expect(kit, key, "GET", path, NULL, 401, "account_expired");
    kit_wall_skew_ms = 0;
    expect(kit, kit->token, "DELETE", kit_path("service-accounts", &account, ""), NULL, 204, "");
    expect(kit, key, "GET", path, NULL, 401, "key_unknown");
}

static void test_keys_that_expire(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    char key[64];
    char kept[64];
    char path[160];
    struct id account = make_account(kit, "{\"name\":\"rotating\"}", kept);
    snprintf(path, sizeof(path), "%s", kit_path("service-accounts", &account, "/keys"));
    call.body = "{\"expires_at\":\"2900-01-01T00:00:00Z\"}";
    kit_run(kit, "POST", path, &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "status"), "live");
    snprintf(key, sizeof(key), "%s", kit_text(&call, "key"));
    kit_run(kit, "POST", path, &call);
    assert_string_equal(call.code, "keys_too_many");
    kit_done(&call);
    expect(kit, key, "GET", "/v1/me", NULL, 200, "");
    kit_wall_skew_ms += INT64_C(900) * 366 * 24 * 3600 * 1000;
    expect(kit, key, "GET", "/v1/me", NULL, 401, "key_expired");
    expect(kit, kept, "GET", "/v1/me", NULL, 200, "");
    kit_sign_in(kit);
    call = (struct kit_call){.token = kit->token};
    kit_run(kit, "GET", kit_path("service-accounts", &account, "/keys?status=expired"), &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 1);
    kit_run(kit, "GET", kit_path("service-accounts", &account, "/keys?status=live&limit=1"), &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 1);
    call.body = "{}";
    kit_run(kit, "POST", path, &call);
    assert_int_equal(call.status, 201); /* an expired one is not in the way */
    kit_wall_skew_ms = 0;
    kit_sign_in(kit);
    kit_done(&call);
}

static void test_last_use_is_written_once_a_minute(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    char key[64];
    char first[64];
    struct id account = make_account(kit, "{\"name\":\"busy\"}", key);
    expect(kit, key, "GET", "/v1/me", NULL, 200, "");
    kit_run(kit, "GET", kit_path("service-accounts", &account, ""), &call);
    snprintf(first, sizeof(first), "%s", kit_text(&call, "last_used_at"));
    kit_wall_skew_ms += 59 * 1000;
    expect(kit, key, "GET", "/v1/me", NULL, 200, "");
    kit_run(kit, "GET", kit_path("service-accounts", &account, ""), &call);
    assert_string_equal(kit_text(&call, "last_used_at"), first);
    kit_wall_skew_ms += 2 * 1000;
    expect(kit, key, "GET", "/v1/me", NULL, 200, "");
    kit_run(kit, "GET", kit_path("service-accounts", &account, ""), &call);
    assert_string_not_equal(kit_text(&call, "last_used_at"), first);
    /* A use is nobody's change: the tag of before is good for a change, but not for what was seen. */
    assert_int_equal(json_integer_value(json_object_get(call.answer, "revision")), 1);
    call.if_match = "\"1-1\"";
    call.body = "{\"name\":\"busier\"}";
    kit_run(kit, "PATCH", kit_path("service-accounts", &account, ""), &call);
    assert_int_equal(call.status, 200);
    kit_run(kit, "PATCH", kit_path("service-accounts", &account, ""), &call);
    assert_int_equal(call.status, 412);
    kit_wall_skew_ms = 0;
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_a_credential),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_keys_that_are_void),
        cmocka_unit_test(test_keys_that_expire),
        cmocka_unit_test(test_last_use_is_written_once_a_minute),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
