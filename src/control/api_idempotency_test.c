/* api_idempotency_test.c: what is sent twice is done once. */
#include "control/api_idempotency.h"

#include <string.h>

#include "control/control_test_kit.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "once", &environment);
    return 0;
}

static void post(struct kit *kit, const char *path, const char *key, const char *body,
                 struct kit_call *call) {
    call->token = call->token != NULL ? call->token : kit->token;
    call->body = body;
    call->idempotency_key = key;
    kit_run(kit, "POST", path, call);
}

static size_t count_routes(struct kit *kit) {
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("environments", &environment, "/routes?include=total"), &call);
    size_t count = (size_t)json_integer_value(json_object_get(call.answer, "total"));
    kit_done(&call);
    return count;
}

static void test_twice_is_once(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    char path[160];
    char id[64];
    snprintf(path, sizeof(path), "%s", kit_path("environments", &environment, "/routes"));
    size_t before = count_routes(kit);
    post(kit, path, "k-1", "{\"path\":\"/twice\"}", &call);
    assert_int_equal(call.status, 201);
    assert_false(call.is_replayed);
    snprintf(id, sizeof(id), "%s", kit_text(&call, "id"));
    post(kit, path, "k-1", "{\"path\":\"/twice\"}", &call);
    assert_int_equal(call.status, 201);
    assert_true(call.is_replayed);
    assert_string_equal(kit_text(&call, "id"), id);
    assert_string_equal(call.etag, "\"1\"");
    assert_int_equal(call.change_count, 0);
    assert_int_equal(count_routes(kit), before + 1);
    post(kit, path, "k-1", "{\"path\":\"/other\"}", &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.code, "idempotency_key_reused");
    post(kit, path, "k-2", "{\"path\":\"/twice\"}", &call);
    assert_int_equal(call.status, 201);
    assert_false(call.is_replayed);
    assert_int_equal(count_routes(kit), before + 2);
    kit_done(&call);
}

static void test_what_was_refused_is_not_kept(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    const char *path = kit_path("organizations", &kit->organization, "/projects");
    char kept[160];
    snprintf(kept, sizeof(kept), "%s", path);
    post(kit, kept, "k-3", "{\"name\":\"once\"}", &call);
    assert_int_equal(call.status, 409);
    post(kit, kept, "k-3", "{\"name\":\"another-one\"}", &call);
    assert_int_equal(call.status, 201);
    kit_done(&call);
}

static void test_secrets_are_not_kept(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    char path[160];
    char id[64];
    struct id account =
        kit_make(kit, kit_path("projects", &project, "/service-accounts"), "{\"name\":\"gate\"}");
    snprintf(path, sizeof(path), "%s", kit_path("service-accounts", &account, "/keys"));
    post(kit, path, "k-4", "{}", &call);
    assert_int_equal(strlen(kit_text(&call, "key")), 50);
    assert_null(json_object_get(call.answer, "secret_withheld"));
    snprintf(id, sizeof(id), "%s", kit_text(&call, "id"));
    post(kit, path, "k-4", "{}", &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "id"), id);
    assert_true(json_is_null(json_object_get(call.answer, "key")));
    assert_true(json_is_true(json_object_get(call.answer, "secret_withheld")));
    kit_done(&call);
}

static void test_keys_are_the_callers_own(void **state) {
    struct kit *kit = *state;
    char token[64];
    struct kit_call mine = {.token = NULL};
    char path[160];
    snprintf(path, sizeof(path), "%s", kit_path("environments", &environment, "/routes"));
    kit_add_member(kit, "other@example.net", &kit->organization, STORE_ROLE_ADMIN, token);
    struct kit_call other = {.token = token};
    post(kit, path, "k-5", "{\"path\":\"/mine\"}", &mine);
    post(kit, path, "k-5", "{\"path\":\"/theirs\"}", &other);
    assert_int_equal(other.status, 201);
    assert_false(other.is_replayed);
    /* Whoever may no longer is not told what they were told before. */
    struct id elsewhere = kit_add_organization(kit);
    kit_add_member(kit, "stranger@example.net", &elsewhere, STORE_ROLE_OWNER, token);
    post(kit, path, "k-5", "{\"path\":\"/theirs\"}", &other);
    assert_int_equal(other.status, 404);
    kit_done(&mine);
    kit_done(&other);
}

static void test_keys_that_are_none(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    char path[160];
    char long_key[API_IDEMPOTENCY_KEY_MAX + 2];
    const char *const keys[] = {"", "a b", "a\tb", "\xc3\xa4", long_key};
    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    snprintf(path, sizeof(path), "%s", kit_path("environments", &environment, "/routes"));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        post(kit, path, keys[i], "{\"path\":\"/none\"}", &call);
        assert_int_equal(call.status, 400);
        assert_string_equal(call.code, "idempotency_key_invalid");
    }
    kit_done(&call);
}

static void test_while_it_runs(void **state) {
    struct kit *kit = *state;
    struct api_call first;
    struct why why;
    api_call_init(&first, kit->control);
    static const struct api_operation operation = {.method = "POST",
                                                   .path = "/v1/x",
                                                   .permission = PERMISSION_CONFIG_WRITE,
                                                   .tx = API_TX_WRITE,
                                                   .status = 201};
    first.operation = &operation;
    first.actor = project;
    first.head.path = STR("/v1/x");
    kit_add_field(&first, "idempotency-key", "k-6");
    assert_int_equal(api_idempotency_begin(&first), STATUS_OK);
    struct api_call second = first;
    second.attempt = (struct api_attempt){.has_begun = false};
    assert_int_equal(api_idempotency_begin(&second), STATUS_CONFLICT);
    why = second.why;
    assert_string_equal(why.slug, "idempotency_running");
    api_idempotency_end(&second);
    assert_int_equal(api_idempotency_begin(&second), STATUS_CONFLICT);
    api_idempotency_end(&first);
    assert_int_equal(api_idempotency_begin(&second), STATUS_OK);
    api_idempotency_end(&second);
    api_call_fini(&first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twice_is_once),
        cmocka_unit_test(test_what_was_refused_is_not_kept),
        cmocka_unit_test(test_secrets_are_not_kept),
        cmocka_unit_test(test_keys_are_the_callers_own),
        cmocka_unit_test(test_keys_that_are_none),
        cmocka_unit_test(test_while_it_runs),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
