#include "store/store_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_revocation.h"
#include "store/store_route.h"
#include "store/store_test_kit.h"
#include "store/store_warpgate.h"

static void test_slugs(void **state) {
    (void)state;
    static const char *const good[] = {"a", "shop", "shop-2",
                                       "0", "a--b", "0123456789012345678901234567890123456789"};
    static const char *const bad[] = {
        "",    "-",   "-a",  "a-", "A",
        "a_b", "a.b", "a b", "ä",  "01234567890123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(store_project_is_slug(str_from(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(store_project_is_slug(str_from(bad[i])));
    }
}

static void test_names_are_unique_in_the_organization(void **state) {
    struct fixture *f = *state;
    struct store_project row;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    struct id first = fixture_project(f, a, "shop");
    struct id second = fixture_project(f, b, "shop");
    assert_int_equal(store_project_find(f->tx, &a, STR("shop"), &f->arena, &row), STATUS_OK);
    assert_true(id_eq(&row.object.id, &first));
    assert_int_equal(store_project_find(f->tx, &b, STR("shop"), &f->arena, &row), STATUS_OK);
    assert_true(id_eq(&row.object.id, &second));
    fixture_project(f, a, "blog");
    assert_int_equal(store_project_find(f->tx, &b, STR("blog"), &f->arena, &row), STATUS_NOT_FOUND);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    row = (struct store_project){.object.organization = a, .name = STR("shop")};
    assert_int_equal(store_project_insert(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "name_taken");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_project_get(f->tx, &a, &first, &f->arena, &row), STATUS_OK);
    row.name = STR("blog");
    assert_int_equal(store_project_update(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "name_taken");
}

static void test_update(void **state) {
    struct fixture *f = *state;
    struct store_project row;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id id = fixture_project(f, a, "shop");
    assert_int_equal(store_project_get(f->tx, &a, &id, &f->arena, &row), STATUS_OK);
    row.name = STR("store");
    assert_int_equal(store_project_update(f->tx, &row), STATUS_OK);
    assert_int_equal(store_project_find(f->tx, &a, STR("store"), &f->arena, &row), STATUS_OK);
    assert_int_equal(row.object.revision, 2);
    assert_int_equal(store_project_find(f->tx, &a, STR("shop"), &f->arena, &row), STATUS_NOT_FOUND);
    row = (struct store_project){.object.organization = a, .name = STR("Not A Slug")};
    assert_int_equal(store_project_insert(f->tx, &row), STATUS_INVALID);
    assert_string_equal(f->why.slug, "name_invalid");
    assert_int_equal(store_project_update(f->tx, &row), STATUS_INVALID);
}

static void test_tenants_are_apart(void **state) {
    struct fixture *f = *state;
    struct store_project row;
    struct store_project *rows;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    assert_int_equal(store_project_get(f->tx, &b.organization, &a.project, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_project_list(f->tx, &b.organization, &page, &f->arena, &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&rows[0].object.id, &b.project));
    assert_int_equal(store_project_get(f->tx, &a.organization, &a.project, &f->arena, &row),
                     STATUS_OK);
    row.object.organization = b.organization;
    assert_int_equal(store_project_update(f->tx, &row), STATUS_NOT_FOUND);
}

static struct id add_warpgate(struct fixture *f, const struct fixture_tenant *t) {
    struct store_warpgate gate = {.object.organization = t->organization,
                                  .environment = t->environment,
                                  .key = t->key,
                                  .name = STR("gate-1")};
    assert_int_equal(store_warpgate_insert(f->tx, &gate), STATUS_OK);
    return gate.object.id;
}

static void test_delete_takes_everything_below(void **state) {
    struct fixture *f = *state;
    struct store_environment environment;
    struct store_service_account account;
    struct store_route route = {
        .path = STR("/"), .match = STR("prefix"), .upstream = STR("default")};
    struct store_revocation *revocations = NULL;
    struct store_page page = {.limit = 10};
    size_t count = 0;
    int64_t end_ms = FIXTURE_START_MS + 1000;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant b = fixture_tenant(f, "B", "b.example", 2);
    struct id gate = add_warpgate(f, &a);
    (void)add_warpgate(f, &b);
    route.object.organization = a.organization;
    route.environment = a.environment;
    assert_int_equal(store_route_insert(f->tx, &route), STATUS_OK);
    fixture_commit(f);

    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_project_delete(f->tx, &a.organization, &a.project, 9, end_ms),
                     STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "revision_mismatch");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_project_delete(f->tx, &b.organization, &a.project, 1, end_ms),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);

    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_project_delete(f->tx, &a.organization, &a.project, 1, end_ms),
                     STATUS_OK);
    assert_int_equal(
        store_environment_get(f->tx, &a.organization, &a.environment, &f->arena, &environment),
        STATUS_NOT_FOUND);
    assert_int_equal(store_route_get(f->tx, &a.organization, &route.object.id, &f->arena, &route),
                     STATUS_NOT_FOUND);
    assert_int_equal(
        store_service_account_get(f->tx, &a.organization, &a.service_account, &f->arena, &account),
        STATUS_NOT_FOUND);
    assert_int_equal(store_revocation_list_any(f->tx, &page, &f->arena, &revocations, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&revocations[0].warpgate, &gate));
    assert_true(id_eq(&revocations[0].environment, &a.environment));
    assert_int_equal(
        store_environment_get(f->tx, &b.organization, &b.environment, &f->arena, &environment),
        STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slugs, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_names_are_unique_in_the_organization, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_update, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_tenants_are_apart, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_delete_takes_everything_below, fixture_setup,
                                        fixture_teardown),
    };
    return store_test_database_run(tests);
}
