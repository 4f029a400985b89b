#include "store/store_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct store_route make(struct fixture *f, const struct fixture_tenant *t,
                               const char *path) {
    struct store_route route = {.object.organization = t->organization,
                                .environment = t->environment,
                                .match = STR("prefix"),
                                .path = str_from(path),
                                .upstream = STR("default")};
    assert_int_equal(store_route_insert(f->tx, &route), STATUS_OK);
    return route;
}

static uint64_t bundle_revision(struct fixture *f, const struct fixture_tenant *t) {
    struct store_environment row;
    assert_int_equal(
        store_environment_get(f->tx, &t->organization, &t->environment, &f->arena, &row),
        STATUS_OK);
    assert_int_equal(row.object.revision, 1);
    return row.bundle_revision;
}

static void test_every_change_raises_the_bundle(void **state) {
    struct fixture *f = *state;
    struct store_route row;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant other = fixture_tenant(f, "B", "b.example", 2);
    struct store_route route = make(f, &t, "/api/");
    assert_int_equal(bundle_revision(f, &t), 2);
    assert_int_equal(store_route_get(f->tx, &t.organization, &route.object.id, &f->arena, &row),
                     STATUS_OK);
    assert_true(str_eq(row.path, STR("/api/")));
    assert_true(str_eq(row.match, STR("prefix")));
    assert_true(str_eq(row.upstream, STR("default")));
    row.match = STR("exact");
    row.path = STR("/v2");
    assert_int_equal(store_route_update(f->tx, &row), STATUS_OK);
    assert_int_equal(bundle_revision(f, &t), 3);
    assert_int_equal(
        store_route_delete(f->tx, &t.organization, &route.object.id, row.object.revision),
        STATUS_OK);
    assert_int_equal(bundle_revision(f, &t), 4);
    assert_int_equal(bundle_revision(f, &other), 1);
    assert_int_equal(store_route_delete(f->tx, &t.organization, &route.object.id, 2),
                     STATUS_NOT_FOUND);
}

static void test_options(void **state) {
    struct fixture *f = *state;
    struct store_route row;
    char longest[STORE_ROUTE_OPTIONS_MAX + 1];
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct store_route route = make(f, &t, "/");
    assert_int_equal(store_route_get(f->tx, &t.organization, &route.object.id, &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(row.options.len, 0);
    row.options = STR("{\"sticky\":true}");
    assert_int_equal(store_route_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_route_get(f->tx, &t.organization, &route.object.id, &f->arena, &row),
                     STATUS_OK);
    assert_true(str_eq(row.options, STR("{\"sticky\":true}")));
    memset(longest, 'a', sizeof(longest));
    row.options = str_make(longest, sizeof(longest));
    assert_int_equal(store_route_update(f->tx, &row), STATUS_TOO_LARGE);
}

static void test_list_order(void **state) {
    struct fixture *f = *state;
    char path[32];
    struct store_route *rows;
    size_t count = 0;
    size_t seen = 0;
    struct store_page page = {.limit = 4};
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "/%d", i);
        make(f, &t, path);
    }
    /* The last one to the front. */
    assert_int_equal(
        store_route_list_all(f->tx, &t.organization, &t.environment, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 10);
    struct store_route last = rows[9];
    last.position = 0;
    assert_int_equal(store_route_update(f->tx, &last), STATUS_OK);
    do {
        assert_int_equal(store_route_list(f->tx, &t.organization, &t.environment, &page, &f->arena,
                                          &rows, &count),
                         STATUS_OK);
        for (size_t i = 0; i < count; i++, seen++) {
            snprintf(path, sizeof(path), "/%zu", seen == 0 ? 9 : seen - 1);
            assert_true(str_eq(rows[i].path, str_from(path)));
        }
        page.has_cursor = true;
        page.after = rows[count - 1].object.id;
        page.after_position = rows[count - 1].position;
    } while (page.has_more);
    assert_int_equal(seen, 10);
}

static void test_tenants_are_apart(void **state) {
    struct fixture *f = *state;
    struct store_route row;
    struct store_route *rows;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    struct store_route route = make(f, &a, "/");
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_route_get(f->tx, &b.organization, &route.object.id, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(
        store_route_list_all(f->tx, &b.organization, &a.environment, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 0);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_route_delete(f->tx, &b.organization, &route.object.id, 1),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    row = (struct store_route){.object.organization = b.organization,
                               .environment = a.environment,
                               .match = STR("prefix"),
                               .path = STR("/"),
                               .upstream = STR("default")};
    assert_int_equal(store_route_insert(f->tx, &row), STATUS_NOT_FOUND);
    assert_string_equal(f->why.slug, "parent_not_found");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_route_delete(f->tx, &a.organization, &route.object.id, 7),
                     STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "revision_mismatch");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_change_raises_the_bundle, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_options, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_order, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_tenants_are_apart, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
