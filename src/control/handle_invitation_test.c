/* handle_invitation_test.c: from being invited to being a member, and everything that leads nowhere. */
#include "control/control_test_kit.h"

#define NEW_PASSWORD "a brand new password"

static struct kit_call ask(struct kit *kit, const char *token, const char *method, const char *path,
                           const char *body) {
    struct kit_call call = {.token = token, .body = body};
    kit_run(kit, method, path, &call);
    return call;
}

/* The token of the link in the last answer. */
static void take_token(const struct kit_call *call, char token[64]) {
    const char *mark = strchr(kit_text(call, "accept_url"), '#');
    assert_non_null(mark);
    snprintf(token, 64, "%s", mark + 1);
    assert_int_equal(strlen(token), 43);
}

static struct id invite(struct kit *kit, const char *email, const char *role, char token[64]) {
    char body[200];
    struct id id;
    snprintf(body, sizeof(body), "{\"email\":\"%s\",\"role\":\"%s\"}", email, role);
    struct kit_call call = ask(kit, kit->token, "POST",
                               kit_path("organizations", &kit->organization, "/invitations"), body);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "status"), "pending");
    assert_string_equal(kit_text(&call, "delivery"), "none");
    snprintf(id.text, sizeof(id.text), "%s", kit_text(&call, "id"));
    take_token(&call, token);
    kit_done(&call);
    return id;
}

static struct kit_call take_up(struct kit *kit, const char *session, const char *token,
                               const char *password) {
    char body[300];
    snprintf(body, sizeof(body), "{\"token\":\"%s\",\"name\":\"New Person\"%s%s%s}", token,
             password != NULL ? ",\"password\":\"" : "", password != NULL ? password : "",
             password != NULL ? "\"" : "");
    return ask(kit, session, "POST", "/v1/invitations/accept", body);
}

static void expect_refused(struct kit *kit, const char *token) {
    struct kit_call call = take_up(kit, NULL, token, NEW_PASSWORD);
    assert_int_equal(call.status, 404);
    assert_string_equal(call.code, "invitation_invalid");
    kit_done(&call);
}

static void test_a_new_person(void **state) {
    struct kit *kit = *state;
    char token[64];
    struct id id = invite(kit, "new@example.com", "developer", token);
    struct kit_call call = ask(kit, kit->token, "GET", kit_path("invitations", &id, ""), NULL);
    assert_int_equal(call.status, 200);
    assert_true(json_is_null(json_object_get(call.answer, "accept_url")));
    kit_done(&call);
    call = take_up(kit, NULL, token, NULL);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/password");
    kit_done(&call);
    call = take_up(kit, NULL, token, "short");
    assert_int_equal(call.status, 422);
    kit_done(&call);
    call = take_up(kit, NULL, token, NEW_PASSWORD);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "role"), "developer");
    char session[64];
    snprintf(session, sizeof(session), "%s",
             json_string_value(json_object_get(json_object_get(call.answer, "session"), "token")));
    kit_done(&call);
    call = ask(kit, session, "GET", kit_path("organizations", &kit->organization, ""), NULL);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "role"), "developer");
    kit_done(&call);
    call = ask(kit, NULL, "POST", "/v1/sessions",
               "{\"email\":\"new@example.com\",\"password\":\"" NEW_PASSWORD "\"}");
    assert_int_equal(call.status, 201);
    kit_done(&call);
    /* Once. */
    expect_refused(kit, token);
    call = ask(kit, kit->token, "GET", kit_path("invitations", &id, ""), NULL);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

static void test_somebody_with_an_account(void **state) {
    struct kit *kit = *state;
    struct id elsewhere = kit_add_organization(kit);
    char token[64];
    char session[64];
    char stranger[64];
    kit_add_member(kit, "known@example.com", &elsewhere, STORE_ROLE_VIEWER, session);
    kit_add_member(kit, "another@example.com", &elsewhere, STORE_ROLE_VIEWER, stranger);
    invite(kit, "Known@example.com", "viewer", token);
    struct kit_call call = take_up(kit, NULL, token, NULL);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "session_missing");
    kit_done(&call);
    call = take_up(kit, NULL, token, NEW_PASSWORD);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "credentials_wrong");
    kit_done(&call);
    call = take_up(kit, stranger, token, NULL);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = take_up(kit, session, token, NULL);
    assert_int_equal(call.status, 201);
    assert_true(json_is_null(json_object_get(call.answer, "session")));
    kit_done(&call);
    call = ask(kit, session, "GET", "/v1/me", NULL);
    assert_int_equal(json_array_size(json_object_get(call.answer, "memberships")), 2);
    kit_done(&call);
}

