/* handle_me_test.c: one's own account: name, password, sessions. */
#include "control/control_test_kit.h"

#define NEW_PASSWORD "another long enough password"

static struct kit_call ask(struct kit *kit, const char *token, const char *method, const char *path,
                           const char *body) {
    struct kit_call call = {.token = token, .body = body};
    kit_run(kit, method, path, &call);
    return call;
}

static void sign_in(struct kit *kit, const char *password, char token[64]) {
    char body[200];
    snprintf(body, sizeof(body), "{\"email\":\"admin@" KIT_DOMAIN "\",\"password\":\"%s\"}",
             password);
    struct kit_call call = ask(kit, NULL, "POST", "/v1/sessions", body);
    assert_int_equal(call.status, 201);
    snprintf(token, 64, "%s", kit_text(&call, "token"));
    kit_done(&call);
}

static void test_name(void **state) {
    struct kit *kit = *state;
    struct kit_call call = ask(kit, kit->token, "PATCH", "/v1/me", "{\"name\":\"Ada Lovelace\"}");
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "Ada Lovelace");
    assert_true(json_is_true(json_object_get(call.answer, "operator")));
    kit_done(&call);
    call = ask(kit, kit->token, "GET", "/v1/me", NULL);
    assert_string_equal(kit_text(&call, "name"), "Ada Lovelace");
    kit_done(&call);
    call = ask(kit, kit->token, "PATCH", "/v1/me", "{\"email\":\"x@example.com\"}");
    assert_int_equal(call.status, 422);
    kit_done(&call);
}

static void test_password(void **state) {
    static const struct {
        const char *body;
        const char *pointer;
    } wrong[] = {
        {"{\"password\":\"" NEW_PASSWORD "\"}", "/current_password"},
        {"{\"password\":\"short\",\"current_password\":\"" KIT_PASSWORD "\"}", "/password"},
        {"{\"password\":\"" NEW_PASSWORD "\",\"current_password\":\"wrong\"}", "/current_password"},
    };
    struct kit *kit = *state;
    char other[64];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct kit_call call = ask(kit, kit->token, "PATCH", "/v1/me", wrong[i].body);
        assert_int_equal(call.status, 422);
        assert_string_equal(call.pointer, wrong[i].pointer);
        kit_done(&call);
    }
    sign_in(kit, KIT_PASSWORD, other);
    struct kit_call call =
        ask(kit, kit->token, "PATCH", "/v1/me",
            "{\"password\":\"" NEW_PASSWORD "\",\"current_password\":\"" KIT_PASSWORD "\"}");
    assert_int_equal(call.status, 200);
    kit_done(&call);
    /* The session that changed it goes on, the other one does not. */
    call = ask(kit, kit->token, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 200);
    kit_done(&call);
    call = ask(kit, other, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 401);
    kit_done(&call);
    call = ask(kit, NULL, "POST", "/v1/sessions",
               "{\"email\":\"admin@" KIT_DOMAIN "\",\"password\":\"" KIT_PASSWORD "\"}");
    assert_int_equal(call.status, 401);
    kit_done(&call);
    sign_in(kit, NEW_PASSWORD, other);
}

static void test_sessions(void **state) {
    struct kit *kit = *state;
    char stranger[64];
    char second[64];
    char third[64];
    kit_add_member(kit, "sessions@example.com", &kit->organization, STORE_ROLE_VIEWER, stranger);
    sign_in(kit, NEW_PASSWORD, second);
    sign_in(kit, NEW_PASSWORD, third);
    struct kit_call call = ask(kit, third, "GET", "/v1/me/sessions", NULL);
    assert_int_equal(call.status, 200);
    const json_t *items = json_object_get(call.answer, "items");
    assert_true(json_array_size(items) >= 3);
    const json_t *newest = json_array_get(items, 0);
    assert_true(json_is_true(json_object_get(newest, "current")));
    assert_string_equal(json_string_value(json_object_get(newest, "ip_address")), "192.0.2.7");
    char path[96];
    snprintf(path, sizeof(path), "/v1/me/sessions/%s",
             json_string_value(json_object_get(json_array_get(items, 1), "id")));
    kit_done(&call);
    /* Nobody ends those of others. */
    call = ask(kit, stranger, "DELETE", path, NULL);
    assert_int_equal(call.status, 404);
    kit_done(&call);
    call = ask(kit, third, "DELETE", path, NULL);
    assert_int_equal(call.status, 204);
    kit_done(&call);
    call = ask(kit, second, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 401);
    kit_done(&call);
    call = ask(kit, third, "DELETE", "/v1/me/sessions", NULL);
    assert_int_equal(call.status, 204);
    kit_done(&call);
    call = ask(kit, kit->token, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 401);
    kit_done(&call);
    call = ask(kit, stranger, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 200);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_sessions),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
