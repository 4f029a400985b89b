#include "policy/field_cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One field each, unless "|" parts them; what is left, and the value that was found. */
static const struct {
    const char *before, *after, *value;
} cases[] = {
    {"a=1", "a=1", ""},
    {"mine=x", "", "x"},
    {"mine=x;", "", "x"},
    {"mine=x; a=1", "a=1", "x"},
    {"a=1; mine=x", "a=1", "x"},
    {"a=1; mine=x; b=2", "a=1; b=2", "x"},
    {"a=1;mine=x;b=2", "a=1;b=2", "x"},
    {"a=1 ;  mine = x ;\tb=\"2; \"", "a=1 ;\tb=\"2; \"", "x"},
    {"mine=x; mine=y; a=1", "a=1", "x"},
    {"mine=; mine=y", "", "y"},
    {"a=mine=x; mine", "a=mine=x; mine", ""},
    {"Mine=x; mine2=y; xmine=z", "Mine=x; mine2=y; xmine=z", ""},
    {"mine=x=y", "", "x=y"},
    {"mine=\"x\"", "", "\"x\""},
    {"; ;mine=x;; a", "; ;; a", "x"},
    {"minmine=1; mimine; mine=x", "minmine=1; mimine", "x"},
    {"a=1|b=2; mine=x|mine=y", "a=1|b=2", "x"},
    {"mine", "mine", ""},
    {"", "", ""},
};

static void add_fields(struct http_fields *fields, struct arena *arena, const char *text) {
    struct str rest = str_from(text);
    struct str part;
    do {
        (void)str_cut(rest, '|', &part, &rest);
        http_fields_add(fields, arena, STR("cookie"), part);
        http_fields_add(fields, arena, STR("x-cookie"), STR("mine=x"));
    } while (!str_is_empty(rest));
}

static void it_is_taken_out_and_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct http_fields fields = {0};
        char left[256] = "";
        size_t len = 0;
        arena_init(&arena);
        add_fields(&fields, &arena, cases[i].before);
        struct str value = field_cookie_take(&fields, &arena, STR("mine"));
        size_t others = 0;
        for (size_t at = 0; at < fields.count; at++) {
            if (!str_eq(fields.at[at].name, STR("cookie"))) {
                assert_true(str_eq(fields.at[at].value, STR("mine=x")));
                others++;
                continue;
            }
            if (len > 0) {
                left[len++] = '|';
            }
            memcpy(left + len, fields.at[at].value.at, fields.at[at].value.len);
            len += fields.at[at].value.len;
        }
        left[len] = '\0';
        assert_string_equal(left, cases[i].after);
        assert_true(str_eq(value, str_from(cases[i].value)));
        assert_true(others > 0);
        arena_fini(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_taken_out_and_nothing_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
