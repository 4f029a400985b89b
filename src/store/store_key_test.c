#include "store/store_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_revocation.h"
#include "store/store_test_kit.h"
#include "store/store_warpgate.h"

static void fill(uint8_t sha256[DIGEST_BYTES], uint8_t seed) {
    memset(sha256, seed, DIGEST_BYTES);
}

static void test_find_and_use(void **state) {
    struct fixture *f = *state;
    uint8_t sha256[DIGEST_BYTES];
    struct store_key row;
    struct store_key *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    fill(sha256, 1);
    assert_int_equal(store_key_find_any(f->tx, sha256, &f->arena, &row), STATUS_OK);
    assert_true(id_eq(&row.object.id, &a.key));
    assert_true(id_eq(&row.object.organization, &a.organization));
    assert_true(id_eq(&row.project, &a.project));
    assert_true(str_eq(row.prefix, STR("Zq3xW8vB")));
    assert_int_equal(row.last_used_at_ms, 0);
    struct store_key missing = row;
    fill(sha256, 3);
    assert_int_equal(store_key_find_any(f->tx, sha256, &f->arena, &missing), STATUS_NOT_FOUND);
    assert_int_equal(store_key_used(f->tx, &row, STR("192.0.2.9")), STATUS_OK);
    assert_int_equal(store_key_get(f->tx, &a.organization, &a.key, &f->arena, &row), STATUS_OK);
    assert_int_equal(row.last_used_at_ms, f->now_ms);
    assert_true(str_eq(row.last_used_ip, STR("192.0.2.9")));
    assert_int_equal(
        store_key_list(f->tx, &a.organization, &a.service_account, &page, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(
        store_key_list(f->tx, &b.organization, &a.service_account, &page, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_key_get(f->tx, &b.organization, &a.key, &f->arena, &row),
                     STATUS_NOT_FOUND);
    row.object.organization = b.organization;
    assert_int_equal(store_key_used(f->tx, &row, STR("192.0.2.9")), STATUS_NOT_FOUND);
}

static void test_two_live_keys(void **state) {
    struct fixture *f = *state;
    uint8_t sha256[DIGEST_BYTES];
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    fixture_key(f, a.organization, a.service_account, 3);
    fixture_commit(f);
    struct store_key third = {.object.organization = a.organization,
                              .service_account = a.service_account};
    fill(sha256, 4);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_key_insert(f->tx, &third, sha256), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "keys_too_many");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_key_revoke(f->tx, &a.organization, &a.key, f->now_ms), STATUS_OK);
    assert_int_equal(store_key_insert(f->tx, &third, sha256), STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    third = (struct store_key){.object.organization = b.organization,
                               .service_account = a.service_account};
    fill(sha256, 5);
    assert_int_equal(store_key_insert(f->tx, &third, sha256), STATUS_NOT_FOUND);
}

static struct id enrol(struct fixture *f, const struct fixture_tenant *t, struct id key) {
    struct store_warpgate warpgate = {
        .object.organization = t->organization, .environment = t->environment, .key = key};
    assert_int_equal(store_warpgate_insert(f->tx, &warpgate), STATUS_OK);
    return warpgate.object.id;
}

static void test_revoking_ends_its_warpgates(void **state) {
    struct fixture *f = *state;
    struct store_key key;
    struct store_warpgate row;
    struct store_revocation *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct id other = fixture_key(f, t.organization, t.service_account, 2);
    struct id first = enrol(f, &t, t.key);
    struct id second = enrol(f, &t, t.key);
    struct id kept = enrol(f, &t, other);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_key_revoke(f->tx, &t.organization, &t.key, f->now_ms + 1000),
                         STATUS_OK);
    }
    assert_int_equal(store_key_get(f->tx, &t.organization, &t.key, &f->arena, &key), STATUS_OK);
    assert_int_equal(key.revoked_at_ms, f->now_ms);
    assert_int_equal(key.object.revision, 2);
    assert_int_equal(store_warpgate_get(f->tx, &t.organization, &first, &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(row.revoked_at_ms, f->now_ms);
    assert_int_equal(store_warpgate_get(f->tx, &t.organization, &second, &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(row.revoked_at_ms, f->now_ms);
    assert_int_equal(store_warpgate_get(f->tx, &t.organization, &kept, &f->arena, &row), STATUS_OK);
    assert_int_equal(row.revoked_at_ms, 0);
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(store_key_revoke(f->tx, &t.project, &t.key, f->now_ms), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_find_and_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_two_live_keys, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_revoking_ends_its_warpgates, fixture_setup,
                                        fixture_teardown),
    };
    return store_test_database_run(tests);
}
