#include "policy/canonical_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

struct path_case {
    struct str target;
    struct str expect; /* the path, or the slug where refused */
    bool is_refused;
};

#define PASSES(target, path)                                                                       \
    { STR_INIT(target), STR_INIT(path), false }
#define REFUSED(target, slug)                                                                      \
    { STR_INIT(target), STR_INIT(slug), true }

static const struct path_case cases[] = {
    PASSES("/", "/"),
    PASSES("/a", "/a"),
    PASSES("/a/", "/a/"),
    PASSES("/?", "/"),
    PASSES("/a?b=/../%zz;//", "/a"),
    PASSES("/.well-known/x", "/.well-known/x"),
    PASSES("/..a/.b./c..", "/..a/.b./c.."),
    PASSES("/...", "/..."),
    PASSES("/%2e%2e%2e", "/..."),
    PASSES("/a%20b", "/a b"),
    PASSES("/%41%7e", "/A~"),
    PASSES("/caf%C3%A9", "/caf\xc3\xa9"),
    PASSES("/caf%e9", "/caf\xe9"), /* Latin-1 */
    PASSES("/%3F%23", "/?#"),
    PASSES("/100%25", "/100%"),
    PASSES("/%25zz", "/%zz"),
    PASSES("/%254", "/%4"),
    PASSES("/%e0%a4%85", "/\xe0\xa4\x85"),
    PASSES("/%f0%9f%98%80", "/\xf0\x9f\x98\x80"),
    PASSES("/!$&'()*+,=:@-._~", "/!$&'()*+,=:@-._~"),
    PASSES("/a|b\"<>^`{}", "/a|b\"<>^`{}"),
    REFUSED("/.", "path_dot_segment"),
    REFUSED("/..", "path_dot_segment"),
    REFUSED("/a/./b", "path_dot_segment"),
    REFUSED("/a/../b", "path_dot_segment"),
    REFUSED("/a/..?x", "path_dot_segment"),
    REFUSED("/%2e", "path_dot_segment"),
    REFUSED("/a/%2e%2E/b", "path_dot_segment"),
    REFUSED("/a/.%2e", "path_dot_segment"),
    REFUSED("/a/%2e./b", "path_dot_segment"),
    REFUSED("/%41/../b", "path_dot_segment"),
    REFUSED("/a%2fb", "path_encoded_slash"),
    REFUSED("/a%2Fb", "path_encoded_slash"),
    REFUSED("/a\\b", "path_backslash"),
    REFUSED("/a%5cb", "path_backslash"),
    REFUSED("/a%5Cb", "path_backslash"),
    REFUSED("//", "path_empty_segment"),
    REFUSED("//a", "path_empty_segment"),
    REFUSED("/a//b", "path_empty_segment"),
    REFUSED("/%41//b", "path_empty_segment"),
    REFUSED("/a//", "path_empty_segment"),
    REFUSED("/a;b", "path_parameter"),
    REFUSED("/..;/a", "path_parameter"),
    REFUSED("/a%3bb", "path_parameter"),
    REFUSED("/a%3B", "path_parameter"),
    REFUSED("/a%2541", "path_double_encoding"),
    REFUSED("/%252e%252e/", "path_double_encoding"),
    REFUSED("/%25%34%31", "path_double_encoding"),
    REFUSED("/%25%32f", "path_double_encoding"),
    REFUSED("/%252f", "path_double_encoding"),
    REFUSED("/%00", "path_control"),
    REFUSED("/a%0a", "path_control"),
    REFUSED("/a%1f", "path_control"),
    REFUSED("/a%7F", "path_control"),
    REFUSED("/%c0%af", "path_overlong"),
    REFUSED("/%c1%81", "path_overlong"),
    REFUSED("/%c0", "path_overlong"),
    REFUSED("/%e0%80%af", "path_overlong"),
    REFUSED("/%f0%80%80%af", "path_overlong"),
    REFUSED("/%f8%80%80%80%af", "path_overlong"),
    REFUSED("/%fc%80%80%80%80%af", "path_overlong"),
    REFUSED("", "path_malformed"),
    REFUSED("*", "path_malformed"),
    REFUSED("a", "path_malformed"),
    REFUSED("?a", "path_malformed"),
    REFUSED("http://a/", "path_malformed"),
    REFUSED("/#", "path_malformed"),
    REFUSED("/a b", "path_malformed"),
    REFUSED("/a\tb", "path_malformed"),
    REFUSED("/a\0b", "path_malformed"),
    REFUSED("/a\x7f", "path_malformed"),
    REFUSED("/caf\xc3\xa9", "path_malformed"),
    REFUSED("/%", "path_malformed"),
    REFUSED("/%4", "path_malformed"),
    REFUSED("/%4g", "path_malformed"),
    REFUSED("/%?a", "path_malformed"),
    REFUSED("/%u0041", "path_malformed"),
};
#define CASE_COUNT (sizeof cases / sizeof cases[0])

