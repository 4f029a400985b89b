#include "store/store_organization.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static void test_insert_get_update(void **state) {
    struct fixture *f = *state;
    struct store_organization row;
    fixture_begin(f, STORE_WRITE);
    struct id id = fixture_organization(f, "Acme GmbH & Söhne");
    /* Need not be unique. */
    fixture_organization(f, "Acme GmbH & Söhne");
    assert_int_equal(store_organization_get(f->tx, &id, &f->arena, &row), STATUS_OK);
    assert_true(str_eq(row.name, STR("Acme GmbH & Söhne")));
    assert_true(id_eq(&row.object.organization, &id));
    row.name = STR("Acme");
    assert_int_equal(store_organization_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_organization_get(f->tx, &id, &f->arena, &row), STATUS_OK);
    assert_true(str_eq(row.name, STR("Acme")));
    struct id none = {"org_00000000000000000000000000"};
    assert_int_equal(store_organization_get(f->tx, &none, &f->arena, &row), STATUS_NOT_FOUND);
    row.object.revision = 9;
    assert_int_equal(store_organization_update(f->tx, &row), STATUS_CONFLICT);
}

static void test_lists(void **state) {
    struct fixture *f = *state;
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    struct store_organization *rows;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    f->now_ms++;
    struct id b = fixture_organization(f, "B");
    f->now_ms++;
    fixture_organization(f, "C");
    struct id member = fixture_member(f, "ada@example.com");
    assert_int_equal(store_member_set_role(f->tx, &a, &member, STORE_ROLE_VIEWER), STATUS_OK);
    assert_int_equal(store_member_set_role(f->tx, &b, &member, STORE_ROLE_VIEWER), STATUS_OK);
    assert_int_equal(
        store_organization_list_of_member(f->tx, &member, &page, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(rows[0].name, STR("B")));
    assert_true(str_eq(rows[1].name, STR("A")));
    assert_int_equal(store_organization_list_any(f->tx, &page, &f->arena, &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_get_update, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lists, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
