/* store_outbox_test.c: mails that wait, that failed, and that belong to nobody in particular. */
#include "store/store_outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct store_mail put(struct fixture *f, const struct id *organization, int64_t delay_ms) {
    struct store_mail row = {
        .next_at_ms = f->now_ms + delay_ms,
        .expires_at_ms = f->now_ms + 1000000,
        .recipient = STR("ada@example.com"),
        .message = STR("Subject: x\r\n\r\nbody"),
    };
    if (organization != NULL) {
        row.object.organization = *organization;
    }
    assert_int_equal(store_outbox_insert(f->tx, &row), STATUS_OK);
    return row;
}

static void test_due_update_delete(void **state) {
    struct fixture *f = *state;
    struct store_mail *rows = NULL;
    struct store_mail row;
    size_t count = 0;
    int64_t next_ms = 1;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    assert_int_equal(store_outbox_next_any(f->tx, &next_ms), STATUS_OK);
    assert_int_equal(next_ms, 0);
    struct store_mail first = put(f, &a, -5);
    struct store_mail free = put(f, NULL, -9);
    put(f, &a, 100);
    assert_int_equal(store_outbox_next_any(f->tx, &next_ms), STATUS_OK);
    assert_int_equal(next_ms, f->now_ms - 9);
    assert_int_equal(store_outbox_due_any(f->tx, 10, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(id_eq(&rows[0].object.id, &free.object.id));
    assert_true(id_is_none(&rows[0].object.organization));
    assert_true(str_eq(rows[0].message, STR("Subject: x\r\n\r\nbody")));
    assert_int_equal(store_outbox_due_any(f->tx, 1, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    /* Both kinds can be written again. */
    free.attempts = 1;
    free.next_at_ms = f->now_ms + 7;
    assert_int_equal(store_outbox_update(f->tx, &free), STATUS_OK);
    first.failed_at_ms = f->now_ms;
    first.message = STR_EMPTY;
    first.last_error = STR("550 no");
    assert_int_equal(store_outbox_update(f->tx, &first), STATUS_OK);
    assert_int_equal(store_outbox_due_any(f->tx, 10, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_outbox_get(f->tx, &a, &first.object.id, &f->arena, &row), STATUS_OK);
    assert_true(str_eq(row.last_error, STR("550 no")));
    assert_int_equal(store_outbox_get(f->tx, &a, &free.object.id, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_outbox_prune_any(f->tx, f->now_ms + 1), STATUS_OK);
    assert_int_equal(store_outbox_get(f->tx, &a, &first.object.id, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_outbox_delete_any(f->tx, &free.object.id), STATUS_OK);
    assert_int_equal(store_outbox_delete_any(f->tx, &free.object.id), STATUS_OK);
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    assert_int_equal(store_outbox_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    free.object.revision = 9;
    assert_int_equal(store_outbox_update(f->tx, &free), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_due_update_delete, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
