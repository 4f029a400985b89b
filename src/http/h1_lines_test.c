#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/h1_lines.h"

static struct arena arena;
static struct http_fields fields;
static struct why why;

static int begin(void **state) {
    (void)state;
    arena_init(&arena);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum status split(enum h1_lines_kind kind, const char *lines, size_t count) {
    memset(&why, 0, sizeof(why));
    return h1_lines_split(&arena, kind, str_from(lines), count, &fields, &why);
}

static void test_fields_in_order_and_as_they_came(void **state) {
    (void)state;
    assert_int_equal(split(H1_LINES_REQUEST, "Host: a\r\nX-Empty:\r\nx:  b c \r\n\r\n", 3),
                     STATUS_OK);
    assert_int_equal(fields.count, 3);
    assert_true(fields.cap > 3);
    assert_true(str_eq(fields.at[0].name, STR("Host")) && str_eq(fields.at[0].value, STR("a")));
    assert_true(str_eq(fields.at[1].name, STR("X-Empty")) && fields.at[1].value.len == 0);
    assert_true(str_eq(str_trim(fields.at[2].value), STR("b c")));
    assert_int_equal(split(H1_LINES_RESPONSE, "\r\n", 0), STATUS_OK);
    assert_int_equal(fields.count, 0);
}

static void test_what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        size_t count;
        const char *slug;
    } cases[] = {
        {"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 2, "content_length"},
        {"Content-Length: x\r\n\r\n", 1, "content_length"},
        {"X : y\r\n\r\n", 1, "field_line"},
        {"no colon\r\n\r\n", 1, "field_line"},
        {"a: b\r\n c\r\n\r\n", 2, "field_line"}, /* folded: two lines, one field */
        {"a: b\r\n\r\n", 2, "field_line"},
        {"a: b\r\nc: d\r\n\r\n", 1, "field_line"},
        {"a: b\r\n", 1, "field_line"}, /* without its end */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int kind = H1_LINES_REQUEST; kind <= H1_LINES_RESPONSE; kind++) {
            assert_int_equal(split((enum h1_lines_kind)kind, cases[i].lines, cases[i].count),
                             STATUS_INVALID);
            assert_string_equal(why.slug, cases[i].slug);
        }
    }
}

static void test_too_many(void **state) {
    (void)state;
    assert_int_equal(split(H1_LINES_REQUEST, "\r\n", HTTP_FIELDS_MAX + 1), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "head_too_large");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_fields_in_order_and_as_they_came),
        TEST(test_what_is_refused),
        TEST(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
