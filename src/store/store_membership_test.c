/* store_membership_test.c: an organization's people: nobody else's are seen, and owners are counted. */
#include "store/store_membership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct id add(struct fixture *f, struct id organization, const char *email,
                     enum store_role role) {
    struct id member = fixture_member(f, email);
    struct store_membership_row row = {
        .object = {.id = member, .organization = organization},
        .role = role,
    };
    assert_int_equal(store_membership_insert(f->tx, &row), STATUS_OK);
    f->now_ms++;
    return member;
}

static void test_insert_get_update_delete(void **state) {
    struct fixture *f = *state;
    struct store_membership_row row;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    struct id ada = add(f, a, "ada@example.com", STORE_ROLE_VIEWER);
    assert_int_equal(store_membership_get(f->tx, &b, &ada, &row), STATUS_NOT_FOUND);
    assert_int_equal(store_membership_get(f->tx, &a, &ada, &row), STATUS_OK);
    assert_int_equal(row.role, STORE_ROLE_VIEWER);
    assert_int_equal(row.object.revision, 1);
    row.role = STORE_ROLE_ADMIN;
    assert_int_equal(store_membership_update(f->tx, &row), STATUS_OK);
    assert_int_equal(row.object.revision, 2);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    row.object.revision = 1;
    assert_int_equal(store_membership_update(f->tx, &row), STATUS_CONFLICT);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_membership_delete(f->tx, &b, &ada, 2), STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_membership_delete(f->tx, &a, &ada, 1), STATUS_CONFLICT);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_membership_delete(f->tx, &a, &ada, 2), STATUS_OK);
    assert_int_equal(store_membership_get(f->tx, &a, &ada, &row), STATUS_NOT_FOUND);
}

static void test_twice(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id ada = add(f, a, "ada@example.com", STORE_ROLE_VIEWER);
    struct store_membership_row again = {.object = {.id = ada, .organization = a},
                                         .role = STORE_ROLE_OWNER};
    assert_int_equal(store_membership_insert(f->tx, &again), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "already_member");
}

static void test_lists_and_owners(void **state) {
    struct fixture *f = *state;
    struct store_membership_row *rows = NULL;
    struct store_page page = {.limit = 2, .order = STORE_ASCENDING};
    size_t count = 0;
    int64_t owners = 0;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    struct id first = add(f, a, "one@example.com", STORE_ROLE_OWNER);
    add(f, a, "two@example.com", STORE_ROLE_VIEWER);
    add(f, a, "three@example.com", STORE_ROLE_OWNER);
    add(f, b, "four@example.com", STORE_ROLE_OWNER);
    assert_int_equal(store_membership_list(f->tx, &a, 0, &page, &f->arena, &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(page.has_more);
    assert_true(id_eq(&rows[0].object.id, &first));
    page = (struct store_page){.limit = 10, .order = STORE_DESCENDING};
    assert_int_equal(
        store_membership_list(f->tx, &a, STORE_ROLE_OWNER, &page, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(id_eq(&rows[1].object.id, &first));
    assert_int_equal(store_membership_count_owners(f->tx, &a, &owners), STATUS_OK);
    assert_int_equal(owners, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_get_update_delete, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_twice, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lists_and_owners, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
