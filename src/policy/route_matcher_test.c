#include "policy/route_matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "policy/route_regexp_oracle.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static struct route_program *compile(const struct route_pattern *patterns, size_t count) {
    struct route_program *program = NULL;
    size_t faulty = 0;
    struct why why = {0};
    enum status status = route_program_new(patterns, count, &program, &faulty, &why);
    if (status != STATUS_OK) {
        fail_msg("pattern %zu %.*s: %s", faulty, STR_ARG(patterns[faulty].path), why.text);
    }
    return program;
}

static void follows_the_precedence(void **state) {
    static const struct route_pattern patterns[] = {
        {ROUTE_MATCH_REGEXP, STR_INIT("/re/[a-z]+")}, /* 0 */
        {ROUTE_MATCH_REGEXP, STR_INIT("/re/.*")},     /* 1 */
        {ROUTE_MATCH_PREFIX, STR_INIT("/api")},       /* 2 */
        {ROUTE_MATCH_PREFIX, STR_INIT("/api/v1/")},   /* 3 */
        {ROUTE_MATCH_REGEXP, STR_INIT("/api/.*")},    /* 4 */
        {ROUTE_MATCH_EXACT, STR_INIT("/api/v1/x")},   /* 5 */
        {ROUTE_MATCH_EXACT, STR_INIT("/api/v1/x")},   /* 6 */
        {ROUTE_MATCH_PREFIX, STR_INIT("/api/v1/")},   /* 7 */
        {ROUTE_MATCH_REGEXP, STR_INIT("/[^/]+")},     /* 8 */
        {ROUTE_MATCH_EXACT, STR_INIT("/exact")},      /* 9 */
        {ROUTE_MATCH_REGEXP, STR_INIT("/tail")},      /* 10 */
    };
    static const struct {
        struct str path;
        size_t route;
    } expect[] = {
        {STR_INIT("/re/a"), 0},
        {STR_INIT("/re/A"), 1},
        {STR_INIT("/re/"), 1},
        {STR_INIT("/re/a/"), 1},
        {STR_INIT("/api"), 2},
        {STR_INIT("/apix"), 2},
        {STR_INIT("/api/v1"), 2},
        {STR_INIT("/api/v1/"), 3},
        {STR_INIT("/api/v1/xy"), 3},
        {STR_INIT("/api/v1/x"), 5},
        {STR_INIT("/exact"), 9},
        {STR_INIT("/exacty"), 8},
        {STR_INIT("/exact/"), ROUTE_NONE},
        {STR_INIT("/tail"), 8},
        {STR_INIT("/"), ROUTE_NONE},
        {STR_INIT(""), ROUTE_NONE},
        {STR_INIT("/ap"), 8},
        {STR_INIT("x"), ROUTE_NONE},
    };
    (void)state;
    struct route_program *program = compile(patterns, COUNT_OF(patterns));
    struct route_matcher *matcher = route_matcher_new(program);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(expect); i++) {
            assert_int_equal(route_matcher_match(matcher, expect[i].path), expect[i].route);
            assert_true(round == 0 || matcher->step_count == 0); /* all states are known */
        }
    }
    route_program_unref(&program); /* the matcher keeps it */
    assert_int_equal(route_matcher_match(matcher, STR("/api")), 2);
    route_matcher_free(&matcher);
    assert_null(matcher);
    route_matcher_free(&matcher);
}

static void no_routes_match_nothing(void **state) {
    (void)state;
    struct route_program *program = compile(NULL, 0);
    struct route_matcher *matcher = route_matcher_new(program);
    assert_int_equal(route_matcher_match(matcher, STR("/")), ROUTE_NONE);
    assert_int_equal(route_matcher_match(matcher, STR_EMPTY), ROUTE_NONE);
    assert_false(route_matcher_gave_up(matcher));
    route_matcher_free(&matcher);
    route_program_unref(&program);
}

static void literals_make_no_states(void **state) {
    (void)state;
    struct route_pattern patterns[500];
    static char texts[500][32];
    for (size_t i = 0; i < 500; i++) {
        int len = snprintf(texts[i], sizeof texts[i], "/service%zu/items", i * 7919 % 500);
        patterns[i] = (struct route_pattern){i % 2 == 0 ? ROUTE_MATCH_PREFIX : ROUTE_MATCH_EXACT,
                                             str_make(texts[i], (size_t)len)};
    }
    struct route_program *program = compile(patterns, 500);
    struct route_matcher *matcher = route_matcher_new(program);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(route_matcher_match(matcher, patterns[i].path), i);
    }
    assert_int_equal(matcher->state_count, 0);
    route_matcher_free(&matcher);
    route_program_unref(&program);
}

