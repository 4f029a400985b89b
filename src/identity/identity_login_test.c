#include "identity/identity_login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/identity_owner.h"
#include "store/store_test_kit.h"

#define PASSWORD STR("correct horse battery staple")

struct world {
    struct fixture f;
    struct identity_login login;
    struct identity_login_result result;
};

static int setup(void **state) {
    static const struct identity_password_config cheap = {.memory_bytes = 8192, .passes = 1};
    struct world *w = calloc(1, sizeof(*w));
    struct secret generated;
    fixture_make(&w->f);
    assert_int_equal(fixture_open(&w->f), STATUS_OK);
    w->login.store = w->f.store;
    assert_int_equal(identity_password_new(&cheap, &w->login.passwords, NULL), STATUS_OK);
    w->login.throttle = identity_throttle_new(&w->f.clock);
    const struct identity_owner_config owner = {
        .organization_name = STR("Acme"), .email = STR("ada@example.com"), .password = PASSWORD};
    assert_int_equal(identity_owner_make(w->f.store, w->login.passwords, &owner, &generated, NULL),
                     STATUS_OK);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    identity_throttle_free(&w->login.throttle);
    identity_password_free(&w->login.passwords);
    store_close(&w->f.store);
    fixture_remove(&w->f);
    free(w);
    return 0;
}

static enum status try(struct world *w, const char *email, struct str password) {
    static const struct identity_origin origin = {.ip_address = STR_INIT("192.0.2.1"),
                                                  .user_agent = STR_INIT("cmocka")};
    return identity_login_try(&w->login, str_from(email), password, &origin, &w->result, &w->f.why);
}

static void test_right(void **state) {
    struct world *w = *state;
    struct identity_principal principal;
    static const char *const spellings[] = {"ada@example.com", "ADA@Example.COM"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(try(w, spellings[i], PASSWORD), STATUS_OK);
        assert_int_equal(identity_session_check(w->f.store, secret_str(&w->result.token),
                                                &w->f.arena, &principal, &w->f.why),
                         STATUS_OK);
        assert_true(id_eq(&principal.session.object.id, &w->result.session.object.id));
    }
}

static void test_wrong_is_one_answer(void **state) {
    struct world *w = *state;
    char text[sizeof(w->f.why.text)];
    assert_int_equal(try(w, "ada@example.com", STR("wrong")), STATUS_DENIED);
    assert_string_equal(w->f.why.slug, "credentials_wrong");
    assert_int_equal(w->result.token.len, 0);
    memcpy(text, w->f.why.text, sizeof(text));
    static const char *const unknown[] = {"eve@example.com", "not an address", ""};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_int_equal(try(w, unknown[i], PASSWORD), STATUS_DENIED);
        assert_string_equal(w->f.why.slug, "credentials_wrong");
        assert_string_equal(w->f.why.text, text);
    }
}

static void test_member_without_password(void **state) {
    struct world *w = *state;
    fixture_begin(&w->f, STORE_WRITE);
    fixture_member(&w->f, "grace@example.com");
    fixture_commit(&w->f);
    assert_int_equal(try(w, "grace@example.com", STR("")), STATUS_DENIED);
    assert_int_equal(try(w, "grace@example.com", STR("nobody")), STATUS_DENIED);
}

static void test_guessing_is_slowed(void **state) {
    struct world *w = *state;
    int evaluated = 0;
    for (int i = 0; i < 20; i++) {
        evaluated += try(w, "ada@example.com", STR("wrong")) == STATUS_DENIED;
    }
    assert_int_equal(evaluated, 6);
    assert_int_equal(try(w, "ada@example.com", PASSWORD), STATUS_UNAVAILABLE);
    assert_string_equal(w->f.why.slug, "too_many_attempts");
    assert_true(w->result.retry_after_seconds >= 1);
    w->f.now_ms += w->result.retry_after_seconds * 1000;
    assert_int_equal(try(w, "ada@example.com", PASSWORD), STATUS_OK);
    assert_int_equal(try(w, "ada@example.com", PASSWORD), STATUS_OK);
}

static void test_weak_hash_is_replaced(void **state) {
    struct world *w = *state;
    struct identity_password_config config = {.memory_bytes = 8192, .passes = 2};
    struct store_member member;
    identity_password_free(&w->login.passwords);
    assert_int_equal(identity_password_new(&config, &w->login.passwords, NULL), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(try(w, "ada@example.com", PASSWORD), STATUS_OK);
        fixture_begin(&w->f, STORE_READ);
        assert_int_equal(
            store_member_find_any(w->f.tx, STR("ada@example.com"), &w->f.arena, &member),
            STATUS_OK);
        store_tx_rollback(&w->f.tx);
        assert_memory_equal(member.password_hash.at, "$argon2id$v=19$m=8,t=2", 22);
        assert_int_equal(member.object.revision, 2);
    }
}

static void test_the_password_once_more(void **state) {
    struct world *w = *state;
    struct id member = {.text = ""};
    int64_t retry_after_seconds = 0;
    const struct str ip = STR("192.0.2.1");
    assert_int_equal(identity_login_verify(&w->login, STR("ada@example.com"), PASSWORD, ip, &member,
                                           &retry_after_seconds, &w->f.why),
                     STATUS_OK);
    assert_false(id_is_none(&member));
    assert_int_equal(try(w, "ada@example.com", PASSWORD), STATUS_OK);
    assert_true(id_eq(&member, &w->result.session.member));
    /* Guesses count together with those at signing in. */
    int evaluated = 0;
    for (int i = 0; i < 20; i++) {
        evaluated +=
            identity_login_verify(&w->login, STR("ada@example.com"), STR("wrong"), ip, &member,
                                  &retry_after_seconds, &w->f.why) == STATUS_DENIED;
    }
    assert_int_equal(evaluated, 6);
    assert_true(retry_after_seconds >= 1);
    assert_int_equal(try(w, "ada@example.com", PASSWORD), STATUS_UNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_right, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_is_one_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_member_without_password, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guessing_is_slowed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_password_once_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weak_hash_is_replaced, setup, teardown),
    };
    return store_test_database_run(tests);
}
