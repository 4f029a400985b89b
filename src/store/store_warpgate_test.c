#include "store/store_warpgate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_revocation.h"
#include "store/store_test_kit.h"

static struct store_warpgate enrol(struct fixture *f, const struct fixture_tenant *t) {
    struct store_warpgate row = {.object.organization = t->organization,
                                 .environment = t->environment,
                                 .key = t->key,
                                 .name = STR("laptop"),
                                 .version = STR("0.1.0"),
                                 .platform = STR("linux/x86_64"),
                                 .ip_address = STR("192.0.2.1")};
    assert_int_equal(store_warpgate_insert(f->tx, &row), STATUS_OK);
    return row;
}

static void test_report(void **state) {
    struct fixture *f = *state;
    struct store_warpgate row;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct store_warpgate warpgate = enrol(f, &t);
    struct store_warpgate report = warpgate;
    report.last_seen_at_ms = f->now_ms + 5;
    report.applied_revision = 7;
    report.version = STR("0.2.0");
    report.ip_address = STR("2001:db8::1");
    report.refused_code = STR("bundle_stale");
    report.refused_detail = STR("revision 6 after 7");
    report.name = STR("not written");
    assert_int_equal(store_warpgate_report(f->tx, &report), STATUS_OK);
    report.applied_revision = 3;
    report.refused_code = STR_EMPTY;
    assert_int_equal(store_warpgate_report(f->tx, &report), STATUS_OK);
    assert_int_equal(
        store_warpgate_get(f->tx, &t.organization, &warpgate.object.id, &f->arena, &row),
        STATUS_OK);
    assert_true(str_eq(row.name, STR("laptop")));
    assert_true(str_eq(row.version, STR("0.2.0")));
    assert_true(str_eq(row.ip_address, STR("2001:db8::1")));
    assert_true(str_eq(row.refused_code, STR_EMPTY));
    assert_true(str_eq(row.refused_detail, STR("revision 6 after 7")));
    assert_int_equal(row.applied_revision, 7);
    assert_int_equal(row.last_seen_at_ms, f->now_ms + 5);
    assert_int_equal(row.object.revision, 1); /* reports are nobody's change */
    assert_int_equal(store_warpgate_certified(f->tx, &t.organization, &warpgate.object.id, 1234567),
                     STATUS_OK);
    assert_int_equal(
        store_warpgate_get(f->tx, &t.organization, &warpgate.object.id, &f->arena, &row),
        STATUS_OK);
    assert_int_equal(row.certificate_until_ms, 1234567);
    assert_int_equal(row.object.revision, 1);
}

static void test_tenants_are_apart(void **state) {
    struct fixture *f = *state;
    struct store_warpgate row;
    struct store_warpgate *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    struct store_warpgate warpgate = enrol(f, &a);
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_warpgate_list(f->tx, &a.organization, &a.environment, &page, &f->arena,
                                         &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_warpgate_list(f->tx, &b.organization, &a.environment, &page, &f->arena,
                                         &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(
        store_warpgate_get(f->tx, &b.organization, &warpgate.object.id, &f->arena, &row),
        STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_warpgate_revoke(f->tx, &b.organization, &warpgate.object.id, 1),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    row = warpgate;
    row.object.organization = b.organization;
    assert_int_equal(store_warpgate_report(f->tx, &row), STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    row = (struct store_warpgate){
        .object.organization = a.organization, .environment = a.environment, .key = b.key};
    assert_int_equal(store_warpgate_insert(f->tx, &row), STATUS_NOT_FOUND);
}

static void test_revoke(void **state) {
    struct fixture *f = *state;
    struct store_warpgate row;
    struct store_revocation *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct store_warpgate warpgate = enrol(f, &t);
    struct id id = warpgate.object.id;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_warpgate_revoke(f->tx, &t.organization, &id, f->now_ms + 1000 + i),
                         STATUS_OK);
    }
    assert_int_equal(store_warpgate_get(f->tx, &t.organization, &id, &f->arena, &row), STATUS_OK);
    assert_int_equal(row.revoked_at_ms, f->now_ms);
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].expires_at_ms, f->now_ms + 1000);
}

static void test_delete(void **state) {
    struct fixture *f = *state;
    struct store_warpgate row;
    struct store_revocation *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    struct id id = enrol(f, &t).object.id;
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_warpgate_delete(f->tx, &b.organization, &id, f->now_ms + 1000),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_warpgate_certified(f->tx, &b.organization, &id, 1), STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_warpgate_delete(f->tx, &t.organization, &id, f->now_ms + 1000),
                     STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_warpgate_get(f->tx, &t.organization, &id, &f->arena, &row),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_warpgate_delete(f->tx, &t.organization, &id, f->now_ms + 1000),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&rows[0].warpgate, &id));
}

static void test_prune(void **state) {
    struct fixture *f = *state;
    struct store_warpgate *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    enrol(f, &t);
    struct store_warpgate seen = enrol(f, &t);
    seen.last_seen_at_ms = f->now_ms + 10;
    assert_int_equal(store_warpgate_report(f->tx, &seen), STATUS_OK);
    assert_int_equal(store_warpgate_prune_any(f->tx, f->now_ms), STATUS_OK);
    assert_int_equal(store_warpgate_list(f->tx, &t.organization, &t.environment, &page, &f->arena,
                                         &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(store_warpgate_prune_any(f->tx, f->now_ms + 5), STATUS_OK);
    assert_int_equal(store_warpgate_list(f->tx, &t.organization, &t.environment, &page, &f->arena,
                                         &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&rows[0].object.id, &seen.object.id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_tenants_are_apart, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_revoke, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_delete, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_prune, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