/* ---- random programs, against PCRE2 and the precedence as it is written ---- */

#define RANDOM_ROUTES_MAX 12

struct random_program {
    struct random *random;
    struct route_pattern patterns[RANDOM_ROUTES_MAX];
    char texts[RANDOM_ROUTES_MAX][128];
    pcre2_code *codes[RANDOM_ROUTES_MAX];
    size_t count;
};

static size_t pick(struct random_program *r, size_t bound) {
    return (size_t)random_below(r->random, bound);
}

static void append(char *text, size_t size, const char *more) {
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s", more);
}

static void write_random_part(struct random_program *r, char *text, size_t size, unsigned depth) {
    static const char *const atoms[] = {"a", "b", "c", "/", ".", "[ab]", "[^a]", "[^/]+", "\\d"};
    static const char *const repeats[] = {"",  "",    "",      "*",     "+",
                                          "?", "{2}", "{1,3}", "{0,2}", "{2,}"};
    static const char *const opens[] = {"(", "(?:"};
    size_t parts = 1 + pick(r, 3);
    for (size_t i = 0; i < parts && strlen(text) + 24 < size; i++) {
        if (depth < 3 && pick(r, 4) == 0) {
            append(text, size, opens[pick(r, 2)]);
            write_random_part(r, text, size - 8, depth + 1);
            if (pick(r, 2) == 0) {
                append(text, size, "|");
                write_random_part(r, text, size - 8, depth + 1);
            }
            append(text, size, ")");
            append(text, size, repeats[pick(r, COUNT_OF(repeats))]);
            continue;
        }
        size_t atom = pick(r, COUNT_OF(atoms));
        append(text, size, atoms[atom]);
        append(text, size, atom == 7 ? "" : repeats[pick(r, COUNT_OF(repeats))]);
    }
}

static void make_random_path(struct random_program *r, char *text, size_t max) {
    size_t len = pick(r, max);
    text[0] = '/';
    for (size_t i = 1; i <= len; i++) {
        text[i] = "abc/a0"[pick(r, 6)];
    }
    text[len + 1] = '\0';
}

/* Literals may hold "//" here: the check that forbids it is the path's, not the matcher's. */
static bool is_plain(const char *text) {
    return strstr(text, "//") == NULL;
}

static void make_random_program(struct random_program *r) {
    r->count = 1 + pick(r, RANDOM_ROUTES_MAX);
    for (size_t i = 0; i < r->count; i++) {
        char *text = r->texts[i];
        r->patterns[i].match = (enum route_match)pick(r, 3);
        r->codes[i] = NULL;
        text[0] = '\0';
        if (r->patterns[i].match != ROUTE_MATCH_REGEXP) {
            do {
                make_random_path(r, text, 4);
            } while (!is_plain(text));
        } else {
            append(text, sizeof r->texts[i], pick(r, 3) == 0 ? "" : "/");
            write_random_part(r, text, sizeof r->texts[i], 0);
        }
        r->patterns[i].path = str_from(text);
        if (r->patterns[i].match == ROUTE_MATCH_REGEXP) {
            bool too_large = false;
            r->codes[i] = route_regexp_oracle_new(r->patterns[i].path, &too_large);
            assert_non_null(r->codes[i]);
        }
    }
}

/* The route by the definition. False if the oracle cannot tell. */
static bool judge_by_definition(const struct random_program *r, struct str path, size_t *route) {
    size_t longest = 0;
    *route = ROUTE_NONE;
    for (size_t i = 0; i < r->count; i++) {
        if (r->patterns[i].match == ROUTE_MATCH_EXACT && str_eq(r->patterns[i].path, path)) {
            *route = i;
            return true;
        }
    }
    for (size_t i = 0; i < r->count; i++) {
        struct str prefix = r->patterns[i].path;
        if (r->patterns[i].match == ROUTE_MATCH_PREFIX && str_starts_with(path, prefix) &&
            prefix.len > longest) {
            *route = i;
            longest = prefix.len;
        }
    }
    for (size_t i = 0; i < r->count && *route == ROUTE_NONE; i++) {
        if (r->patterns[i].match == ROUTE_MATCH_REGEXP) {
            enum route_regexp_oracle_answer answer = route_regexp_oracle_match(r->codes[i], path);
            if (answer == ORACLE_UNDECIDED) {
                return false;
            }
            *route = answer == ORACLE_COVERS ? i : ROUTE_NONE;
        }
    }
    return true;
}

