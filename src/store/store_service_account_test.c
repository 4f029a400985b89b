#include "store/store_service_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"
#include "store/store_warpgate.h"

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
    struct store_service_account row = {.object.organization = a.organization,
                                        .project = a.project,
                                        .permissions = STR("warpgate:connect"),
                                        .name = STR("gate")};
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_service_account_insert(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "name_taken");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    row = (struct store_service_account){.object.organization = a.organization,
                                         .project = b.project,
                                         .permissions = STR("warpgate:connect"),
                                         .name = STR("other")};
    assert_int_equal(store_service_account_insert(f->tx, &row), STATUS_NOT_FOUND);
}

static struct id enrol(struct fixture *f, const struct fixture_tenant *t) {
    struct store_warpgate warpgate = {
        .object.organization = t->organization, .environment = t->environment, .key = t->key};
    assert_int_equal(store_warpgate_insert(f->tx, &warpgate), STATUS_OK);
    return warpgate.object.id;
}

static bool is_revoked(struct fixture *f, const struct fixture_tenant *t, struct id id) {
    struct store_warpgate warpgate;
    assert_int_equal(store_warpgate_get(f->tx, &t->organization, &id, &f->arena, &warpgate),
                     STATUS_OK);
    return warpgate.revoked_at_ms != 0;
}

static void test_changing_and_deleting(void **state) {
    struct fixture *f = *state;
    struct store_service_account row;
    struct store_service_account again;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    assert_int_equal(
        store_service_account_get(f->tx, &a.organization, &a.service_account, &f->arena, &row),
        STATUS_OK);
    row.permissions = STR("config:read users:read");
    row.is_disabled = true;
    row.expires_at_ms = 5;
    assert_int_equal(store_service_account_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_service_account_used(f->tx, &row, STR("192.0.2.4")), STATUS_OK);
    assert_int_equal(
        store_service_account_get(f->tx, &a.organization, &a.service_account, &f->arena, &again),
        STATUS_OK);
    assert_true(str_eq(again.permissions, row.permissions));
    assert_true(again.is_disabled);
    assert_int_equal(again.expires_at_ms, 5);
    assert_int_equal(again.last_used_at_ms, f->now_ms);
    assert_true(str_eq(again.last_used_ip, STR("192.0.2.4")));
    assert_int_equal(again.object.revision, 2);
    struct id gate = enrol(f, &a);
    assert_int_equal(
        store_service_account_end_warpgates(f->tx, &b.organization, &a.service_account, f->now_ms),
        STATUS_OK);
    assert_false(is_revoked(f, &a, gate));
    assert_int_equal(
        store_service_account_end_warpgates(f->tx, &a.organization, &a.service_account, f->now_ms),
        STATUS_OK);
    assert_true(is_revoked(f, &a, gate));
    assert_int_equal(
        store_service_account_delete(f->tx, &a.organization, &a.service_account, 2, f->now_ms),
        STATUS_OK);
    assert_int_equal(
        store_service_account_get(f->tx, &a.organization, &a.service_account, &f->arena, &again),
        STATUS_NOT_FOUND);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        store_service_account_delete(f->tx, &a.organization, &b.service_account, 1, f->now_ms),
        STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        store_service_account_delete(f->tx, &b.organization, &b.service_account, 7, f->now_ms),
        STATUS_CONFLICT);
}

static void set_expiry(struct fixture *f, const struct fixture_tenant *t, int64_t at_ms) {
    struct store_service_account row;
    assert_int_equal(
        store_service_account_get(f->tx, &t->organization, &t->service_account, &f->arena, &row),
        STATUS_OK);
    row.expires_at_ms = at_ms;
    assert_int_equal(store_service_account_update(f->tx, &row), STATUS_OK);
}

static void test_what_expires(void **state) {
    struct fixture *f = *state;
    bool is_due = true;
    int64_t next_ms = 1;
    size_t ended = 1;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    struct id gates[] = {enrol(f, &a), enrol(f, &b)};
    assert_int_equal(store_service_account_expiry_any(f->tx, 0, &is_due, &next_ms), STATUS_OK);
    assert_false(is_due);
    assert_int_equal(next_ms, 0);
    set_expiry(f, &a, f->now_ms);
    set_expiry(f, &b, f->now_ms + 5000);
    assert_int_equal(store_service_account_expiry_any(f->tx, 0, &is_due, &next_ms), STATUS_OK);
    assert_true(is_due);
    assert_int_equal(next_ms, f->now_ms + 5000);
    assert_int_equal(store_service_account_expire_any(f->tx, f->now_ms, 9, &ended), STATUS_OK);
    assert_int_equal(ended, 0); /* long past: its certificates have ended by themselves */
    assert_int_equal(store_service_account_expire_any(f->tx, 0, f->now_ms + 9, &ended), STATUS_OK);
    assert_int_equal(ended, 1);
    assert_true(is_revoked(f, &a, gates[0]));
    assert_false(is_revoked(f, &b, gates[1]));
    assert_int_equal(store_service_account_expiry_any(f->tx, 0, &is_due, &next_ms), STATUS_OK);
    assert_false(is_due);
    /* A key by itself. */
    uint8_t sha256[DIGEST_BYTES] = {7};
    struct store_key key = {.object.organization = b.organization,
                            .service_account = b.service_account,
                            .expires_at_ms = f->now_ms,
                            .prefix = STR("Zq3xW8vB")};
    assert_int_equal(store_key_insert(f->tx, &key, sha256), STATUS_OK);
    b.key = key.object.id;
    gates[0] = enrol(f, &b);
    assert_int_equal(store_service_account_expire_any(f->tx, 0, f->now_ms + 9, &ended), STATUS_OK);
    assert_int_equal(ended, 1);
    assert_true(is_revoked(f, &b, gates[0]));
    assert_false(is_revoked(f, &b, gates[1]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_find_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_changing_and_deleting, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_expires, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
