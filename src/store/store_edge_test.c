#include "store/store_edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct store_edge make(struct fixture *f, const char *name) {
    struct store_edge row = {.is_enabled = true,
                             .name = str_from(name),
                             .address = STR_INIT("edge.example.net:443"),
                             .certificate_until_ms = f->now_ms + 1000};
    assert_int_equal(store_edge_insert(f->tx, &row), STATUS_OK);
    return row;
}

static size_t count_all(struct fixture *f) {
    struct store_page page = {.limit = 10, .order = STORE_ASCENDING};
    struct store_edge *rows = NULL;
    size_t count = 0;
    assert_int_equal(store_edge_list_all(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    return count;
}

static size_t count_live(struct fixture *f) {
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    struct store_edge *rows = NULL;
    size_t count = 0;
    assert_int_equal(store_edge_list(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    return count;
}

static void test_insert_update_report(void **state) {
    struct fixture *f = *state;
    struct store_edge row;
    fixture_begin(f, STORE_WRITE);
    struct store_edge made = make(f, "one");
    assert_int_equal(store_edge_get(f->tx, &made.object.id, &f->arena, &row), STATUS_OK);
    assert_true(str_eq(row.name, STR("one")));
    assert_true(row.is_enabled && !row.is_embedded);
    row.is_enabled = false;
    row.address = STR("other.example.net:8443");
    assert_int_equal(store_edge_update(f->tx, &row), STATUS_OK);
    made.version = STR("9.9");
    made.last_seen_at_ms = 77;
    assert_int_equal(store_edge_report(f->tx, &made), STATUS_OK);
    assert_int_equal(store_edge_get(f->tx, &made.object.id, &f->arena, &row), STATUS_OK);
    assert_false(row.is_enabled);
    assert_true(str_eq(row.address, STR("other.example.net:8443")));
    assert_true(str_eq(row.version, STR("9.9")));
    assert_int_equal(row.last_seen_at_ms, 77);
    assert_int_equal(row.object.revision, 2);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_edge_update(f->tx, &made), STATUS_CONFLICT);
}

static void test_revoke_and_prune(void **state) {
    struct fixture *f = *state;
    struct store_edge row;
    fixture_begin(f, STORE_WRITE);
    struct store_edge one = make(f, "one");
    make(f, "two");
    assert_int_equal(store_edge_revoke(f->tx, &one.object.id), STATUS_OK);
    assert_int_equal(store_edge_get(f->tx, &one.object.id, &f->arena, &row), STATUS_OK);
    assert_int_equal(row.revoked_at_ms, f->now_ms);
    assert_int_equal(count_all(f), 2);
    assert_int_equal(count_live(f), 1);
    assert_int_equal(store_edge_prune(f->tx, f->now_ms), STATUS_OK);
    assert_int_equal(count_all(f), 2);
    assert_int_equal(store_edge_prune(f->tx, f->now_ms + 1), STATUS_OK);
    assert_int_equal(count_all(f), 1);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_edge_revoke(f->tx, &one.object.id), STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_edge_get(f->tx, &one.object.id, &f->arena, &row), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_update_report, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_revoke_and_prune, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