struct tally {
    size_t by_regexp;
    size_t dropped;
    size_t simulated;
};

static void try_random_program(struct random_program *r, struct tally *tally) {
    /* Everything fits; it is full again and again; nothing fits. */
    static const size_t sizes[] = {ROUTE_MATCHER_BYTES_MAX, 1500, 0};
    struct route_matcher *matchers[COUNT_OF(sizes)];
    make_random_program(r);
    struct route_program *program = compile(r->patterns, r->count);
    size_t fixed = 0;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const struct route_automaton *a = route_program_automaton(program);
        fixed = (3 * a->step_count + 2 * a->inner_count + a->end_count) * 4 + a->node_count +
                a->step_count;
        matchers[i] = route_matcher_new_sized(program, sizes[i] == 1500 ? fixed + 1500 : sizes[i]);
    }
    for (size_t n = 0; n < 30; n++) {
        char path[40];
        size_t expect = 0;
        make_random_path(r, path, 24);
        if (!judge_by_definition(r, str_from(path), &expect)) {
            continue;
        }
        tally->by_regexp += expect != ROUTE_NONE && r->codes[expect] != NULL;
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            size_t route = route_matcher_match(matchers[i], str_from(path));
            if (route != expect) {
                fail_msg("%s: %zu, not %zu (matcher %zu)", path, route, expect, i);
            }
            tally->dropped += matchers[i]->drop_count > 0 && !matchers[i]->was_simulated;
            tally->simulated += matchers[i]->was_simulated;
        }
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        route_matcher_free(&matchers[i]);
    }
    for (size_t i = 0; i < r->count; i++) {
        pcre2_code_free(r->codes[i]);
    }
    route_program_unref(&program);
}

static void agrees_with_the_definition(void **state) {
    (void)state;
    struct random_seeded seeded;
    random_seeded_init(&seeded, 20261120);
    static struct random_program r;
    struct tally tally = {0};
    for (unsigned i = 0; i < 400; i++) {
        r.random = &seeded.random;
        try_random_program(&r, &tally);
    }
    print_message("by regexp %zu, dropped %zu, simulated %zu\n", tally.by_regexp, tally.dropped,
                  tally.simulated);
    assert_true(tally.by_regexp > 500 && tally.dropped > 100 && tally.simulated > 1000);
}

/* ---- cost ---- */

static const struct {
    const char *pattern;
    const char *repeat; /* the path is "/", this again and again, and "!" */
} evil[] = {
    {"/(a+)+", "a"},
    {"/(a+)+$", "a"},
    {"/(a|a)*", "a"},
    {"/(a|aa)+", "a"},
    {"/(a*)*b", "a"},
    {"/((a*)*)*", "a"},
    {"/(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x", "a"},
    {"/(.+/)*(.+/)*(.+/)*x", "ab/"},
    {"/(a?){255}a{255}", "a"},
    {"/([a-z]?[a-z]?){60}b", "a"},
    {"/((a{1,15}){1,15}){1,4}", "a"},
    {"/(.*a){200}", "a"},
    {"/.*a.{255}b", "ab"},
    {"/.*a[ab]{250}[ab]{250}", "aababbb"},
    {"/(a|b|ab)*(a|b|ab)*c", "ab"},
    {"/([^/]*/?)*x", "a"},
};

static size_t count_steps(struct route_matcher *matcher, const char *repeat, size_t len) {
    char *path = malloc(len);
    assert_non_null(path);
    size_t repeat_len = strlen(repeat);
    for (size_t i = 0; i < len; i++) {
        path[i] = i == 0 ? '/' : i == len - 1 ? '!' : repeat[(i - 1) % repeat_len];
    }
    (void)route_matcher_match(matcher, str_make(path, len));
    free(path);
    return matcher->step_count;
}

