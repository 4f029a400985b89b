#include "store/store_join_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct store_join_token make(struct fixture *f, uint8_t seed) {
    uint8_t sha256[DIGEST_BYTES];
    struct store_join_token row = {.name = STR_INIT("one"), .expires_at_ms = f->now_ms + 1000};
    memset(sha256, seed, sizeof(sha256));
    assert_int_equal(store_join_token_insert(f->tx, &row, sha256), STATUS_OK);
    return row;
}

static enum status find(struct fixture *f, uint8_t seed, struct store_join_token *row) {
    uint8_t sha256[DIGEST_BYTES];
    memset(sha256, seed, sizeof(sha256));
    return store_join_token_find(f->tx, sha256, &f->arena, row);
}

/* In a transaction of its own: a write that fails ends the one that it is in. */
static enum status use(struct fixture *f, const struct store_join_token *token) {
    struct id edge = id_new(ID_EDGE, &f->clock, random_system());
    fixture_begin(f, STORE_WRITE);
    enum status status = store_join_token_use(f->tx, &token->object.id, &edge);
    if (status == STATUS_OK) {
        fixture_commit(f);
    } else {
        store_tx_rollback(&f->tx);
    }
    return status;
}

static void test_is_used_once(void **state) {
    struct fixture *f = *state;
    struct store_join_token row;
    fixture_begin(f, STORE_WRITE);
    struct store_join_token made = make(f, 1);
    assert_int_equal(find(f, 2, &row), STATUS_NOT_FOUND);
    assert_int_equal(find(f, 1, &row), STATUS_OK);
    assert_true(id_eq(&row.object.id, &made.object.id));
    assert_true(id_is_none(&row.edge));
    fixture_commit(f);
    assert_int_equal(use(f, &made), STATUS_OK);
    assert_int_equal(use(f, &made), STATUS_NOT_FOUND);
    fixture_begin(f, STORE_READ);
    assert_int_equal(find(f, 1, &row), STATUS_OK);
    assert_int_equal(row.used_at_ms, f->now_ms);
    assert_false(id_is_none(&row.edge));
}

static void test_ends(void **state) {
    struct fixture *f = *state;
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    struct store_join_token *rows = NULL;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct store_join_token revoked = make(f, 1);
    struct store_join_token expired = make(f, 2);
    assert_int_equal(store_join_token_revoke(f->tx, &revoked.object.id), STATUS_OK);
    fixture_commit(f);
    assert_int_equal(use(f, &revoked), STATUS_NOT_FOUND);
    f->now_ms += 1000;
    assert_int_equal(use(f, &expired), STATUS_NOT_FOUND);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_join_token_list(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    /* made in one millisecond: which of the two is newer is chance */
    assert_int_equal(rows[0].revoked_at_ms + rows[1].revoked_at_ms, FIXTURE_START_MS);
    assert_int_equal(store_join_token_prune(f->tx, f->now_ms + 1), STATUS_OK);
    page = (struct store_page){.limit = 10, .order = STORE_ASCENDING};
    assert_int_equal(store_join_token_list(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_join_token_revoke(f->tx, &revoked.object.id), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_is_used_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ends, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
