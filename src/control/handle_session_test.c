#include "control/control_test_kit.h"

#include <string.h>

#define RIGHT "{\"email\":\"admin@" KIT_DOMAIN "\",\"password\":\"" KIT_PASSWORD "\"}"
#define WRONG "{\"email\":\"admin@" KIT_DOMAIN "\",\"password\":\"not the password\"}"

static struct kit_call ask(struct kit *kit, const char *token, const char *method, const char *path,
                           const char *body) {
    struct kit_call call = {.token = token, .body = body};
    kit_run(kit, method, path, &call);
    return call;
}

static void test_signing_in_shows_who_one_is(void **state) {
    struct kit *kit = *state;
    char token[64];
    struct kit_call call = ask(kit, NULL, "POST", "/v1/sessions", RIGHT);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "token_type"), "Bearer");
    assert_true(strlen(kit_text(&call, "expires_at")) > 0);
    snprintf(token, sizeof(token), "%s", kit_text(&call, "token"));
    kit_done(&call);
    call = ask(kit, token, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "email"), "admin@" KIT_DOMAIN);
    const json_t *membership = json_array_get(json_object_get(call.answer, "memberships"), 0);
    assert_string_equal(json_string_value(json_object_get(membership, "organization")),
                        kit->organization.text);
    assert_string_equal(json_string_value(json_object_get(membership, "role")), "owner");
    kit_done(&call);
}

static void test_signing_out_ends_this_session_alone(void **state) {
    struct kit *kit = *state;
    char token[64];
    struct kit_call call = ask(kit, NULL, "POST", "/v1/sessions", RIGHT);
    snprintf(token, sizeof(token), "%s", kit_text(&call, "token"));
    kit_done(&call);
    call = ask(kit, token, "DELETE", "/v1/sessions/current", NULL);
    assert_int_equal(call.status, 204);
    kit_done(&call);
    call = ask(kit, token, "DELETE", "/v1/sessions/current", NULL);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "session_invalid");
    kit_done(&call);
    call = ask(kit, kit->token, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 200);
    kit_done(&call);
}

/* Last: after it nobody gets in from this address for a while. */
static void test_guessing_is_slowed_down(void **state) {
    struct kit *kit = *state;
    unsigned status = 401;
    for (int i = 0; i < 50 && status == 401; i++) {
        struct kit_call call = ask(kit, NULL, "POST", "/v1/sessions", WRONG);
        status = call.status;
        assert_string_equal(call.code, status == 401 ? "credentials_wrong" : "too_many_attempts");
        kit_done(&call);
    }
    assert_int_equal(status, 429);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signing_in_shows_who_one_is),
        cmocka_unit_test(test_signing_out_ends_this_session_alone),
        cmocka_unit_test(test_guessing_is_slowed_down),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
