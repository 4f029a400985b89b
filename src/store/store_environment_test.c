#include "store/store_environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_revocation.h"
#include "store/store_route.h"
#include "store/store_test_kit.h"
#include "store/store_warpgate.h"

static void test_insert_find_list(void **state) {
    struct fixture *f = *state;
    struct store_environment row;
    struct store_environment *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    assert_int_equal(store_environment_find(f->tx, &a.organization, &a.project, STR("production"),
                                            &f->arena, &row),
                     STATUS_OK);
    assert_true(id_eq(&row.object.id, &a.environment));
    assert_true(row.is_enabled);
    assert_int_equal(row.bundle_revision, 1);
    assert_true(str_eq(row.hostname, STR("a.example")));
    assert_int_equal(store_environment_find_any(f->tx, STR("b.example"), &f->arena, &row),
                     STATUS_OK);
    assert_true(id_eq(&row.object.organization, &b.organization));
    assert_int_equal(store_environment_find_any(f->tx, STR("c.example"), &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_environment_list_any(f->tx, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(
        store_environment_list(f->tx, &a.organization, &a.project, &page, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 1);
    /* Tenants are apart. */
    assert_int_equal(store_environment_get(f->tx, &b.organization, &a.environment, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_environment_find(f->tx, &b.organization, &a.project, STR("production"),
                                            &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(
        store_environment_list(f->tx, &b.organization, &a.project, &page, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 0);
}

static enum status insert(struct fixture *f, const struct fixture_tenant *t, const char *name,
                          const char *hostname) {
    struct store_environment row = {.object.organization = t->organization,
                                    .project = t->project,
                                    .name = str_from(name),
                                    .hostname = str_from(hostname)};
    fixture_begin(f, STORE_WRITE);
    enum status status = store_environment_insert(f->tx, &row);
    store_tx_rollback(&f->tx);
    return status;
}

static void test_refused(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    fixture_commit(f);
    assert_int_equal(insert(f, &a, "production", "c.example"), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "name_taken");
    assert_int_equal(insert(f, &a, "staging", "B.EXAMPLE"), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "hostname_taken");
    assert_int_equal(insert(f, &a, "Staging", "c.example"), STATUS_INVALID);
    assert_string_equal(f->why.slug, "name_invalid");
    /* In another tenant's project. */
    struct fixture_tenant mixed = a;
    mixed.project = b.project;
    assert_int_equal(insert(f, &mixed, "staging", "c.example"), STATUS_NOT_FOUND);
    assert_string_equal(f->why.slug, "parent_not_found");
    assert_int_equal(insert(f, &a, "staging", "c.example"), STATUS_OK);
}

static void test_bundle_revision_only_grows(void **state) {
    struct fixture *f = *state;
    struct store_environment row;
    uint64_t revision = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    assert_int_equal(store_environment_get(f->tx, &t.organization, &t.environment, &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(
        store_environment_touch_bundle(f->tx, &t.organization, &t.environment, &revision),
        STATUS_OK);
    assert_int_equal(revision, 2);
    assert_int_equal(store_environment_touch_bundle(f->tx, &t.organization, &t.environment, NULL),
                     STATUS_OK);
    /* The row still says 1; what it says never counts. */
    row.is_enabled = false;
    row.hostname = STR("new.example");
    assert_int_equal(store_environment_update(f->tx, &row), STATUS_OK);
    assert_int_equal(row.bundle_revision, 4);
    assert_int_equal(row.object.revision, 2);
    assert_int_equal(store_environment_find_any(f->tx, STR("new.example"), &f->arena, &row),
                     STATUS_OK);
    assert_false(row.is_enabled);
    assert_int_equal(row.bundle_revision, 4);
    row.object.revision = 1;
    assert_int_equal(store_environment_update(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "revision_mismatch");
    assert_int_equal(store_environment_touch_bundle(f->tx, &t.project, &t.environment, &revision),
                     STATUS_NOT_FOUND);
}

static void test_delete(void **state) {
    struct fixture *f = *state;
    struct store_environment row;
    struct store_route *routes;
    struct store_revocation *revocations;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    int64_t end_ms = f->now_ms + 1000;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant other = fixture_tenant(f, "B", "b.example", 2);
    struct store_route route = {.object.organization = t.organization,
                                .environment = t.environment,
                                .match = STR("prefix"),
                                .path = STR("/"),
                                .upstream = STR("default")};
    struct store_warpgate warpgate = {
        .object.organization = t.organization, .environment = t.environment, .key = t.key};
    assert_int_equal(store_route_insert(f->tx, &route), STATUS_OK);
    assert_int_equal(store_warpgate_insert(f->tx, &warpgate), STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_environment_delete(f->tx, &t.organization, &t.environment, 2, end_ms),
                     STATUS_CONFLICT);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        store_environment_delete(f->tx, &other.organization, &t.environment, 1, end_ms),
        STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_environment_delete(f->tx, &t.organization, &t.environment, 1, end_ms),
                     STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_environment_get(f->tx, &t.organization, &t.environment, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(
        store_route_list_all(f->tx, &t.organization, &t.environment, &f->arena, &routes, &count),
        STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &revocations, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&revocations[0].warpgate, &warpgate.object.id));
    assert_true(id_eq(&revocations[0].environment, &t.environment));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_find_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bundle_revision_only_grows, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_delete, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
