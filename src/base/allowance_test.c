#include "base/allowance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct allowance_rate rate = {.burst = 10, .per_second = 4};

static unsigned take_all(struct allowance *allowance, int64_t now_ms) {
    unsigned count = 0;
    while (allowance_take(allowance, &rate, now_ms)) {
        count++;
    }
    return count;
}

static void so_much_at_once(void **state) {
    struct allowance allowance;
    (void)state;
    allowance_init(&allowance, &rate, 1000);
    assert_int_equal(take_all(&allowance, 1000), rate.burst);
    assert_false(allowance_take(&allowance, &rate, 1000));
}

static void so_much_each_second(void **state) {
    struct allowance allowance;
    (void)state;
    allowance_init(&allowance, &rate, 1000);
    (void)take_all(&allowance, 1000);
    assert_false(allowance_take(&allowance, &rate, 1249));
    assert_int_equal(take_all(&allowance, 1250), 1);
    assert_int_equal(allowance_left(&allowance, &rate, 2000), 3);
    assert_int_equal(take_all(&allowance, 2000), 3);
    assert_int_equal(allowance_left(&allowance, &rate, 2000), 0);
    assert_int_equal(take_all(&allowance, 3000), rate.per_second);
}

/* Whoever looks often gets as much as who looks rarely. */
static void no_part_is_lost(void **state) {
    struct allowance allowance;
    unsigned count = 0;
    (void)state;
    allowance_init(&allowance, &rate, 0);
    (void)take_all(&allowance, 0);
    for (int64_t now_ms = 1; now_ms <= 10000; now_ms += 3) {
        count += take_all(&allowance, now_ms);
    }
    assert_in_range(count, 39, 40);
}

static void no_more_is_saved_than_the_burst(void **state) {
    struct allowance allowance;
    (void)state;
    allowance_init(&allowance, &rate, 0);
    (void)take_all(&allowance, 0);
    assert_int_equal(take_all(&allowance, INT64_MAX / 2), rate.burst);
    assert_int_equal(take_all(&allowance, 0), 0); /* a clock that goes back earns nothing */
    allowance_init(&allowance, &rate, 0);
    assert_true(
        allowance_take(&allowance, &rate, 60000)); /* idle while it was full: nothing is owed */
    assert_int_equal(take_all(&allowance, 60000), rate.burst - 1);
}

static void what_is_granted_comes_on_top(void **state) {
    struct allowance allowance;
    (void)state;
    allowance_init(&allowance, &rate, 0);
    allowance_grant(&allowance);
    assert_int_equal(take_all(&allowance, 60000), rate.burst + 1);
    allowance_grant(&allowance);
    assert_int_equal(take_all(&allowance, 60000), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_much_at_once),
        cmocka_unit_test(so_much_each_second),
        cmocka_unit_test(no_part_is_lost),
        cmocka_unit_test(no_more_is_saved_than_the_burst),
        cmocka_unit_test(what_is_granted_comes_on_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
