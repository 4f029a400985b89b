#include "identity/identity_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct identity_password *passwords;

static int setup(void **state) {
    static const struct identity_password_config cheap = {.memory_bytes = 8192, .passes = 1};
    assert_int_equal(identity_password_new(&cheap, &passwords, NULL), STATUS_OK);
    return fixture_setup(state);
}

static int teardown(void **state) {
    identity_password_free(&passwords);
    return fixture_teardown(state);
}

static void test_generated_password(void **state) {
    struct fixture *f = *state;
    const struct identity_owner_config config = {.organization_name = STR("Default"),
                                                 .email = STR("admin@mezusphere.localhost")};
    struct secret generated;
    struct store_member member;
    struct store_membership *roles;
    size_t count = 0;
    assert_int_equal(identity_owner_make(f->store, passwords, &config, &generated, &f->why),
                     STATUS_OK);
    assert_int_equal(generated.len, 24);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_member_find_any(f->tx, config.email, &f->arena, &member), STATUS_OK);
    assert_int_equal(store_member_roles(f->tx, &member.object.id, &f->arena, &roles, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(roles[0].role, STORE_ROLE_OWNER);
    store_tx_rollback(&f->tx);
    assert_int_equal(identity_password_verify(passwords, secret_str(&generated),
                                              member.password_hash, NULL, NULL),
                     STATUS_OK);
    /* Once only. */
    assert_int_equal(identity_owner_make(f->store, passwords, &config, &generated, &f->why),
                     STATUS_END);
    assert_int_equal(generated.len, 0);
}

static void test_given_password(void **state) {
    struct fixture *f = *state;
    const struct identity_owner_config config = {.organization_name = STR("Default"),
                                                 .email = STR("admin@example.com"),
                                                 .password = STR("a sentence to remember")};
    struct secret generated;
    assert_int_equal(identity_owner_make(f->store, passwords, &config, &generated, &f->why),
                     STATUS_OK);
    assert_int_equal(generated.len, 0);
}

static void test_refused(void **state) {
    struct fixture *f = *state;
    struct secret generated;
    struct identity_owner_config config = {.organization_name = STR("Default"),
                                           .email = STR("admin"),
                                           .password = STR("a sentence to remember")};
    assert_int_equal(identity_owner_make(f->store, passwords, &config, &generated, &f->why),
                     STATUS_INVALID);
    assert_string_equal(f->why.slug, "email_invalid");
    config.email = STR("admin@example.com");
    config.password = STR("short");
    assert_int_equal(identity_owner_make(f->store, passwords, &config, &generated, &f->why),
                     STATUS_INVALID);
    assert_string_equal(f->why.slug, "password_short");
    /* Nothing was made. */
    config.password = STR_EMPTY;
    assert_int_equal(identity_owner_make(f->store, passwords, &config, &generated, &f->why),
                     STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_generated_password, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_password, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return store_test_database_run(tests);
}
