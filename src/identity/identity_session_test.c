#include "identity/identity_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct id make_member(struct fixture *f, struct id *organization) {
    fixture_begin(f, STORE_WRITE);
    *organization = fixture_organization(f, "Acme");
    struct id member = fixture_member(f, "ada@example.com");
    assert_int_equal(store_member_set_role(f->tx, organization, &member, STORE_ROLE_OWNER),
                     STATUS_OK);
    fixture_commit(f);
    return member;
}

static void begin(struct fixture *f, const struct id *member, struct secret *token,
                  struct store_session *session) {
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(identity_session_begin(f->tx, member, NULL, token, session), STATUS_OK);
    fixture_commit(f);
}

static enum status check(struct fixture *f, const struct secret *token) {
    struct identity_principal principal;
    return identity_session_check(f->store, secret_str(token), &f->arena, &principal, &f->why);
}

static void test_begin_check_end(void **state) {
    struct fixture *f = *state;
    struct id organization;
    struct id other = {"org_00000000000000000000000000"};
    struct id member = make_member(f, &organization);
    struct secret token;
    struct store_session session;
    struct identity_principal principal;
    enum store_role role;
    begin(f, &member, &token, &session);
    assert_int_equal(token.len, IDENTITY_SESSION_TOKEN_LENGTH);
    assert_int_equal(session.expires_at_ms, f->now_ms + IDENTITY_SESSION_LIFE_MS);
    assert_int_equal(
        identity_session_check(f->store, secret_str(&token), &f->arena, &principal, &f->why),
        STATUS_OK);
    assert_true(id_eq(&principal.session.object.id, &session.object.id));
    assert_true(str_eq(principal.member.email, STR("ada@example.com")));
    assert_int_equal(principal.member.password_hash.len, 0);
    assert_int_equal(principal.membership_count, 1);
    assert_int_equal(identity_session_role(&principal, &organization, &role), STATUS_OK);
    assert_int_equal(role, STORE_ROLE_OWNER);
    assert_int_equal(identity_session_role(&principal, &other, &role), STATUS_NOT_FOUND);
    assert_int_equal(identity_session_end(f->store, &session.object.id, &f->why), STATUS_OK);
    assert_int_equal(check(f, &token), STATUS_DENIED);
    assert_string_equal(f->why.slug, "session_invalid");
    assert_int_equal(identity_session_end(f->store, &session.object.id, &f->why), STATUS_OK);
}

static void test_foreign_tokens(void **state) {
    struct fixture *f = *state;
    struct id organization;
    struct id member = make_member(f, &organization);
    struct secret token;
    struct store_session session;
    begin(f, &member, &token, &session);
    struct secret bad = token;
    bad.text[0] = bad.text[0] == 'A' ? 'B' : 'A';
    assert_int_equal(check(f, &bad), STATUS_DENIED);
    assert_string_equal(f->why.slug, "session_invalid");
    assert_null(strstr(f->why.text, bad.text));
    bad = token;
    bad.len--;
    assert_int_equal(check(f, &bad), STATUS_DENIED);
    bad.len = 0;
    assert_int_equal(check(f, &bad), STATUS_DENIED);
    assert_int_equal(check(f, &token), STATUS_OK);
}

static void test_idle_and_absolute_end(void **state) {
    struct fixture *f = *state;
    struct id organization;
    struct id member = make_member(f, &organization);
    struct secret token;
    struct store_session session;
    begin(f, &member, &token, &session);
    f->now_ms += IDENTITY_SESSION_IDLE_MS;
    assert_int_equal(check(f, &token), STATUS_DENIED);
    assert_string_equal(f->why.slug, "session_expired");
    begin(f, &member, &token, &session);
    /* In use all the time: until a day has passed. */
    for (int64_t used_ms = 0; used_ms < IDENTITY_SESSION_LIFE_MS;
         used_ms += IDENTITY_SESSION_IDLE_MS - 1) {
        assert_int_equal(check(f, &token), STATUS_OK);
        f->now_ms += IDENTITY_SESSION_IDLE_MS - 1;
    }
    assert_int_equal(check(f, &token), STATUS_DENIED);
    assert_string_equal(f->why.slug, "session_expired");
}

static void test_use_is_noted_once_a_minute(void **state) {
    struct fixture *f = *state;
    struct id organization;
    struct id member = make_member(f, &organization);
    struct secret token;
    struct store_session session;
    struct identity_principal principal;
    int64_t start_ms = f->now_ms;
    begin(f, &member, &token, &session);
    f->now_ms += IDENTITY_SESSION_TOUCH_MS - 1;
    assert_int_equal(
        identity_session_check(f->store, secret_str(&token), &f->arena, &principal, &f->why),
        STATUS_OK);
    assert_int_equal(principal.session.last_used_at_ms, start_ms);
    f->now_ms += 1;
    assert_int_equal(
        identity_session_check(f->store, secret_str(&token), &f->arena, &principal, &f->why),
        STATUS_OK);
    assert_int_equal(principal.session.last_used_at_ms, f->now_ms);
}

static void test_unknown_member(void **state) {
    struct fixture *f = *state;
    struct id nobody = {"mem_00000000000000000000000000"};
    struct secret token;
    struct store_session session;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(identity_session_begin(f->tx, &nobody, NULL, &token, &session),
                     STATUS_NOT_FOUND);
    assert_int_equal(token.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_begin_check_end, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_tokens, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_idle_and_absolute_end, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_use_is_noted_once_a_minute, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_unknown_member, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
