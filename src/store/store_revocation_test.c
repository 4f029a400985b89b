#include "store/store_revocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static void test_list_and_prune(void **state) {
    struct fixture *f = *state;
    struct store_revocation *rows;
    struct store_page page = {.limit = 1};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    struct store_revocation first = {.object.organization = a.organization,
                                     .environment = a.environment,
                                     .warpgate = {"wg_00000000000000000000000001"},
                                     .expires_at_ms = f->now_ms + 10};
    struct store_revocation again = first;
    struct store_revocation second = {.object.organization = b.organization,
                                      .environment = b.environment,
                                      .warpgate = {"wg_00000000000000000000000002"},
                                      .expires_at_ms = f->now_ms + 30};
    assert_int_equal(store_revocation_insert(f->tx, &first), STATUS_OK);
    again.expires_at_ms = f->now_ms + 20;
    assert_int_equal(store_revocation_insert(f->tx, &again), STATUS_OK);
    f->now_ms++;
    assert_int_equal(store_revocation_insert(f->tx, &second), STATUS_OK);
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(page.has_more);
    assert_true(id_eq(&rows[0].object.id, &first.object.id));
    assert_int_equal(rows[0].expires_at_ms, FIXTURE_START_MS + 20);
    page.has_cursor = true;
    page.after = rows[0].object.id;
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_false(page.has_more);
    fixture_commit(f);
    f->now_ms = FIXTURE_START_MS + 20;
    fixture_begin(f, STORE_WRITE);
    page = (struct store_page){.limit = 10};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &rows, &count),
                         STATUS_OK);
        assert_int_equal(count, 1);
        assert_true(id_eq(&rows[0].warpgate, &second.warpgate));
        assert_int_equal(store_revocation_prune_any(f->tx), STATUS_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_list_and_prune, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
