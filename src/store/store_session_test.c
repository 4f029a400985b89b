#include "store/store_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct store_session make(struct fixture *f, const struct id *member, uint8_t seed) {
    uint8_t sha256[DIGEST_BYTES];
    struct store_session row = {
        .member = *member,
        .expires_at_ms = f->now_ms + 1000,
        .last_used_at_ms = f->now_ms,
        .ip_address = STR("192.0.2.9"),
        .user_agent = STR("curl/8"),
    };
    memset(sha256, seed, sizeof(sha256));
    assert_int_equal(store_session_insert(f->tx, &row, sha256), STATUS_OK);
    return row;
}

static enum status find(struct fixture *f, uint8_t seed, struct store_session *row) {
    uint8_t sha256[DIGEST_BYTES];
    memset(sha256, seed, sizeof(sha256));
    return store_session_find_any(f->tx, sha256, &f->arena, row);
}

static void test_find_use_delete(void **state) {
    struct fixture *f = *state;
    struct store_session row;
    fixture_begin(f, STORE_WRITE);
    struct id member = fixture_member(f, "ada@example.com");
    struct store_session made = make(f, &member, 1);
    fixture_commit(f);
    f->now_ms += 10;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(find(f, 1, &row), STATUS_OK);
    assert_true(id_eq(&row.object.id, &made.object.id));
    assert_true(id_eq(&row.member, &member));
    assert_int_equal(row.expires_at_ms, FIXTURE_START_MS + 1000);
    assert_int_equal(find(f, 2, &row), STATUS_NOT_FOUND);
    assert_int_equal(store_session_used(f->tx, &made.object.id), STATUS_OK);
    assert_int_equal(find(f, 1, &row), STATUS_OK);
    assert_int_equal(row.last_used_at_ms, FIXTURE_START_MS + 10);
    assert_int_equal(store_session_delete(f->tx, &made.object.id), STATUS_OK);
    assert_int_equal(find(f, 1, &row), STATUS_NOT_FOUND);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_session_delete(f->tx, &made.object.id), STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_session_used(f->tx, &made.object.id), STATUS_NOT_FOUND);
}

static void test_delete_many(void **state) {
    struct fixture *f = *state;
    struct store_session row;
    fixture_begin(f, STORE_WRITE);
    struct id ada = fixture_member(f, "ada@example.com");
    struct id eve = fixture_member(f, "eve@example.com");
    make(f, &ada, 1);
    make(f, &ada, 2);
    make(f, &eve, 3);
    assert_int_equal(store_session_delete_of_member(f->tx, &ada), STATUS_OK);
    assert_int_equal(find(f, 1, &row), STATUS_NOT_FOUND);
    assert_int_equal(find(f, 2, &row), STATUS_NOT_FOUND);
    assert_int_equal(find(f, 3, &row), STATUS_OK);
    assert_int_equal(store_session_prune(f->tx, f->now_ms), STATUS_OK);
    assert_int_equal(find(f, 3, &row), STATUS_OK);
    assert_int_equal(store_session_prune(f->tx, f->now_ms + 1), STATUS_OK);
    assert_int_equal(find(f, 3, &row), STATUS_NOT_FOUND);
    make(f, &eve, 4);
    fixture_commit(f);
    f->now_ms += 1000;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(find(f, 4, &row), STATUS_OK);
    assert_int_equal(store_session_prune(f->tx, 0), STATUS_OK);
    assert_int_equal(find(f, 4, &row), STATUS_NOT_FOUND);
}

static void test_list_and_delete_others(void **state) {
    struct fixture *f = *state;
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    struct store_session *rows = NULL;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct id ada = fixture_member(f, "ada@example.com");
    struct id eve = fixture_member(f, "eve@example.com");
    make(f, &ada, 1);
    f->now_ms++;
    struct store_session kept = make(f, &ada, 2);
    make(f, &eve, 3);
    assert_int_equal(store_session_list(f->tx, &ada, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(id_eq(&rows[0].object.id, &kept.object.id));
    assert_true(str_eq(rows[0].ip_address, STR("192.0.2.9")));
    assert_true(str_eq(rows[0].user_agent, STR("curl/8")));
    assert_int_equal(store_session_delete_of(f->tx, &ada, &rows[1].object.id), STATUS_OK);
    make(f, &ada, 4);
    assert_int_equal(store_session_delete_others(f->tx, &ada, &kept.object.id), STATUS_OK);
    assert_int_equal(store_session_list(f->tx, &ada, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_session_list(f->tx, &eve, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_find_use_delete, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_delete_many, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_and_delete_others, fixture_setup,
                                        fixture_teardown),
    };
    return store_test_database_run(tests);
}
