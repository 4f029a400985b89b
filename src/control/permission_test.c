#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/permission.h"

static bool may(enum store_role role, enum permission permission) {
    return (permission_of_role(role) & PERMISSION_BIT(permission)) != 0;
}

static void test_every_permission_has_a_word(void **state) {
    (void)state;
    for (unsigned i = 0; i < PERMISSION_COUNT; i++) {
        assert_non_null(permission_name((enum permission)i));
    }
}

static void test_only_those_of_service_accounts_are_parsed(void **state) {
    enum permission permission = PERMISSION_OPEN;
    (void)state;
    for (unsigned i = 0; i < PERMISSION_COUNT; i++) {
        enum status status =
            permission_parse(str_from(permission_name((enum permission)i)), &permission);
        assert_int_equal(status, i >= PERMISSION_AUDIT_READ ? STATUS_OK : STATUS_INVALID);
        assert_true(status != STATUS_OK || permission == i);
    }
    assert_int_equal(permission_parse(STR("config:"), &permission), STATUS_INVALID);
    assert_int_equal(permission_parse(STR_EMPTY, &permission), STATUS_INVALID);
}

static void test_words_and_back(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    uint32_t some = PERMISSION_BIT(PERMISSION_CONFIG_READ) | PERMISSION_BIT(PERMISSION_AUDIT_READ);
    struct str text = permission_write(some, &arena);
    assert_true(str_eq(text, STR("audit:read config:read")));
    assert_int_equal(permission_read(text), some);
    assert_int_equal(permission_write(0, &arena).len, 0);
    assert_int_equal(permission_read(STR_EMPTY), 0);
    assert_int_equal(permission_read(STR("operator organization:own config:read config")),
                     PERMISSION_BIT(PERMISSION_CONFIG_READ));
    arena_fini(&arena);
}

/* Each role has all that the lesser one has; billing stands beside them. */
static void test_roles(void **state) {
    (void)state;
    for (unsigned role = STORE_ROLE_OWNER; role < STORE_ROLE_VIEWER; role++) {
        uint32_t more = permission_of_role((enum store_role)role);
        uint32_t less = permission_of_role((enum store_role)(role + 1));
        assert_int_equal(more & less, less);
        assert_int_not_equal(more, less);
    }
    assert_false(may(STORE_ROLE_VIEWER, PERMISSION_CONFIG_WRITE));
    assert_false(may(STORE_ROLE_VIEWER, PERMISSION_AUDIT_READ));
    assert_false(may(STORE_ROLE_DEVELOPER, PERMISSION_PROJECTS_WRITE));
    assert_false(may(STORE_ROLE_DEVELOPER, PERMISSION_MEMBERS_WRITE));
    assert_false(may(STORE_ROLE_ADMIN, PERMISSION_ORGANIZATION_OWN));
    assert_true(may(STORE_ROLE_BILLING, PERMISSION_BILLING_READ));
    assert_false(may(STORE_ROLE_BILLING, PERMISSION_CONFIG_READ));
    assert_int_equal(permission_of_role((enum store_role)0), 0);
    assert_int_equal(permission_of_role((enum store_role)99), 0);
    for (unsigned role = STORE_ROLE_OWNER; role <= STORE_ROLE_BILLING; role++) {
        assert_false(may((enum store_role)role, PERMISSION_OPERATOR));
        assert_false(may((enum store_role)role, PERMISSION_WARPGATE_CONNECT));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_permission_has_a_word),
        cmocka_unit_test(test_only_those_of_service_accounts_are_parsed),
        cmocka_unit_test(test_words_and_back),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