static void test_what_leads_nowhere(void **state) {
    struct kit *kit = *state;
    char token[64];
    char again[64];
    expect_refused(kit, "x");
    expect_refused(kit, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    struct id id = invite(kit, "gone@example.com", "viewer", token);
    struct kit_call call = ask(kit, kit->token, "DELETE", kit_path("invitations", &id, ""), NULL);
    assert_int_equal(call.status, 204);
    kit_done(&call);
    expect_refused(kit, token);
    id = invite(kit, "late@example.com", "viewer", token);
    call = ask(kit, kit->token, "POST", kit_path("invitations", &id, "/resend"), NULL);
    assert_int_equal(call.status, 429);
    kit_done(&call);
    kit_wall_skew_ms += 61000;
    call = ask(kit, kit->token, "POST", kit_path("invitations", &id, "/resend"), NULL);
    assert_int_equal(call.status, 200);
    take_token(&call, again);
    kit_done(&call);
    expect_refused(kit, token);
    /* Past its time, and still within the day that the owner's session lasts. */
    int64_t kept_ms = kit_wall_skew_ms;
    kit_wall_skew_ms += INT64_C(7) * 24 * 3600 * 1000;
    expect_refused(kit, again);
    kit_wall_skew_ms = kept_ms;
    call = take_up(kit, NULL, again, NEW_PASSWORD);
    assert_int_equal(call.status, 201);
    kit_done(&call);
}

static void test_who_may_invite_whom(void **state) {
    static const struct {
        const char *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"{\"email\":\"x@example.com\",\"role\":\"owner\"}", 403, "forbidden"},
        {"{\"email\":\"not an address\",\"role\":\"viewer\"}", 422, "validation_failed"},
        {"{\"email\":\"x@example.com\",\"role\":\"king\"}", 422, "validation_failed"},
        {"{\"email\":\"x@example.com\"}", 422, "validation_failed"},
        {"{\"email\":\"admin@" KIT_DOMAIN "\",\"role\":\"viewer\"}", 409, "already_member"},
        {"{\"email\":\"twice@example.com\",\"role\":\"viewer\"}", 201, ""},
        {"{\"email\":\"TWICE@example.com\",\"role\":\"admin\"}", 409, "invitation_exists"},
    };
    struct kit *kit = *state;
    char admin[64];
    char developer[64];
    kit_add_member(kit, "inviting.admin@example.com", &kit->organization, STORE_ROLE_ADMIN, admin);
    kit_add_member(kit, "inviting.dev@example.com", &kit->organization, STORE_ROLE_DEVELOPER,
                   developer);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_call call =
            ask(kit, admin, "POST", kit_path("organizations", &kit->organization, "/invitations"),
                cases[i].body);
        assert_int_equal(call.status, cases[i].status);
        assert_string_equal(call.code, cases[i].code);
        kit_done(&call);
    }
    struct kit_call call =
        ask(kit, developer, "POST", kit_path("organizations", &kit->organization, "/invitations"),
            cases[5].body);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = ask(kit, developer, "GET", kit_path("organizations", &kit->organization, "/invitations"),
               NULL);
    assert_int_equal(call.status, 200);
    kit_done(&call);
    call = ask(kit, developer, "GET", "/v1/mails", NULL);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = ask(kit, kit->token, "GET", "/v1/mails", NULL);
    assert_int_equal(call.status, 200);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_person),
        cmocka_unit_test(test_somebody_with_an_account),
        cmocka_unit_test(test_what_leads_nowhere),
        cmocka_unit_test(test_who_may_invite_whom),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
