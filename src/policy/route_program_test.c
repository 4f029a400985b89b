#include "policy/route_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void names_the_ways_to_match(void **state) {
    (void)state;
    static const enum route_match all[] = {ROUTE_MATCH_PREFIX, ROUTE_MATCH_EXACT,
                                           ROUTE_MATCH_REGEXP};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        enum route_match match = ROUTE_MATCH_PREFIX;
        assert_int_equal(route_match_parse(str_from(route_match_name(all[i])), &match), STATUS_OK);
        assert_int_equal(match, all[i]);
    }
    enum route_match match;
    assert_int_equal(route_match_parse(STR("Exact"), &match), STATUS_INVALID);
    assert_int_equal(route_match_parse(STR("exact "), &match), STATUS_INVALID);
    assert_int_equal(route_match_parse(STR_EMPTY, &match), STATUS_INVALID);
    assert_string_equal(route_match_name((enum route_match)9), "unknown");
}

static char long_path[ROUTE_PATTERN_BYTES_MAX + 1];

static void checks_one_pattern(void **state) {
    const struct {
        struct route_pattern pattern;
        enum status status;
        const char *slug;
        size_t offset;
    } cases[] = {
        {{ROUTE_MATCH_EXACT, STR("/a")}, STATUS_OK, "", 0},
        {{ROUTE_MATCH_PREFIX, STR("/")}, STATUS_OK, "", 0},
        {{ROUTE_MATCH_PREFIX, STR("/caf\xc3\xa9")}, STATUS_OK, "", 0},
        {{ROUTE_MATCH_REGEXP, STR("/a|/b")}, STATUS_OK, "", 0},
        {{ROUTE_MATCH_EXACT, str_make(long_path, sizeof long_path - 1)}, STATUS_OK, "", 0},
        {{ROUTE_MATCH_EXACT, STR_EMPTY}, STATUS_INVALID, "path_malformed", 0},
        {{ROUTE_MATCH_PREFIX, STR("a")}, STATUS_INVALID, "path_malformed", 0},
        {{ROUTE_MATCH_EXACT, STR("/a?b")}, STATUS_INVALID, "path_malformed", 2},
        {{ROUTE_MATCH_PREFIX, STR("/a//b")}, STATUS_INVALID, "path_empty_segment", 2},
        {{ROUTE_MATCH_PREFIX, STR("/a/../b")}, STATUS_INVALID, "path_dot_segment", 2},
        {{ROUTE_MATCH_EXACT, STR("/a%20b")}, STATUS_INVALID, "path_double_encoding", 2},
        {{ROUTE_MATCH_REGEXP, STR("/a(")}, STATUS_INVALID, "regexp_group", 2},
        {{ROUTE_MATCH_REGEXP, STR("/(a)\\1")}, STATUS_UNSUPPORTED, "regexp_back_reference", 4},
        {{ROUTE_MATCH_REGEXP, STR("/((a{9}){99}){9}")}, STATUS_TOO_LARGE, "regexp_states", 13},
        {{ROUTE_MATCH_EXACT, str_make(long_path, sizeof long_path)},
         STATUS_TOO_LARGE,
         "pattern_too_long",
         1024},
        {{ROUTE_MATCH_REGEXP, str_make(long_path, sizeof long_path)},
         STATUS_TOO_LARGE,
         "pattern_too_long",
         1024},
        {{(enum route_match)9, STR("/a")}, STATUS_INVALID, "pattern_match", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof long_path; i++) {
        long_path[i] = i == 0 ? '/' : 'a';
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct route_regexp_fault fault = {99};
        struct why why = {0};
        assert_int_equal(route_pattern_check(&cases[i].pattern, &fault, &why), cases[i].status);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(fault.offset, cases[i].offset);
    }
}

static void compiles_and_names_the_faulty(void **state) {
    static const struct route_pattern patterns[] = {
        {ROUTE_MATCH_PREFIX, STR_INIT("/")},
        {ROUTE_MATCH_REGEXP, STR_INIT("/a+")},
        {ROUTE_MATCH_REGEXP, STR_INIT("/a++")},
    };
    (void)state;
    struct route_program *program = NULL;
    size_t faulty = 0;
    struct why why = {0};
    assert_int_equal(route_program_new(patterns, 3, &program, &faulty, &why), STATUS_UNSUPPORTED);
    assert_int_equal(faulty, 2);
    assert_string_equal(why.slug, "regexp_possessive");
    assert_null(program);
    assert_int_equal(route_program_new(patterns, 2, &program, &faulty, &why), STATUS_OK);
    struct route_program *second = route_program_ref(program);
    route_program_unref(&program);
    assert_null(program);
    struct route_matcher *matcher = route_matcher_new(second);
    route_program_unref(&second);
    assert_int_equal(route_matcher_match(matcher, STR("/aa")), 0);
    route_matcher_free(&matcher);
    route_program_unref(&program);
}

/* As many routes as there may be, of all kinds. */
static void compiles_ten_thousand(void **state) {
    static struct route_pattern patterns[ROUTE_PROGRAM_ROUTES_MAX + 1];
    static char texts[ROUTE_PROGRAM_ROUTES_MAX + 1][48];
    static const char *const tails[] = {"/", "/items", "/users/[0-9]+"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        int len = snprintf(texts[i], sizeof texts[i], "/service%zu%s", i, tails[i % 3]);
        patterns[i] =
            (struct route_pattern){(enum route_match)(i % 3), str_make(texts[i], (size_t)len)};
    }
    struct route_program *program = NULL;
    size_t faulty = 0;
    struct why why = {0};
    assert_int_equal(route_program_new(patterns, COUNT_OF(patterns), &program, &faulty, &why),
                     STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "too_many_routes");
    assert_int_equal(route_program_new(patterns, COUNT_OF(patterns) - 1, &program, &faulty, &why),
                     STATUS_OK);
    struct route_matcher *matcher = route_matcher_new(program);
    assert_int_equal(route_matcher_match(matcher, STR("/service9999/x")), 9999);
    assert_int_equal(route_matcher_match(matcher, STR("/service4/items")), 4);
    assert_int_equal(route_matcher_match(matcher, STR("/service5000/users/1")), 5000);
    assert_int_equal(route_matcher_match(matcher, STR("/service5000/users/x")), ROUTE_NONE);
    route_matcher_free(&matcher);
    route_program_unref(&program);
}

static void all_routes_together_are_limited(void **state) {
    static struct route_pattern patterns[200];
    static char texts[200][32];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        int len = snprintf(texts[i], sizeof texts[i], "/%zu/(.{255}x){7}", i);
        patterns[i] = (struct route_pattern){ROUTE_MATCH_REGEXP, str_make(texts[i], (size_t)len)};
    }
    struct route_program *program = NULL;
    size_t faulty = 0;
    struct why why = {0};
    assert_int_equal(route_program_new(patterns, COUNT_OF(patterns), &program, &faulty, &why),
                     STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "routes_too_large");
    assert_int_equal(faulty, ROUTE_PROGRAM_REGEXP_STATES_MAX / 1794);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_ways_to_match),         cmocka_unit_test(checks_one_pattern),
        cmocka_unit_test(compiles_and_names_the_faulty),   cmocka_unit_test(compiles_ten_thousand),
        cmocka_unit_test(all_routes_together_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
