/* store_operation_test.c: an operation is done by one, and its result is there in parts until it expires. */
#include "store/store_operation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static void test_from_queue_to_result(void **state) {
    struct fixture *f = *state;
    struct store_operation row;
    struct str content;
    int64_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    assert_int_equal(store_operation_due_any(f->tx, &f->arena, &row), STATUS_NOT_FOUND);
    struct store_operation made = {.object.organization = a,
                                   .state = STORE_OPERATION_QUEUED,
                                   .kind = STR("organization.export")};
    assert_int_equal(store_operation_insert(f->tx, &made), STATUS_OK);
    assert_int_equal(store_operation_count(f->tx, &a, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_operation_due_any(f->tx, &f->arena, &row), STATUS_OK);
    assert_true(str_eq(row.kind, STR("organization.export")));
    row.state = STORE_OPERATION_RUNNING;
    row.lease_at_ms = f->now_ms + 10;
    assert_int_equal(store_operation_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_operation_due_any(f->tx, &f->arena, &made), STATUS_NOT_FOUND);
    assert_int_equal(store_operation_add_part(f->tx, &row, 1, STR("{\"a\":")), STATUS_OK);
    assert_int_equal(store_operation_add_part(f->tx, &row, 2, STR("1}")), STATUS_OK);
    assert_int_equal(store_operation_get_part(f->tx, &a, &row.object.id, 2, &f->arena, &content),
                     STATUS_OK);
    assert_true(str_eq(content, STR("1}")));
    assert_int_equal(store_operation_get_part(f->tx, &b, &row.object.id, 2, &f->arena, &content),
                     STATUS_NOT_FOUND);
    fixture_commit(f);
    /* Whoever was at it died: the next one begins anew. */
    f->now_ms += 10;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_operation_due_any(f->tx, &f->arena, &row), STATUS_OK);
    assert_int_equal(store_operation_drop_parts(f->tx, &a, &row.object.id), STATUS_OK);
    assert_int_equal(store_operation_get_part(f->tx, &a, &row.object.id, 1, &f->arena, &content),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_operation_add_part(f->tx, &row, 1, STR("{}")), STATUS_OK);
    row.state = STORE_OPERATION_SUCCEEDED;
    row.finished_at_ms = f->now_ms;
    row.expires_at_ms = f->now_ms + 5;
    assert_int_equal(store_operation_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_operation_count(f->tx, &a, &count), STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_operation_prune_any(f->tx), STATUS_OK);
    assert_int_equal(store_operation_get(f->tx, &a, &row.object.id, &f->arena, &row), STATUS_OK);
    fixture_commit(f);
    f->now_ms += 5;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_operation_prune_any(f->tx), STATUS_OK);
    assert_int_equal(store_operation_get(f->tx, &a, &row.object.id, &f->arena, &made),
                     STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_queue_to_result, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
