#include "identity/identity_password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

static const struct identity_password_config cheap = {
    .memory_bytes = 8192, .passes = 1, .concurrent_max = 1, .waiting_max = 1};

static int setup(void **state) {
    struct identity_password *passwords = NULL;
    assert_int_equal(identity_password_new(&cheap, &passwords, NULL), STATUS_OK);
    *state = passwords;
    return 0;
}

static int teardown(void **state) {
    struct identity_password *passwords = *state;
    identity_password_free(&passwords);
    assert_null(passwords);
    identity_password_free(&passwords);
    return 0;
}

static void test_hash_and_verify(void **state) {
    char hash[IDENTITY_PASSWORD_HASH_SIZE];
    char again[IDENTITY_PASSWORD_HASH_SIZE];
    bool needs_rehash = true;
    struct why why;
    struct str password = STR("correct horse battery staple");
    assert_int_equal(identity_password_hash(*state, password, hash, &why), STATUS_OK);
    assert_memory_equal(hash, "$argon2id$v=19$m=8,t=1,p=1$", 27);
    assert_int_equal(identity_password_hash(*state, password, again, &why), STATUS_OK);
    assert_string_not_equal(hash, again);
    assert_int_equal(
        identity_password_verify(*state, password, str_from(hash), &needs_rehash, &why), STATUS_OK);
    assert_false(needs_rehash);
    static const char *const wrong[] = {"", "correct horse battery stapl",
                                        "correct horse battery staple ",
                                        "Correct horse battery staple"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(
            identity_password_verify(*state, str_from(wrong[i]), str_from(hash), NULL, &why),
            STATUS_DENIED);
        assert_string_equal(why.slug, "credentials_wrong");
    }
}

static void test_unknown_account(void **state) {
    struct why why;
    /* Not even the password of the hash that stands in. */
    static const char *const hashes[] = {"", "x", "$argon2id$", "$2y$12$abcdefghijklmnopqrstuv"};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        assert_int_equal(
            identity_password_verify(*state, STR("nobody"), str_from(hashes[i]), NULL, &why),
            STATUS_DENIED);
        assert_string_equal(why.slug, "credentials_wrong");
    }
}

/* The same letters, composed and decomposed, as two systems type them; a compatible letter is another one. */
static void test_form_of_letters(void **state) {
    static const char composed[] = "a caf\xc3\xa9 by the \xc3\xa5 river";
    static const char decomposed[] = "a cafe\xcc\x81 by the a\xcc\x8a river";
    static const char ligature[] = "a long \xef\xac\x81ne password";
    char hash[IDENTITY_PASSWORD_HASH_SIZE];
    assert_int_equal(identity_password_hash(*state, str_from(composed), hash, NULL), STATUS_OK);
    assert_int_equal(
        identity_password_verify(*state, str_from(decomposed), str_from(hash), NULL, NULL),
        STATUS_OK);
    assert_int_equal(identity_password_hash(*state, str_from(decomposed), hash, NULL), STATUS_OK);
    assert_int_equal(
        identity_password_verify(*state, str_from(composed), str_from(hash), NULL, NULL),
        STATUS_OK);
    assert_int_equal(
        identity_password_verify(*state, STR("a cafe by the a river"), str_from(hash), NULL, NULL),
        STATUS_DENIED);
    assert_int_equal(identity_password_hash(*state, str_from(ligature), hash, NULL), STATUS_OK);
    assert_int_equal(
        identity_password_verify(*state, STR("a long fine password"), str_from(hash), NULL, NULL),
        STATUS_DENIED);
    assert_int_equal(
        identity_password_verify(*state, STR("a long \xef\xac"), str_from(hash), NULL, NULL),
        STATUS_DENIED);
}

static void test_weaker_hash_is_seen(void **state) {
    struct identity_password *stronger = NULL;
    struct identity_password_config config = cheap;
    char hash[IDENTITY_PASSWORD_HASH_SIZE];
    bool needs_rehash = false;
    config.passes = 2;
    assert_int_equal(identity_password_new(&config, &stronger, NULL), STATUS_OK);
    assert_int_equal(identity_password_hash(*state, STR("password"), hash, NULL), STATUS_OK);
    assert_int_equal(
        identity_password_verify(stronger, STR("password"), str_from(hash), &needs_rehash, NULL),
        STATUS_OK);
    assert_true(needs_rehash);
    identity_password_free(&stronger);
}