static void reads_each_case(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct path_case *c = &cases[i];
        struct str path = STR_EMPTY;
        struct why why = {0};
        enum status status = canonical_path(c->target, &arena, &path, &why);
        print_message("%.*s\n", STR_ARG(c->target));
        assert_int_equal(status, c->is_refused ? STATUS_INVALID : STATUS_OK);
        assert_true(str_eq(c->is_refused ? str_from(why.slug) : path, c->expect));
    }
    arena_fini(&arena);
}

static void returns_the_target_itself(void **state) {
    (void)state;
    struct str target = STR("/a/b?c");
    struct str path = STR_EMPTY;
    struct why why;
    assert_int_equal(canonical_path(target, NULL, &path, &why), STATUS_OK);
    assert_ptr_equal(path.at, target.at);
    assert_int_equal(path.len, 4);
}

/* A protected path with every hostile piece at every place, twice: none may pass as anything. */
static void refuses_generated_variants(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "/./",   "/../",  "//",     "/%2e/",  "/%2E%2e/", "/.%2e/",  "%2f",          "%2F",
        "%5c",   "\\",    ";",      "%3b",    ";x=1",     "/..;/",   "%00",          "%0d%0a",
        "%09",   "%7f",   "%c0%af", "%c1%9c", "%252f",    "%25%32f", "%e0%80%af",    "#",
        "%252e", "%255c", " ",      "%",      "%u002f",   "%2",      "\xef\xbc\x8f", "%f0%80%80%af",
    };
    static const char base[] = "/admin/users/edit";
    size_t piece_count = sizeof pieces / sizeof pieces[0];
    size_t count = 0;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < piece_count; i++) {
        for (size_t at = 1; at < sizeof base; at++) {
            for (size_t j = 0; j < piece_count; j++) {
                char text[128];
                int len = snprintf(text, sizeof text, "%.*s%s%s%s", (int)at, base, pieces[i],
                                   base + at, pieces[j]);
                struct str path = STR_EMPTY;
                struct why why;
                struct str target = str_make(text, (size_t)len);
                assert_int_equal(canonical_path(target, &arena, &path, &why), STATUS_INVALID);
                count++;
            }
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
    assert_true(count > 15000);
}

struct check_case {
    struct str path;
    const char *slug; /* NULL: passes */
    size_t offset;
};

static const struct check_case check_cases[] = {
    {STR_INIT("/"), NULL, 0},
    {STR_INIT("/a b/caf\xc3\xa9/100%"), NULL, 0},
    {STR_INIT("/.well-known/"), NULL, 0},
    {STR_INIT(""), "path_malformed", 0},
    {STR_INIT("a"), "path_malformed", 0},
    {STR_INIT("/a?b"), "path_malformed", 2},
    {STR_INIT("/a/#"), "path_malformed", 3},
    {STR_INIT("/a/.."), "path_dot_segment", 2},
    {STR_INIT("/a//"), "path_empty_segment", 2},
    {STR_INIT("/caf%C3%A9"), "path_double_encoding", 4},
    {STR_INIT("/a\\"), "path_backslash", 2},
    {STR_INIT("/a;"), "path_parameter", 2},
    {STR_INIT("/\n"), "path_control", 1},
    {STR_INIT("/\xc0\xaf"), "path_overlong", 1},
    {STR_INIT("/\xe0"), NULL, 0},
};

static void checks_configured_paths(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof check_cases / sizeof check_cases[0]; i++) {
        const struct check_case *c = &check_cases[i];
        struct why why = {0};
        size_t offset = 0;
        enum status status = canonical_path_check(c->path, &offset, &why);
        assert_int_equal(status, c->slug == NULL ? STATUS_OK : STATUS_INVALID);
        if (c->slug != NULL) {
            assert_string_equal(why.slug, c->slug);
            assert_int_equal(offset, c->offset);
        }
        assert_int_equal(canonical_path_check(c->path, NULL, NULL), status);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_case),
        cmocka_unit_test(returns_the_target_itself),
        cmocka_unit_test(refuses_generated_variants),
        cmocka_unit_test(checks_configured_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
