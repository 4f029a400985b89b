#include "http/h1_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Feeds in parts of `step`; `used` is what was taken of all the text. */
static enum status scan(struct h1_scan *scan, struct str text, size_t step, size_t *used,
                        struct str *section, struct why *why) {
    enum status status = STATUS_AGAIN;
    *used = 0;
    for (size_t at = 0; at < text.len && status == STATUS_AGAIN; at += step) {
        struct str part = str_sub(text, at, step);
        size_t taken = 0;
        status = h1_scan_feed(scan, (const uint8_t *)part.at, part.len, &taken, section, why);
        *used += taken;
    }
    return status;
}

static const struct {
    enum status status;
    const char *slug;
    size_t line_count;
    size_t used;
    struct str text;
} cases[] = {
    {STATUS_OK, "", 3, 9, STR_INIT("ab\r\nc\r\n\r\nrest")},
    {STATUS_OK, "", 1, 2, STR_INIT("\r\nrest")},
    {STATUS_AGAIN, "", 1, 5, STR_INIT("a\r\n\r")},
    {STATUS_AGAIN, "", 0, 1, STR_INIT("a")},
    {STATUS_INVALID, "bare_lf", 0, 0, STR_INIT("\n")},
    {STATUS_INVALID, "bare_lf", 0, 0, STR_INIT("a\n\r\n")},
    {STATUS_INVALID, "bare_lf", 0, 0, STR_INIT("a\r\n\n")},
    {STATUS_INVALID, "bare_cr", 0, 0, STR_INIT("a\rb\r\n\r\n")},
    {STATUS_INVALID, "bare_cr", 0, 0, STR_INIT("a\r\n\r\r\n")},
    {STATUS_INVALID, "obs_fold", 0, 0, STR_INIT("a\r\n b\r\n\r\n")},
    {STATUS_INVALID, "obs_fold", 0, 0, STR_INIT("\tb\r\n\r\n")},
    {STATUS_OK, "", 2, 20, STR_INIT("0123456789abcdef\r\n\r\n")},
    {STATUS_TOO_LARGE, "head_too_large", 0, 0, STR_INIT("0123456789abcdefg\r\n\r\n")},
    {STATUS_TOO_LARGE, "head_too_large", 0, 0, STR_INIT("0123456789abcdefghijklmnopqrstuvwxyz")},
};

static void sections_end_at_the_first_empty_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step <= 40; step++) {
            struct h1_scan scanner;
            struct str section = STR_EMPTY;
            struct why why = {0};
            size_t used;
            h1_scan_init(&scanner, 20);
            enum status status = scan(&scanner, cases[i].text, step, &used, &section, &why);
            if (status != cases[i].status) {
                fail_msg("%zu by %zu: %s %s", i, step, status_name(status), why.slug);
            }
            assert_string_equal(why.slug, cases[i].slug);
            if (status == STATUS_OK) {
                assert_int_equal(used, cases[i].used);
                assert_int_equal(scanner.line_count, cases[i].line_count);
                assert_true(str_eq(section, str_sub(cases[i].text, 0, used)));
            }
            assert_true(status != STATUS_AGAIN || h1_scan_has_begun(&scanner));
            h1_scan_reset(&scanner);
            assert_false(h1_scan_has_begun(&scanner));
            assert_int_equal(scanner.line_count, 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sections_end_at_the_first_empty_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
