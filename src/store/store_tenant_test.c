#include "store/store_tenant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_route.h"
#include "store/store_test_kit.h"
#include "store/store_warpgate.h"

static void test_every_kind(void **state) {
    struct fixture *f = *state;
    struct store_tenant tenant;
    fixture_begin(f, STORE_WRITE);
    fixture_tenant(f, "B", "b.example", 2);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct store_route route = {.object.organization = t.organization,
                                .environment = t.environment,
                                .match = STR("prefix"),
                                .path = STR("/"),
                                .upstream = STR("default")};
    struct store_warpgate warpgate = {
        .object.organization = t.organization, .environment = t.environment, .key = t.key};
    assert_int_equal(store_route_insert(f->tx, &route), STATUS_OK);
    assert_int_equal(store_warpgate_insert(f->tx, &warpgate), STATUS_OK);
    struct store_service_account bound = {.object.organization = t.organization,
                                          .project = t.project,
                                          .environment = t.environment,
                                          .permissions = STR("config:read"),
                                          .name = STR("bound")};
    assert_int_equal(store_service_account_insert(f->tx, &bound), STATUS_OK);
    struct id bound_key = fixture_key(f, t.organization, bound.object.id, 9);
    const struct {
        struct id id;
        bool has_project;
        bool has_environment;
    } cases[] = {
        {t.organization, false, false},
        {t.project, true, false},
        {t.environment, true, true},
        {t.service_account, true, false},
        {t.key, true, false},
        {bound.object.id, true, true},
        {bound_key, true, true},
        {route.object.id, true, true},
        {warpgate.object.id, true, true},
    };
    static const struct id none = {.text = ""};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(store_tenant_find_any(f->tx, &cases[i].id, &tenant), STATUS_OK);
        assert_true(id_eq(&tenant.organization, &t.organization));
        assert_true(id_eq(&tenant.project, cases[i].has_project ? &t.project : &none));
        assert_true(id_eq(&tenant.environment, cases[i].has_environment ? &t.environment : &none));
    }
}

static void test_not_there(void **state) {
    struct fixture *f = *state;
    static const struct id ids[] = {
        {"prj_00000000000000000000000000"}, {"mem_00000000000000000000000000"}, {""}, {"x"}};
    struct store_tenant tenant;
    fixture_begin(f, STORE_READ);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(store_tenant_find_any(f->tx, &ids[i], &tenant), STATUS_NOT_FOUND);
        assert_string_equal(f->why.slug, "not_found");
        assert_true(id_is_none(&tenant.organization));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_there, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
