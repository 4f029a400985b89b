#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_health.h"

static void test_what_fails_first_is_down(void **state) {
    struct warpgate_health_record record = {.health = WARPGATE_HEALTH_UNKNOWN};
    (void)state;
    assert_true(warpgate_health_failed(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_DOWN);
    assert_false(warpgate_health_failed(&record));
}

static void test_up_goes_down_by_two_failures_in_a_row(void **state) {
    struct warpgate_health_record record = {.health = WARPGATE_HEALTH_UNKNOWN};
    (void)state;
    assert_true(warpgate_health_connected(&record));
    assert_false(warpgate_health_failed(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_UP);
    assert_false(warpgate_health_connected(&record));
    assert_false(warpgate_health_failed(&record));
    assert_true(warpgate_health_failed(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_DOWN);
    assert_true(warpgate_health_connected(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_UP);
}

static void test_a_check_decides_what_is_up(void **state) {
    struct warpgate_health_record record = {.health = WARPGATE_HEALTH_UNKNOWN};
    (void)state;
    assert_true(warpgate_health_connected(&record));
    warpgate_health_set_checked(&record, true);
    assert_int_equal(record.health, WARPGATE_HEALTH_UP);
    assert_false(warpgate_health_failed(&record));
    assert_true(warpgate_health_failed(&record));
    /* It accepts connections, and is not well all the same. */
    assert_false(warpgate_health_connected(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_DOWN);
    assert_true(warpgate_health_passed(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_UP);
}

static void test_connections_decide_again_without_the_check(void **state) {
    struct warpgate_health_record record = {.health = WARPGATE_HEALTH_DOWN, .is_checked = true};
    (void)state;
    warpgate_health_set_checked(&record, false);
    assert_int_equal(record.health, WARPGATE_HEALTH_DOWN);
    assert_true(warpgate_health_connected(&record));
    assert_int_equal(record.health, WARPGATE_HEALTH_UP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fails_first_is_down),
        cmocka_unit_test(test_up_goes_down_by_two_failures_in_a_row),
        cmocka_unit_test(test_a_check_decides_what_is_up),
        cmocka_unit_test(test_connections_decide_again_without_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