static void test_rules(void **state) {
    (void)state;
    char text[IDENTITY_PASSWORD_BYTES_MAX + 1];
    struct why why;
    memset(text, 'x', sizeof(text));
    assert_int_equal(identity_password_check(str_make(text, 15), &why), STATUS_OK);
    assert_int_equal(identity_password_check(str_make(text, 14), &why), STATUS_INVALID);
    assert_string_equal(why.slug, "password_short");
    /* Code points count, not bytes. */
    assert_int_equal(identity_password_check(STR("ääääääää"), &why), STATUS_INVALID);
    assert_string_equal(why.slug, "password_short");
    assert_int_equal(identity_password_check(str_make(text, 1000), &why), STATUS_OK);
    assert_int_equal(identity_password_check(str_make(text, 1001), &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "password_long");
    text[3] = '\0';
    assert_int_equal(identity_password_check(str_make(text, 20), &why), STATUS_INVALID);
    text[3] = (char)0xff;
    assert_int_equal(identity_password_check(str_make(text, 20), &why), STATUS_INVALID);
    assert_string_equal(why.slug, "password_not_utf8");
}

static void test_too_long(void **state) {
    char text[IDENTITY_PASSWORD_BYTES_MAX + 1];
    char hash[IDENTITY_PASSWORD_HASH_SIZE];
    struct why why;
    memset(text, 'x', sizeof(text));
    struct str password = str_make(text, sizeof(text));
    assert_int_equal(identity_password_hash(*state, password, hash, &why), STATUS_TOO_LARGE);
    assert_int_equal(identity_password_verify(*state, password, STR_EMPTY, NULL, &why),
                     STATUS_DENIED);
}

static void test_generated(void **state) {
    (void)state;
    struct secret first;
    struct secret second;
    identity_password_generate(random_system(), &first);
    identity_password_generate(random_system(), &second);
    assert_int_equal(first.len, 24);
    assert_int_equal(strlen(first.text), 24);
    assert_int_equal(identity_password_check(secret_str(&first), NULL), STATUS_OK);
    assert_false(str_eq(secret_str(&first), secret_str(&second)));
}

struct crowd {
    struct identity_password *passwords;
    enum status status;
};

static void *hash_slowly(void *context) {
    struct crowd *crowd = context;
    char hash[IDENTITY_PASSWORD_HASH_SIZE];
    crowd->status = identity_password_hash(crowd->passwords, STR("password"), hash, NULL);
    return NULL;
}

static void test_queue_is_bounded(void **state) {
    (void)state;
    struct identity_password_config config = {
        .memory_bytes = 16 << 20, .passes = 3, .concurrent_max = 1, .waiting_max = 1};
    struct identity_password *passwords = NULL;
    struct crowd crowds[8];
    pthread_t threads[8];
    size_t done = 0;
    size_t refused = 0;
    assert_int_equal(identity_password_new(&config, &passwords, NULL), STATUS_OK);
    for (size_t i = 0; i < 8; i++) {
        crowds[i] = (struct crowd){passwords, STATUS_FAILED};
        assert_int_equal(pthread_create(&threads[i], NULL, hash_slowly, &crowds[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        done += crowds[i].status == STATUS_OK;
        refused += crowds[i].status == STATUS_UNAVAILABLE;
    }
    assert_int_equal(done + refused, 8);
    assert_true(done >= 2);
    assert_true(refused >= 1);
    assert_int_equal(hash_slowly(&crowds[0]) == NULL, 1);
    assert_int_equal(crowds[0].status, STATUS_OK);
    identity_password_free(&passwords);
}

static void test_impossible_parameters(void **state) {
    (void)state;
    struct identity_password *passwords = NULL;
    struct identity_password_config config = {.memory_bytes = 1};
    struct why why;
    assert_int_equal(identity_password_new(&config, &passwords, &why), STATUS_FAILED);
    assert_string_equal(why.slug, "password_library");
    assert_null(passwords);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hash_and_verify, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_account, setup, teardown),
        cmocka_unit_test_setup_teardown(test_form_of_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weaker_hash_is_seen, setup, teardown),
        cmocka_unit_test(test_rules),
        cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_impossible_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
