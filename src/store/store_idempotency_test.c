#include "store/store_idempotency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static const struct id nobody = {.text = ""};

static void keep(struct fixture *f, struct id organization, struct id principal, uint8_t seed,
                 const char *answer) {
    uint8_t sha256[DIGEST_BYTES];
    struct store_idempotency row = {
        .object.organization = organization, .principal = principal, .answer = str_from(answer)};
    memset(sha256, seed, sizeof(sha256));
    sha256[1] = (uint8_t)(answer[0]);
    assert_int_equal(store_idempotency_insert(f->tx, &row, sha256), STATUS_OK);
}

static enum status find(struct fixture *f, struct id organization, uint8_t seed, char second,
                        int64_t after_ms, struct store_idempotency *row) {
    uint8_t sha256[DIGEST_BYTES];
    memset(sha256, seed, sizeof(sha256));
    sha256[1] = (uint8_t)second;
    return store_idempotency_find(f->tx, &organization, sha256, after_ms, &f->arena, row);
}

static void test_kept_and_found(void **state) {
    struct fixture *f = *state;
    struct store_idempotency row;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    keep(f, a.organization, a.service_account, 7, "xyz");
    keep(f, nobody, a.service_account, 8, "free");
    assert_int_equal(find(f, a.organization, 7, 'x', 0, &row), STATUS_OK);
    assert_true(str_eq(row.answer, STR("xyz")));
    assert_true(id_eq(&row.principal, &a.service_account));
    assert_int_equal(find(f, nobody, 8, 'f', 0, &row), STATUS_OK);
    assert_true(str_eq(row.answer, STR("free")));
    assert_int_equal(find(f, a.organization, 9, 'x', 0, &row), STATUS_NOT_FOUND);
    assert_int_equal(find(f, a.organization, 7, 'x', f->now_ms, &row), STATUS_NOT_FOUND);
    /* Kept anew under the same key. */
    keep(f, a.organization, a.service_account, 7, "xx");
    assert_int_equal(find(f, a.organization, 7, 'x', 0, &row), STATUS_OK);
    assert_true(str_eq(row.answer, STR("xx")));
    assert_int_equal(store_idempotency_prune_any(f->tx, f->now_ms), STATUS_OK);
    assert_int_equal(find(f, a.organization, 7, 'x', 0, &row), STATUS_OK);
    assert_int_equal(store_idempotency_prune_any(f->tx, f->now_ms + 1), STATUS_OK);
    assert_int_equal(find(f, a.organization, 7, 'x', 0, &row), STATUS_NOT_FOUND);
}

static void test_only_so_many(void **state) {
    struct fixture *f = *state;
    struct store_idempotency row;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    keep(f, a.organization, a.key, 1, "other");
    for (unsigned i = 0; i <= STORE_IDEMPOTENCY_KEYS_MAX; i++) {
        f->now_ms++; /* ids sort by time */
        const char text[2] = {(char)(1 + i % 100), '\0'};
        keep(f, a.organization, a.service_account, (uint8_t)(10 + i / 100), text);
    }
    assert_int_equal(find(f, a.organization, 10, 1, 0, &row), STATUS_NOT_FOUND);
    assert_int_equal(find(f, a.organization, 10, 2, 0, &row), STATUS_OK);
    assert_int_equal(find(f, a.organization, 1, 'o', 0, &row), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept_and_found, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_only_so_many, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
