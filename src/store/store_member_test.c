#include "store/store_member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static void test_insert_find_update(void **state) {
    struct fixture *f = *state;
    struct store_member row;
    fixture_begin(f, STORE_WRITE);
    struct id id = fixture_member(f, "Ada@example.com");
    assert_int_equal(store_member_find_any(f->tx, STR("ADA@EXAMPLE.COM"), &f->arena, &row),
                     STATUS_OK);
    assert_true(id_eq(&row.object.id, &id));
    assert_true(id_is_none(&row.object.organization));
    assert_true(str_eq(row.email, STR("Ada@example.com")));
    assert_int_equal(row.password_hash.len, 0);
    assert_int_equal(store_member_find_any(f->tx, STR("eve@example.com"), &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_member_get_any(f->tx, &id, &f->arena, &row), STATUS_OK);
    row.email = STR("countess@example.com");
    row.password_hash = STR("$argon2id$x");
    assert_int_equal(store_member_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_member_find_any(f->tx, STR("ada@example.com"), &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_member_find_any(f->tx, STR("countess@example.com"), &f->arena, &row),
                     STATUS_OK);
    assert_true(str_eq(row.password_hash, STR("$argon2id$x")));
    row.object.revision = 1;
    assert_int_equal(store_member_update(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "revision_mismatch");
}

static void test_email_is_unique(void **state) {
    struct fixture *f = *state;
    struct store_member row = {.email = STR("ADA@example.com")};
    fixture_begin(f, STORE_WRITE);
    fixture_member(f, "ada@example.com");
    struct id other = fixture_member(f, "grace@example.com");
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_member_insert(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "email_taken");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_member_get_any(f->tx, &other, &f->arena, &row), STATUS_OK);
    row.email = STR("Ada@Example.com");
    assert_int_equal(store_member_update(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "email_taken");
}

static void test_roles_and_tenants(void **state) {
    struct fixture *f = *state;
    struct store_member row;
    struct store_member *rows;
    struct store_membership *roles;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    enum store_role role;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    struct id ada = fixture_member(f, "ada@example.com");
    struct id eve = fixture_member(f, "eve@example.com");
    for (int i = 0; i < 10; i++) {
        struct id more = fixture_organization(f, "More");
        assert_int_equal(store_member_set_role(f->tx, &more, &eve, STORE_ROLE_VIEWER), STATUS_OK);
    }
    assert_int_equal(store_member_set_role(f->tx, &a, &ada, STORE_ROLE_OWNER), STATUS_OK);
    assert_int_equal(store_member_set_role(f->tx, &b, &eve, STORE_ROLE_OWNER), STATUS_OK);
    assert_int_equal(store_member_set_role(f->tx, &b, &eve, STORE_ROLE_DEVELOPER), STATUS_OK);
    assert_int_equal(store_member_get(f->tx, &a, &ada, &f->arena, &row, &role), STATUS_OK);
    assert_int_equal(role, STORE_ROLE_OWNER);
    assert_int_equal(store_member_get(f->tx, &b, &eve, &f->arena, &row, &role), STATUS_OK);
    assert_int_equal(role, STORE_ROLE_DEVELOPER);
    assert_int_equal(store_member_get(f->tx, &b, &ada, &f->arena, &row, &role), STATUS_NOT_FOUND);
    assert_int_equal(store_member_list(f->tx, &a, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&rows[0].object.id, &ada));
    assert_int_equal(store_member_roles(f->tx, &eve, &f->arena, &roles, &count), STATUS_OK);
    assert_int_equal(count, 11);
    assert_int_equal(store_member_roles(f->tx, &ada, &f->arena, &roles, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&roles[0].organization, &a));
    struct id nobody = {"mem_00000000000000000000000000"};
    assert_int_equal(store_member_set_role(f->tx, &a, &nobody, STORE_ROLE_OWNER), STATUS_NOT_FOUND);
}

static void test_role_names(void **state) {
    (void)state;
    static const char *const names[] = {"owner", "admin", "developer", "viewer"};
    enum store_role role;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(store_role_parse(str_from(names[i]), &role), STATUS_OK);
        assert_int_equal(role, i + 1);
        assert_string_equal(store_role_name(role), names[i]);
    }
    assert_int_equal(store_role_parse(STR("Owner"), &role), STATUS_INVALID);
    assert_string_equal(store_role_name((enum store_role)0), "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_find_update, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_email_is_unique, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_roles_and_tenants, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_role_names, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
