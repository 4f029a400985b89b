#include "store/store_service_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static void test_insert_find_list(void **state) {
    struct fixture *f = *state;
    struct store_service_account row;
    struct store_service_account *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    assert_int_equal(
        store_service_account_get(f->tx, &a.organization, &a.service_account, &f->arena, &row),
        STATUS_OK);
    assert_true(str_eq(row.name, STR("gate")));
    assert_true(id_eq(&row.project, &a.project));
    assert_int_equal(store_service_account_find(f->tx, &a.organization, &a.project, STR("gate"),
                                                &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(store_service_account_find(f->tx, &a.organization, &a.project, STR("none"),
                                                &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_service_account_list(f->tx, &a.organization, &a.project, &page,
                                                &f->arena, &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(
        store_service_account_get(f->tx, &b.organization, &a.service_account, &f->arena, &row),
        STATUS_NOT_FOUND);
    assert_int_equal(store_service_account_find(f->tx, &b.organization, &a.project, STR("gate"),
                                                &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_service_account_list(f->tx, &b.organization, &a.project, &page,
                                                &f->arena, &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 0);
}

static void test_refused(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    fixture_commit(f);
    struct store_service_account row = {
        .object.organization = a.organization, .project = a.project, .name = STR("gate")};
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_service_account_insert(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "name_taken");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    row = (struct store_service_account){
        .object.organization = a.organization, .project = b.project, .name = STR("other")};
    assert_int_equal(store_service_account_insert(f->tx, &row), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_find_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
