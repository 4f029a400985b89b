#include "policy/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BODY "01jd3m8k6vq2x7r9t4w5y6z8a"
#define ROUTE(last, match, path)                                                                   \
    "{\"id\": \"rt_" BODY last "\", \"match\": \"" match "\", \"path\": \"" path                   \
    "\", \"upstream\": \"default\"}"
#define ROUTES                                                                                     \
    ROUTE("a", "prefix", "/api/")                                                                  \
    ", " ROUTE("b", "exact", "/api/x y") ", " ROUTE(                                               \
        "c", "regexp", "/wild/.*a.{255}b.{255}") ", " ROUTE("d", "exact", "/")
#define PAYLOAD(enabled)                                                                           \
    "{\"format\": 1, \"environment\": \"env_" BODY "a\", \"project\": \"prj_" BODY                 \
    "a\", \"organization\": \"org_" BODY                                                           \
    "a\", \"revision\": 7, \"issued_at\": \"2026-11-20T12:00:00Z\", \"enabled\": " enabled         \
    ", \"hostnames\": [\"demo.example.net\", \"localhost\"], \"routes\": [" ROUTES "]}"

struct judge_case {
    struct str authority;
    struct str target;
    enum bundle_verdict verdict;
    const char *result; /* the last letter of the route's id, or the slug */
};

static const struct judge_case cases[] = {
    {STR_INIT("demo.example.net"), STR_INIT("/api/"), BUNDLE_ALLOW, "a"},
    {STR_INIT("DEMO.example.net.:8443"), STR_INIT("/api/z?q"), BUNDLE_ALLOW, "a"},
    {STR_INIT("localhost:1"), STR_INIT("/%61pi/x%20y"), BUNDLE_ALLOW, "b"},
    {STR_INIT("other.example.net"), STR_INIT("/api/"), BUNDLE_WRONG_HOST, "wrong_host"},
    {STR_INIT("demo.example.ne"), STR_INIT("/api/"), BUNDLE_WRONG_HOST, "wrong_host"},
    {STR_INIT("127.0.0.1"), STR_INIT("/api/"), BUNDLE_WRONG_HOST, "wrong_host"},
    {STR_INIT("demo.example.net:x"), STR_INIT("/api/"), BUNDLE_WRONG_HOST, "host_port"},
    {STR_INIT(""), STR_INIT("/api/"), BUNDLE_WRONG_HOST, "host_empty"},
    {STR_INIT("other.example.net"), STR_INIT("//"), BUNDLE_WRONG_HOST, "wrong_host"},
    {STR_INIT("localhost"), STR_INIT("/api/../x"), BUNDLE_BAD_PATH, "path_dot_segment"},
    {STR_INIT("localhost"), STR_INIT("/api%2fx"), BUNDLE_BAD_PATH, "path_encoded_slash"},
    {STR_INIT("localhost"), STR_INIT("/api/;a"), BUNDLE_BAD_PATH, "path_parameter"},
    {STR_INIT("localhost"), STR_INIT("/"), BUNDLE_ALLOW, "d"},
    {STR_INIT("localhost"), STR_INIT("*"), BUNDLE_ALLOW, "d"},
    {STR_INIT("localhost"), STR_INIT("*x"), BUNDLE_BAD_PATH, "path_malformed"},
    {STR_INIT("localhost"), STR_INIT("/api"), BUNDLE_NO_ROUTE, "no_route"},
    {STR_INIT("localhost"), STR_INIT("/*"), BUNDLE_NO_ROUTE, "no_route"},
};

static struct bundle *parse(struct str payload) {
    struct bundle *bundle = NULL;
    struct why why = {0};
    enum status status = bundle_parse(payload, &bundle, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, STATUS_OK);
    return bundle;
}

static void judges_each_case(void **state) {
    (void)state;
    struct bundle *bundle = parse(STR(PAYLOAD("true")));
    struct route_matcher *matcher = route_matcher_new(bundle->program);
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bundle_route *route = NULL;
        struct why why = {0};
        enum bundle_verdict verdict = bundle_judge(bundle, matcher, cases[i].authority,
                                                   cases[i].target, &arena, &route, &why);
        print_message("%.*s %.*s\n", STR_ARG(cases[i].authority), STR_ARG(cases[i].target));
        assert_int_equal(verdict, cases[i].verdict);
        if (verdict == BUNDLE_ALLOW) {
            assert_string_equal(route->id.text + sizeof "rt_" BODY - 1, cases[i].result);
        } else {
            assert_null(route);
            assert_string_equal(why.slug, cases[i].result);
        }
    }
    arena_fini(&arena);
    route_matcher_free(&matcher);
    bundle_unref(&bundle);
}

static void a_disabled_environment_answers_no_path(void **state) {
    (void)state;
    struct bundle *bundle = parse(STR(PAYLOAD("false")));
    struct route_matcher *matcher = route_matcher_new(bundle->program);
    const struct bundle_route *route = NULL;
    struct why why = {0};
    assert_int_equal(bundle_judge(bundle, matcher, STR("localhost"), STR("//"), NULL, &route, &why),
                     BUNDLE_DISABLED);
    assert_string_equal(why.slug, "environment_disabled");
    assert_int_equal(bundle_judge(bundle, matcher, STR("other"), STR("/api/"), NULL, &route, &why),
                     BUNDLE_WRONG_HOST);
    route_matcher_free(&matcher);
    bundle_unref(&bundle);
}

static void a_path_that_costs_too_much_is_refused(void **state) {
    (void)state;
    struct bundle *bundle = parse(STR(PAYLOAD("true")));
    struct route_matcher *matcher = route_matcher_new(bundle->program);
    static char path[16384] = "/wild/";
    unsigned noise = 1;
    for (size_t i = 6; i < sizeof path; i++) {
        noise = noise * 1103515245u + 12345u;
        path[i] = (noise >> 16 & 1) != 0 ? 'a' : 'b';
    }
    const struct bundle_route *route = NULL;
    struct why why = {0};
    struct str target = str_make(path, sizeof path);
    assert_int_equal(bundle_judge(bundle, matcher, STR("localhost"), target, NULL, &route, &why),
                     BUNDLE_NO_ROUTE);
    assert_string_equal(why.slug, "route_too_costly");
    route_matcher_free(&matcher);
    bundle_unref(&bundle);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_case),
        cmocka_unit_test(a_disabled_environment_answers_no_path),
        cmocka_unit_test(a_path_that_costs_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
