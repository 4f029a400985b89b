#include "policy/route_regexp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/route_program.h"
#include "policy/route_regexp_node.h"
#include "policy/route_regexp_oracle.h"

struct refusal {
    struct str pattern;
    enum status status;
    const char *slug;
    size_t offset;
};

static const struct refusal refusals[] = {
    {STR_INIT(""), STATUS_INVALID, "regexp_empty", 0},
    {STR_INIT("/a\nb"), STATUS_INVALID, "regexp_control", 2},
    {STR_INIT("/a\0b"), STATUS_INVALID, "regexp_control", 2},
    {STR_INIT("/\x7f"), STATUS_INVALID, "regexp_control", 1},
    {STR_INIT("/a\\"), STATUS_INVALID, "regexp_escape", 2},
    {STR_INIT("/[a\\"), STATUS_INVALID, "regexp_escape", 3},
    {STR_INIT("/(a"), STATUS_INVALID, "regexp_group", 1},
    {STR_INIT("/(?:a"), STATUS_INVALID, "regexp_group", 1},
    {STR_INIT("/a)"), STATUS_INVALID, "regexp_group", 2},
    {STR_INIT("(a))"), STATUS_INVALID, "regexp_group", 3},
    {STR_INIT("/a["), STATUS_INVALID, "regexp_class", 3},
    {STR_INIT("/[]"), STATUS_INVALID, "regexp_class", 2},
    {STR_INIT("/[]a]"), STATUS_INVALID, "regexp_class", 2},
    {STR_INIT("/[^]a]"), STATUS_INVALID, "regexp_class", 3},
    {STR_INIT("/[a-"), STATUS_INVALID, "regexp_class", 4},
    {STR_INIT("/[z-a]"), STATUS_INVALID, "regexp_class", 2},
    {STR_INIT("/[a-c-e]"), STATUS_INVALID, "regexp_class", 5},
    {STR_INIT("/[\\d-z]"), STATUS_INVALID, "regexp_class", 4},
    {STR_INIT("/[a[b]"), STATUS_INVALID, "regexp_class", 3},
    {STR_INIT("/[[:alpha]]"), STATUS_INVALID, "regexp_class", 2},
    {STR_INIT("/[[:nope:]]"), STATUS_INVALID, "regexp_class", 2},
    {STR_INIT("/[:alpha:]"), STATUS_INVALID, "regexp_class", 1},
    {STR_INIT("/[.a.]"), STATUS_INVALID, "regexp_class", 1},
    {STR_INIT("/[=a=]"), STATUS_INVALID, "regexp_class", 1},
    {STR_INIT("/[[:alpha:"), STATUS_INVALID, "regexp_class", 2},
    {STR_INIT("*a"), STATUS_INVALID, "regexp_repeat", 0},
    {STR_INIT("^*"), STATUS_INVALID, "regexp_repeat", 1},
    {STR_INIT("/(+)"), STATUS_INVALID, "regexp_repeat", 2},
    {STR_INIT("/a|?"), STATUS_INVALID, "regexp_repeat", 3},
    {STR_INIT("(*ACCEPT)"), STATUS_INVALID, "regexp_repeat", 1},
    {STR_INIT("/users/{id}"), STATUS_INVALID, "regexp_repeat", 7},
    {STR_INIT("/a{id}"), STATUS_INVALID, "regexp_repeat", 2},
    {STR_INIT("/a{,3}"), STATUS_INVALID, "regexp_repeat", 2},
    {STR_INIT("/a{3"), STATUS_INVALID, "regexp_repeat", 2},
    {STR_INIT("/a{3,2}"), STATUS_INVALID, "regexp_repeat", 2},
    {STR_INIT("/a{1,x}"), STATUS_INVALID, "regexp_repeat", 2},
    {STR_INIT("/a**"), STATUS_INVALID, "regexp_repeat", 3},
    {STR_INIT("/a{2}{3}"), STATUS_INVALID, "regexp_repeat", 5},
    {STR_INIT("/a]"), STATUS_INVALID, "regexp_bracket", 2},
    {STR_INIT("/a}"), STATUS_INVALID, "regexp_bracket", 2},
    {STR_INIT("/(a)\\1"), STATUS_UNSUPPORTED, "regexp_back_reference", 4},
    {STR_INIT("/(?=a)"), STATUS_UNSUPPORTED, "regexp_look_around", 1},
    {STR_INIT("/(?!a)"), STATUS_UNSUPPORTED, "regexp_look_around", 1},
    {STR_INIT("/(?<=a)"), STATUS_UNSUPPORTED, "regexp_look_around", 1},
    {STR_INIT("/(?<!a)"), STATUS_UNSUPPORTED, "regexp_look_around", 1},
    {STR_INIT("/(?>a)"), STATUS_UNSUPPORTED, "regexp_look_around", 1},
    {STR_INIT("/(?P<n>a)"), STATUS_UNSUPPORTED, "regexp_named_group", 1},
    {STR_INIT("/(?<n>a)"), STATUS_UNSUPPORTED, "regexp_named_group", 1},
    {STR_INIT("/(?'n'a)"), STATUS_UNSUPPORTED, "regexp_named_group", 1},
    {STR_INIT("(?i)/a"), STATUS_UNSUPPORTED, "regexp_flags", 0},
    {STR_INIT("/(?i:a)"), STATUS_UNSUPPORTED, "regexp_flags", 1},
    {STR_INIT("/(?#x)"), STATUS_UNSUPPORTED, "regexp_flags", 1},
    {STR_INIT("/(?"), STATUS_UNSUPPORTED, "regexp_flags", 1},
    {STR_INIT("/a*?"), STATUS_UNSUPPORTED, "regexp_lazy", 3},
    {STR_INIT("/a{2}?"), STATUS_UNSUPPORTED, "regexp_lazy", 5},
    {STR_INIT("/a++"), STATUS_UNSUPPORTED, "regexp_possessive", 3},
    {STR_INIT("/a^b"), STATUS_UNSUPPORTED, "regexp_anchor", 2},
    {STR_INIT("/(^a)"), STATUS_UNSUPPORTED, "regexp_anchor", 2},
    {STR_INIT("/a$b"), STATUS_UNSUPPORTED, "regexp_anchor", 2},
    {STR_INIT("/(a$)"), STATUS_UNSUPPORTED, "regexp_anchor", 3},
    {STR_INIT("/a$$"), STATUS_UNSUPPORTED, "regexp_anchor", 2},
    {STR_INIT("/\\bx"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("\\A/"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 0},
    {STR_INIT("/\\z"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("/\\Q*\\E"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("/\\pL"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("/\\x41"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("/\\0"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("/\\\xc3"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
    {STR_INIT("/[\\n]"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 2},
    {STR_INIT("/[a-\\d]"), STATUS_UNSUPPORTED, "regexp_escape_unsupported", 4},
    {STR_INIT("/[\xc3\xa9]"), STATUS_UNSUPPORTED, "regexp_class_not_ascii", 2},
    {STR_INIT("/a{256}"), STATUS_TOO_LARGE, "regexp_repeat_count", 2},
    {STR_INIT("/a{1,99999999999999}"), STATUS_TOO_LARGE, "regexp_repeat_count", 2},
    {STR_INIT("((a{255}){255}){255}"), STATUS_TOO_LARGE, "regexp_states", 9},
    {STR_INIT("/(a{255}){8}"), STATUS_TOO_LARGE, "regexp_states", 9},
    {STR_INIT("a{255}b{255}c{255}d{255}e{255}f{255}g{255}h{255}"), STATUS_TOO_LARGE,
     "regexp_states", 42},
    {STR_INIT("aa{255}|b{255}|c{255}|d{255}|e{255}|f{255}|g{255}|h{255}"), STATUS_TOO_LARGE,
     "regexp_states", 50},
    {STR_INIT("((|){255}){255}"), STATUS_TOO_LARGE, "regexp_states", 10},
};

static void refuses_with_the_position(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *r = &refusals[i];
        struct route_regexp *regexp = NULL;
        struct route_regexp_fault fault = {0};
        struct why why = {0};
        enum status status = route_regexp_parse(r->pattern, &arena, &regexp, &fault, &why);
        print_message("%.*s: %s at %zu\n", STR_ARG(r->pattern), why.slug, fault.offset);
        assert_int_equal(status, r->status);
        assert_string_equal(why.slug, r->slug);
        assert_int_equal(fault.offset, r->offset);
        assert_null(regexp);
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static enum status parse_repeated(const char *head, const char *middle, const char *tail,
                                  size_t count, struct why *why, size_t *offset) {
    struct arena arena;
    char text[4096] = "";
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        for (const char *c = head; *c != '\0'; c++) {
            text[len++] = *c;
        }
    }
    for (const char *c = middle; *c != '\0'; c++) {
        text[len++] = *c;
    }
    for (size_t i = 0; i < count && *tail != '\0'; i++) {
        text[len++] = *tail;
    }
    arena_init(&arena);
    struct route_regexp *regexp = NULL;
    struct route_regexp_fault fault = {0};
    enum status status = route_regexp_parse(str_make(text, len), &arena, &regexp, &fault, why);
    *offset = fault.offset;
    arena_fini(&arena);
    return status;
}

static void limits_length_and_nesting(void **state) {
    (void)state;
    struct why why = {0};
    size_t offset = 0;
    assert_int_equal(parse_repeated("a", "", "", 1024, &why, &offset), STATUS_OK);
    assert_int_equal(parse_repeated("a", "", "", 1025, &why, &offset), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "regexp_too_long");
    assert_int_equal(offset, 1024);
    assert_int_equal(parse_repeated("(", "a", ")", 64, &why, &offset), STATUS_OK);
    assert_int_equal(parse_repeated("(", "a", ")", 65, &why, &offset), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "regexp_nesting");
    assert_int_equal(offset, 64);
}

static size_t count_states(const char *pattern, enum route_regexp_kind *kind) {
    struct arena arena;
    arena_init(&arena);
    struct route_regexp *regexp = NULL;
    struct route_regexp_fault fault;
    assert_int_equal(route_regexp_parse(str_from(pattern), &arena, &regexp, &fault, NULL),
                     STATUS_OK);
    size_t count = regexp->root->state_count;
    *kind = regexp->root->kind;
    arena_fini(&arena);
    return count;
}

static void counts_states_and_simplifies(void **state) {
    static const struct {
        const char *pattern;
        size_t count;
        enum route_regexp_kind kind;
    } known[] = {
        {"a", 1, REGEXP_BYTE},           {"abc", 3, REGEXP_CONCAT},
        {"(ab)(?:c)", 3, REGEXP_CONCAT}, {"[a-z]", 1, REGEXP_CLASS},
        {"[a]", 1, REGEXP_BYTE},         {"a|b|[c-e]", 1, REGEXP_CLASS},
        {"a|a", 1, REGEXP_BYTE},         {"ab|c", 4, REGEXP_ALTERNATE},
        {"a*", 2, REGEXP_REPEAT},        {"a+", 2, REGEXP_REPEAT},
        {"a?", 2, REGEXP_REPEAT},        {"a{3}", 3, REGEXP_REPEAT},
        {"a{3,}", 4, REGEXP_REPEAT},     {"a{3,5}", 7, REGEXP_REPEAT},
        {"a{1}", 1, REGEXP_BYTE},        {"a{0}", 0, REGEXP_EMPTY},
        {"(){9}", 0, REGEXP_EMPTY},      {"^$", 0, REGEXP_EMPTY},
        {"^a$|^b$", 1, REGEXP_CLASS},    {"(|)", 1, REGEXP_ALTERNATE},
        {"a()b{0}", 1, REGEXP_BYTE},     {"a{255}", 255, REGEXP_REPEAT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        enum route_regexp_kind kind = REGEXP_EMPTY;
        print_message("%s\n", known[i].pattern);
        assert_int_equal(count_states(known[i].pattern, &kind), known[i].count);
        assert_int_equal(kind, known[i].kind);
    }
}

/* ---- the language, against PCRE2 ---- */

static const char *const patterns[] = {
    "/",
    ".",
    "/.",
    "/.*",
    "/.+",
    ".*",
    "^/a$",
    "/a|/b",
    "^/a$|^/b$",
    "^/a|/b$",
    "/(a|b)",
    "/(a|b)*",
    "/(a|b)+",
    "/(a|b)?",
    "/(?:ab)*",
    "/(ab|a)(bc|c)",
    "/a?b",
    "/a{2}",
    "/a{2,}",
    "/a{2,3}",
    "/a{0}",
    "/a{0,0}b",
    "/a{0,1}",
    "/(a{1,2}){2}",
    "/(a|ab)(c|bcd)(d*)",
    "/[a-c]",
    "/[a-c]*",
    "/[^a-c]",
    "/[^/]+",
    "/[^/]+/[^/]+",
    "/[^/]*",
    "/[-a]",
    "/[a-]",
    "/[a\\-c]",
    "/[\\]]",
    "/[\\[\\]]",
    "/[+--]",
    "/[.]",
    "/[:a]",
    "/[^:a:]",
    "/[a-cx-z0-9]+",
    "/[^\\d]",
    "/\\d",
    "/\\d+",
    "/\\D+",
    "/\\w+",
    "/\\W",
    "/\\s",
    "/\\S+",
    "/[\\d\\s]+",
    "/[\\w.]+",
    "/[^\\w]",
    "/[\\D]",
    "/[[:alpha:]]+",
    "/[[:^alpha:]]+",
    "/[[:digit:]a]+",
    "/[[:punct:]]+",
    "/[[:space:]]",
    "/[[:xdigit:]]+",
    "/[[:upper:]][[:lower:]]*",
    "/[[:alnum:]_]+",
    "/[[:graph:]]+",
    "/[[:print:]]+",
    "/[[:blank:]]",
    "/[[:cntrl:]]",
    "/[[:word:]]+",
    "/[[:ascii:]]+",
    "/\\.",
    "/\\*",
    "/\\+\\?",
    "/\\(\\)",
    "/\\{\\}",
    "/\\^\\$",
    "/\\\\",
    "/\\/",
    "/\\-",
    "/\\|",
    "/\\_",
    "/a.c",
    "/a\\.c",
    "/a..",
    "(a*)*",
    "/(a*)*",
    "/(a*)+",
    "/(a+)+",
    "/(a|a)*",
    "/(a?){3}",
    "/(a?b?)*",
    "/(|a)+",
    "/(|a)(b|)",
    "/(a||b)",
    "|/a",
    "/a|",
    "(/a|)(/b|)",
    "/((a))",
    "/(((a)*b)*c)*",
    "/(a(b(c)?)?)?",
    "/(aa|aaa)+",
    "/(a|b)*abb",
    "/.*a.*b",
    "/.*a.{2}",
    "/(.*)/(.*)",
    "/(.+/)*x",
    "/api/v[0-9]+/.*",
    "/users/[0-9]+(/[^/]*)?",
    "/[0-9a-f]{8}-[0-9a-f]{4}",
    "/(img|css)/.+\\.(png|css)",
    "/caf\xc3\xa9",
    "/caf.",
    "/caf..",
    "/[^a]\xa9",
    "/a{3}b{2,3}",
    "(/[a-z]+){2,3}",
    "(/[a-z]+){2,}/?",
    "/(a|b|c|ab)*c",
    "/x*y*z*",
    "/(x+x+)+y",
    "/([a-zA-Z]+)*",
    "/(.*a){3}",
    "/~[^~]*",
    "/a b",
    "/(a b)?",
    "/(a{2}){2}",
    "/(a{0,2}b){2}",
    "/()a",
    "/()*a",
    "/(){2}a",
};

static const struct str paths[] = {
    STR_INIT(""),
    STR_INIT("/"),
    STR_INIT("a"),
    STR_INIT("/a"),
    STR_INIT("/b"),
    STR_INIT("/c"),
    STR_INIT("/aa"),
    STR_INIT("/ab"),
    STR_INIT("/aaa"),
    STR_INIT("/aaaa"),
    STR_INIT("/abab"),
    STR_INIT("/abc"),
    STR_INIT("/abcd"),
    STR_INIT("/abb"),
    STR_INIT("/aabb"),
    STR_INIT("/babb"),
    STR_INIT("/aaabbb"),
    STR_INIT("/aabaab"),
    STR_INIT("/a/"),
    STR_INIT("/a/b"),
    STR_INIT("/a/b/c"),
    STR_INIT("/a/b/c/d"),
    STR_INIT("/a/b/x"),
    STR_INIT("/x"),
    STR_INIT("/xxy"),
    STR_INIT("/xyz"),
    STR_INIT("/-"),
    STR_INIT("/]"),
    STR_INIT("/[]"),
    STR_INIT("/,"),
    STR_INIT("/."),
    STR_INIT("/.."),
    STR_INIT("/*"),
    STR_INIT("/+?"),
    STR_INIT("/()"),
    STR_INIT("/{}"),
    STR_INIT("/^$"),
    STR_INIT("/\\"),
    STR_INIT("//"),
    STR_INIT("/|"),
    STR_INIT("/_"),
    STR_INIT("/a.c"),
    STR_INIT("/axc"),
    STR_INIT("/a\nc"),
    STR_INIT("/0"),
    STR_INIT("/42"),
    STR_INIT("/4a"),
    STR_INIT("/ "),
    STR_INIT("/\t"),
    STR_INIT("/\v"),
    STR_INIT("/\n"),
    STR_INIT("/a\n"),
    STR_INIT("\n"),
    STR_INIT("/Abc"),
    STR_INIT("/ABC"),
    STR_INIT("/a b"),
    STR_INIT("/caf\xc3\xa9"),
    STR_INIT("/caf\xe9"),
    STR_INIT("/\xc3\xa9"),
    STR_INIT("/\xff"),
    STR_INIT("/a\0b"),
    STR_INIT("/\x01"),
    STR_INIT("/\x7f"),
    STR_INIT("/~abc"),
    STR_INIT("/api/v1/"),
    STR_INIT("/api/v/x"),
    STR_INIT("/api/v12/users"),
    STR_INIT("/users/7"),
    STR_INIT("/users/7/"),
    STR_INIT("/users/7/x"),
    STR_INIT("/users/7/x/y"),
    STR_INIT("/users/x"),
    STR_INIT("/0123abcd-9f9f"),
    STR_INIT("/img/a.png"),
    STR_INIT("/css/a.jpg"),
    STR_INIT("/ac"),
    STR_INIT("/abbc"),
    STR_INIT("/abcbcd"),
    STR_INIT("/aaaaaaaaaaaaaaaaaaaaaaaa"),
    STR_INIT("/bab"),
};

static void agrees_with_the_oracle(void **state) {
    (void)state;
    size_t covered = 0;
    size_t count = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        const struct route_pattern pattern = {ROUTE_MATCH_REGEXP, str_from(patterns[i])};
        struct route_program *program = NULL;
        size_t faulty = 0;
        bool too_large = false;
        print_message("%s\n", patterns[i]);
        assert_int_equal(route_program_new(&pattern, 1, &program, &faulty, NULL), STATUS_OK);
        struct route_matcher *matcher = route_matcher_new(program);
        pcre2_code *code = route_regexp_oracle_new(pattern.path, &too_large);
        assert_non_null(code);
        for (size_t j = 0; j < sizeof paths / sizeof paths[0]; j++) {
            bool is_covered = route_matcher_match(matcher, paths[j]) == 0;
            enum route_regexp_oracle_answer answer = route_regexp_oracle_match(code, paths[j]);
            assert_int_equal(answer, is_covered ? ORACLE_COVERS : ORACLE_DIFFERS);
            covered += is_covered;
            count++;
        }
        pcre2_code_free(code);
        route_matcher_free(&matcher);
        route_program_unref(&program);
    }
    assert_true(count > 9000 && covered > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_the_position),
        cmocka_unit_test(limits_length_and_nesting),
        cmocka_unit_test(counts_states_and_simplifies),
        cmocka_unit_test(agrees_with_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
