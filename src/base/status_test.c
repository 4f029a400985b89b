#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void names_every_status(void **state) {
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        const char *name = status_name((enum status)i);
        assert_non_null(name);
        assert_string_not_equal(name, "unknown");
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(name, status_name((enum status)k));
        }
    }
    assert_string_equal(status_name(STATUS_TOO_LARGE), "too_large");
}

static void names_what_is_no_status(void **state) {
    (void)state;
    assert_string_equal(status_name((enum status)STATUS_COUNT), "unknown");
    assert_string_equal(status_name((enum status) - 1), "unknown");
}

static void fills_and_returns(void **state) {
    struct why why;
    (void)state;
    assert_int_equal(why_set(&why, STATUS_DENIED, "no_entry", "door %d", 7), STATUS_DENIED);
    assert_string_equal(why.slug, "no_entry");
    assert_string_equal(why.text, "door 7");
}

static void takes_no_why(void **state) {
    (void)state;
    assert_int_equal(why_set(NULL, STATUS_FAILED, "x", "y"), STATUS_FAILED);
}

static void cuts_what_is_too_long(void **state) {
    struct why why;
    char text[1000];
    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    why_set(&why, STATUS_INVALID, text, "%s", text);
    assert_int_equal(strlen(why.slug), sizeof(why.slug) - 1);
    assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_status),    cmocka_unit_test(names_what_is_no_status),
        cmocka_unit_test(fills_and_returns),     cmocka_unit_test(takes_no_why),
        cmocka_unit_test(cuts_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
