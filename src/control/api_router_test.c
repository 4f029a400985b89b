#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/api_router.h"

#define ENVIRONMENT "env_01jd3m8k6vq2x7r9t4w5y6z8ab"

static enum status find(const char *method, const char *path, struct arena *arena,
                        struct api_match *match) {
    return api_router_find(&api_router_public, str_from(method), str_from(path), arena, match);
}

static void test_finds_operations(void **state) {
    struct arena arena;
    struct api_match match;
    (void)state;
    arena_init(&arena);
    assert_int_equal(find("GET", "/v1/me", &arena, &match), STATUS_OK);
    assert_string_equal(match.operation->path, "/v1/me");
    assert_true(id_is_none(&match.object));
    assert_int_equal(find("PATCH", "/v1/environments/" ENVIRONMENT, &arena, &match), STATUS_OK);
    assert_string_equal(match.operation->method, "PATCH");
    assert_string_equal(match.object.text, ENVIRONMENT);
    assert_int_equal(find("POST", "/v1/environments/" ENVIRONMENT "/routes", &arena, &match),
                     STATUS_OK);
    assert_string_equal(match.operation->path, "/v1/environments/{env}/routes");
    assert_int_equal(find("GET",
                          "/v1/organizations/org_01jd3m8k6vq2x7r9t4w5y6z8ab/statements/2026-11",
                          &arena, &match),
                     STATUS_OK);
    assert_string_equal(match.part.text, "2026-11");
    assert_int_equal(find("GET",
                          "/v1/organizations/org_01jd3m8k6vq2x7r9t4w5y6z8ab/statements/2026/11",
                          &arena, &match),
                     STATUS_NOT_FOUND);
    assert_int_equal(find("GET",
                          "/v1/organizations/org_01jd3m8k6vq2x7r9t4w5y6z8ab/statements/novembr",
                          &arena, &match),
                     STATUS_NOT_FOUND);
    assert_int_equal(find("HEAD", "/v1/openapi.json", &arena, &match), STATUS_OK);
    assert_string_equal(match.operation->method, "GET");
    arena_fini(&arena);
}

static void test_every_operation_finds_itself(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        struct str before;
        struct str rest;
        struct str prefix;
        struct str after;
        struct api_match match;
        struct str path = str_from(operation->path);
        while (str_cut(path, '{', &before, &rest) && str_cut(rest, '}', &prefix, &after)) {
            struct str value =
                str_eq(prefix, STR("month"))
                    ? STR("2026-11")
                    : arena_printf(&arena, "%.*s_01jd3m8k6vq2x7r9t4w5y6z8ab", STR_ARG(prefix));
            path = arena_printf(&arena, "%.*s%.*s%.*s", STR_ARG(before), STR_ARG(value),
                                STR_ARG(after));
        }
        assert_int_equal(
            api_router_find(&api_router_public, str_from(operation->method), path, &arena, &match),
            STATUS_OK);
        assert_ptr_equal(match.operation, operation);
    }
    arena_fini(&arena);
}

static void test_paths_that_are_nothing(void **state) {
    static const char *const paths[] = {
        "",
        "/",
        "*",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/me/",
        "//v1/me",
        "/v1//me",
        "/V1/me",
        "/v1/environments/env_nonsense",
        "/v1/environments/prj_01jd3m8k6vq2x7r9t4w5y6z8ab",
        "/v1/environments/ENV_01jd3m8k6vq2x7r9t4w5y6z8ab",
        "/v1/environments/{env}",
        "/v1/environments/" ENVIRONMENT "/nothing",
        "/v1/environments/" ENVIRONMENT "/routes/x",
        "/warpgate/v1/enrolments",
    };
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct api_match match;
        assert_int_equal(find("GET", paths[i], &arena, &match), STATUS_NOT_FOUND);
    }
    arena_fini(&arena);
}

static void test_methods_that_are_not_there(void **state) {
    struct arena arena;
    struct api_match match;
    (void)state;
    arena_init(&arena);
    assert_int_equal(find("PUT", "/v1/environments/" ENVIRONMENT, &arena, &match),
                     STATUS_UNSUPPORTED);
    assert_string_equal(match.allow, "GET, PATCH, DELETE");
    assert_int_equal(find("get", "/v1/me", &arena, &match), STATUS_UNSUPPORTED);
    assert_int_equal(find("HEAD", "/v1/sessions", &arena, &match), STATUS_UNSUPPORTED);
    assert_string_equal(match.allow, "POST");
    arena_fini(&arena);
}

/* A login has to have a bound of its own, and whoever changes something a transaction that does. */
static void test_the_table_is_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        bool has_object = strchr(operation->path, '{') != NULL;
        bool is_read = strcmp(operation->method, "GET") == 0;
        bool reads = strstr(permission_name(operation->permission), ":read") != NULL;
        /* What is one's own is found by who one is. */
        bool is_own = strncmp(operation->path, "/v1/me/", 7) == 0;
        assert_true(is_own || operation->permission == PERMISSION_OPERATOR ||
                    has_object == permission_has_tenant(operation->permission));
        assert_true(is_own || is_read || !reads);
        if (has_object) {
            assert_int_equal(operation->tx, is_read ? API_TX_READ : API_TX_WRITE);
        }
        assert_true(operation->list == API_LIST_NONE || is_read);
        bool is_change =
            strcmp(operation->method, "PATCH") == 0 || strcmp(operation->method, "PUT") == 0;
        /* A POST may be an order that says everything by its path. */
        assert_true(operation->schema != NULL ? is_change || strcmp(operation->method, "POST") == 0
                                              : !is_change);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_operations),
        cmocka_unit_test(test_every_operation_finds_itself),
        cmocka_unit_test(test_paths_that_are_nothing),
        cmocka_unit_test(test_methods_that_are_not_there),
        cmocka_unit_test(test_the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
