#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"

#define TURN_MS ((int64_t)WHEEL_TICK_MS * WHEEL_SLOTS)
#define START_MS 1000003

static struct wheel wheel;

static void start(void) {
    wheel_init(&wheel, START_MS);
}

static void is_never_early_and_late_by_a_tick_at_most(void **state) {
    (void)state;
    for (int64_t delay_ms = 0; delay_ms < 3 * WHEEL_TICK_MS; delay_ms++) {
        struct wheel_entry entry;
        start();
        wheel_entry_init(&entry);
        int64_t deadline_ms = START_MS + delay_ms;
        wheel_set(&wheel, &entry, deadline_ms);
        assert_true(wheel_is_set(&entry));
        int64_t now_ms = START_MS;
        while (wheel_expire(&wheel, now_ms) == NULL) {
            now_ms++;
            assert_true(now_ms <= deadline_ms + WHEEL_TICK_MS);
        }
        assert_true(now_ms >= deadline_ms);
        assert_false(wheel_is_set(&entry));
        assert_int_equal(wheel.count, 0);
        assert_null(wheel_expire(&wheel, now_ms + 10 * TURN_MS));
    }
}

static void overdue_is_told_at_the_next_tick(void **state) {
    struct wheel_entry entry;
    (void)state;
    start();
    wheel_entry_init(&entry);
    wheel_set(&wheel, &entry, 5);
    assert_null(wheel_expire(&wheel, START_MS));
    assert_ptr_equal(wheel_expire(&wheel, START_MS + WHEEL_TICK_MS), &entry);
    assert_null(wheel_expire(&wheel, START_MS + WHEEL_TICK_MS));
}

static void goes_round_for_longer_than_a_turn(void **state) {
    struct wheel_entry soon, later, far;
    (void)state;
    start();
    wheel_entry_init(&soon);
    wheel_entry_init(&later);
    wheel_entry_init(&far);
    wheel_set(&wheel, &far, INT64_MAX);
    wheel_set(&wheel, &later, START_MS + 1000 + 2 * TURN_MS); /* the same slot as `soon` */
    wheel_set(&wheel, &soon, START_MS + 1000);
    assert_int_equal(wheel.count, 3);
    int64_t now_ms = START_MS;
    while (now_ms < START_MS + 1000 + 2 * TURN_MS) {
        struct wheel_entry *found = wheel_expire(&wheel, now_ms);
        if (found != NULL) {
            assert_ptr_equal(found, &soon);
            assert_true(now_ms < START_MS + 1000 + 300);
        }
        now_ms += 250;
    }
    assert_false(wheel_is_set(&soon));
    assert_true(wheel_is_set(&later));
    assert_ptr_equal(wheel_expire(&wheel, now_ms + WHEEL_TICK_MS), &later);
    assert_int_equal(wheel.count, 1);
    wheel_clear(&wheel, &far);
}

static void a_long_sleep_loses_nothing(void **state) {
    struct wheel_entry entries[100];
    (void)state;
    start();
    for (int i = 0; i < 100; i++) {
        wheel_entry_init(&entries[i]);
        wheel_set(&wheel, &entries[i], START_MS + i * (TURN_MS / 30));
    }
    int count = 0;
    while (wheel_expire(&wheel, START_MS + 1000 * TURN_MS) != NULL) {
        count++;
    }
    assert_int_equal(count, 100);
    assert_int_equal(wheel.count, 0);
}

static void moves_and_clears(void **state) {
    struct wheel_entry entry;
    (void)state;
    start();
    wheel_entry_init(&entry);
    assert_false(wheel_is_set(&entry));
    wheel_clear(&wheel, &entry); /* not set: nothing */
    assert_int_equal(wheel.count, 0);
    wheel_set(&wheel, &entry, START_MS + 100);
    wheel_set(&wheel, &entry, START_MS + 1000);
    assert_int_equal(wheel.count, 1);
    assert_null(wheel_expire(&wheel, START_MS + 999));
    wheel_set(&wheel, &entry, START_MS + 500);
    assert_ptr_equal(wheel_expire(&wheel, START_MS + 1000 + WHEEL_TICK_MS), &entry);
    wheel_set(&wheel, &entry, START_MS + 3000);
    wheel_clear(&wheel, &entry);
    assert_null(wheel_expire(&wheel, START_MS + TURN_MS));
    assert_int_equal(wheel.count, 0);
}

/* Three due at once: what the caller does to the other two between two calls holds. */
static void others_may_change_between_two_calls(void **state) {
    struct wheel_entry entries[3];
    (void)state;
    start();
    for (int i = 0; i < 3; i++) {
        wheel_entry_init(&entries[i]);
        wheel_set(&wheel, &entries[i], START_MS + 100);
    }
    int64_t now_ms = START_MS + 100 + WHEEL_TICK_MS;
    struct wheel_entry *first = wheel_expire(&wheel, now_ms);
    assert_ptr_equal(first, &entries[0]);
    wheel_clear(&wheel, &entries[1]);
    wheel_set(&wheel, &entries[2], now_ms + 5000);
    wheel_set(&wheel, first,
              now_ms); /* again, and overdue: not in this round, or the caller would never end */
    assert_null(wheel_expire(&wheel, now_ms));
    assert_ptr_equal(wheel_expire(&wheel, now_ms + WHEEL_TICK_MS), first);
    assert_ptr_equal(wheel_expire(&wheel, now_ms + 5000 + WHEEL_TICK_MS), &entries[2]);
    assert_int_equal(wheel.count, 0);
}

/* Against the plain truth: each entry is told once, in [deadline, deadline + tick + step]. */
static void agrees_with_a_plain_list(void **state) {
    enum { COUNT = 300 };
    static struct wheel_entry entries[COUNT];
    static bool is_set[COUNT];
    struct random_seeded seeded;
    (void)state;
    random_seeded_init(&seeded, 7);
    start();
    for (int i = 0; i < COUNT; i++) {
        wheel_entry_init(&entries[i]);
        is_set[i] = false;
    }
    int64_t now_ms = START_MS;
    for (int round = 0; round < 20000; round++) {
        size_t i = (size_t)random_below(&seeded.random, COUNT);
        if (random_below(&seeded.random, 4) == 0) {
            wheel_clear(&wheel, &entries[i]);
            is_set[i] = false;
        } else {
            wheel_set(&wheel, &entries[i],
                      now_ms + (int64_t)random_below(&seeded.random, 3 * TURN_MS));
            is_set[i] = true;
        }
        int64_t step_ms = (int64_t)random_below(&seeded.random, 200);
        now_ms += step_ms;
        struct wheel_entry *found;
        while ((found = wheel_expire(&wheel, now_ms)) != NULL) {
            assert_true(is_set[found - entries]);
            is_set[found - entries] = false;
            assert_in_range(now_ms - found->deadline_ms, 0, WHEEL_TICK_MS + step_ms);
        }
        size_t set_count = 0;
        for (int j = 0; j < COUNT; j++) {
            assert_int_equal(is_set[j], wheel_is_set(&entries[j]));
            set_count += is_set[j];
        }
        assert_int_equal(wheel.count, set_count);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_never_early_and_late_by_a_tick_at_most),
        cmocka_unit_test(overdue_is_told_at_the_next_tick),
        cmocka_unit_test(goes_round_for_longer_than_a_turn),
        cmocka_unit_test(a_long_sleep_loses_nothing),
        cmocka_unit_test(moves_and_clears),
        cmocka_unit_test(others_may_change_between_two_calls),
        cmocka_unit_test(agrees_with_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
