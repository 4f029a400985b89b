#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/notice.h"

static void test_the_same_trouble_is_told_once_a_minute(void **state) {
    struct notice notice = {0};
    (void)state;
    assert_true(notice_is_due(&notice, "tcp_connect", 1000));
    assert_false(notice_is_due(&notice, "tcp_connect", 60000));
    assert_true(notice_is_due(&notice, "tcp_connect", 61000));
    assert_true(notice_is_due(&notice, "tls_verify", 61001));
    assert_false(notice_is_due(&notice, "tls_verify", 61002));
}

static void test_what_was_over_is_news(void **state) {
    struct notice notice = {0};
    (void)state;
    assert_true(notice_is_due(&notice, "tls_verify", 1));
    notice_forget(&notice);
    assert_true(notice_is_due(&notice, "tls_verify", 2));
}

static void test_a_long_slug_is_the_same_trouble(void **state) {
    static const char slug[] = "a_slug_that_is_longer_than_any_that_there_is_so_far_in_this_tree";
    struct notice notice = {0};
    (void)state;
    assert_true(sizeof slug > NOTICE_SLUG_SIZE);
    assert_true(notice_is_due(&notice, slug, 1));
    assert_false(notice_is_due(&notice, slug, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_trouble_is_told_once_a_minute),
        cmocka_unit_test(test_what_was_over_is_news),
        cmocka_unit_test(test_a_long_slug_is_the_same_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