/* Steps, not seconds: at most a set of all states for each byte, and never more than the limit and one set. */
static void evil_regexps_cost_linear_time(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(evil); i++) {
        const struct route_pattern pattern = {ROUTE_MATCH_REGEXP, str_from(evil[i].pattern)};
        struct route_program *program = compile(&pattern, 1);
        const struct route_automaton *a = route_program_automaton(program);
        size_t set = 3 * (a->step_count + a->inner_count + 2);
        for (size_t size = 0; size <= ROUTE_MATCHER_BYTES_MAX; size += ROUTE_MATCHER_BYTES_MAX) {
            struct route_matcher *once = route_matcher_new_sized(program, size);
            struct route_matcher *twice = route_matcher_new_sized(program, size);
            once->step_max = SIZE_MAX - 1;
            twice->step_max = SIZE_MAX - 1;
            size_t steps = count_steps(once, evil[i].repeat, 8192);
            size_t double_steps = count_steps(twice, evil[i].repeat, 16384);
            print_message("%-40s %8zu %8zu\n", evil[i].pattern, steps, double_steps);
            assert_true(steps <= 8193 * set);
            assert_true(double_steps <= steps * 5 / 2);
            route_matcher_free(&once);
            route_matcher_free(&twice);
            struct route_matcher *limited = route_matcher_new_sized(program, size);
            assert_true(count_steps(limited, evil[i].repeat, 16384) <= limited->step_max + set);
            route_matcher_free(&limited);
        }
        route_program_unref(&program);
    }
}

static void gives_up_past_the_limit_and_lets_nothing_through(void **state) {
    static const struct route_pattern patterns[] = {
        {ROUTE_MATCH_PREFIX, STR_INIT("/a")},
        {ROUTE_MATCH_REGEXP, STR_INIT("/.*a.{255}b.{255}")},
    };
    (void)state;
    struct route_program *program = compile(patterns, COUNT_OF(patterns));
    for (size_t size = 0; size <= ROUTE_MATCHER_BYTES_MAX; size += ROUTE_MATCHER_BYTES_MAX) {
        struct route_matcher *matcher = route_matcher_new_sized(program, size);
        struct random_seeded seeded;
        static char path[16384];
        random_seeded_init(&seeded, 7);
        for (size_t i = 0; i < sizeof path; i++) {
            path[i] = i == 0 ? '/' : i == 1 || random_below(&seeded.random, 2) == 0 ? 'a' : 'b';
        }
        assert_int_equal(route_matcher_match(matcher, str_make(path, sizeof path)), ROUTE_NONE);
        assert_true(route_matcher_gave_up(matcher));
        assert_int_equal(route_matcher_match(matcher, STR("/a")), 0);
        assert_false(route_matcher_gave_up(matcher));
        route_matcher_free(&matcher);
    }
    route_program_unref(&program);
}

static void memory_stays_bounded(void **state) {
    static const struct route_pattern pattern = {ROUTE_MATCH_REGEXP, STR_INIT("/.*a.{60}")};
    (void)state;
    const size_t bytes_max = 200000;
    struct route_program *program = compile(&pattern, 1);
    struct route_matcher *matcher = route_matcher_new_sized(program, bytes_max);
    struct random_seeded seeded;
    random_seeded_init(&seeded, 7);
    size_t drops = 0;
    for (unsigned n = 0; n < 200; n++) {
        char path[200];
        for (size_t i = 0; i < sizeof path; i++) {
            path[i] = i == 0 ? '/' : random_below(&seeded.random, 2) == 0 ? 'a' : 'b';
        }
        size_t expect = path[sizeof path - 61] == 'a' ? 0 : ROUTE_NONE;
        assert_int_equal(route_matcher_match(matcher, str_make(path, sizeof path)), expect);
        drops += matcher->drop_count;
        assert_true((matcher->cell_cap + matcher->bucket_count) * 4 < bytes_max);
    }
    assert_true(drops > 2);
    route_matcher_free(&matcher);
    route_program_unref(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_precedence),
        cmocka_unit_test(no_routes_match_nothing),
        cmocka_unit_test(literals_make_no_states),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(evil_regexps_cost_linear_time),
        cmocka_unit_test(gives_up_past_the_limit_and_lets_nothing_through),
        cmocka_unit_test(memory_stays_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
