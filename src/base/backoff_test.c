#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"

static void test_delays_grow_to_the_cap_and_vary(void **state) {
    (void)state;
    struct random_seeded seeded;
    random_seeded_init(&seeded, 7);
    int64_t most_ms[20] = {0};
    int64_t least_ms = INT64_MAX;
    for (int run = 0; run < 500; run++) {
        struct backoff backoff;
        backoff_init(&backoff, 250, 15000);
        for (int i = 0; i < 20; i++) {
            int64_t delay_ms = backoff_next(&backoff, &seeded.random);
            most_ms[i] = delay_ms > most_ms[i] ? delay_ms : most_ms[i];
            least_ms = i == 19 && delay_ms < least_ms ? delay_ms : least_ms;
        }
    }
    assert_in_range(most_ms[0], 200, 250);
    assert_in_range(most_ms[1], 400, 500);
    assert_in_range(most_ms[19], 14000, 15000);
    assert_true(least_ms < 1000); /* full jitter: no wave, however long it lasts */
}

static void test_a_reset_begins_anew(void **state) {
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 250, 15000);
    for (int i = 0; i < 20; i++) {
        (void)backoff_next(&backoff, random_system());
    }
    backoff_reset(&backoff);
    assert_in_range(backoff_next(&backoff, random_system()), 0, 250);
}

#define AGENTS 10000
#define SLOT_MS 250
#define SLOTS 24

/* Ten thousand warpgates lose one edge in the same moment. It is away for `away_ms`; what fails fast is tried again with backoff. How
 * many come in each slot after its return. */
static void simulate_return(int64_t away_ms, unsigned arrivals[SLOTS]) {
    struct random_seeded seeded;
    random_seeded_init(&seeded, 12);
    for (size_t i = 0; i < SLOTS; i++) {
        arrivals[i] = 0;
    }
    for (int agent = 0; agent < AGENTS; agent++) {
        struct backoff backoff;
        int64_t now_ms = 0;
        backoff_init(&backoff, 250, 5000);
        while (now_ms < away_ms) {
            now_ms += backoff_next(&backoff, &seeded.random) + 1;
        }
        int64_t slot = (now_ms - away_ms) / SLOT_MS;
        assert_true(slot < SLOTS); /* all within 6 s */
        arrivals[slot]++;
    }
}

static void test_ten_thousand_do_not_come_at_once(void **state) {
    (void)state;
    static const int64_t aways_ms[] = {3000, 10000, 60000, 3600000};
    for (size_t i = 0; i < sizeof(aways_ms) / sizeof(aways_ms[0]); i++) {
        unsigned arrivals[SLOTS];
        unsigned peak = 0;
        simulate_return(aways_ms[i], arrivals);
        for (size_t slot = 0; slot < SLOTS; slot++) {
            peak = arrivals[slot] > peak ? arrivals[slot] : peak;
        }
        assert_in_range(peak, 1, 3 * AGENTS / (5000 / SLOT_MS));
    }
}

/* However long it was away: the limit, and what a dial that began too early takes to end (4 s without TCP). */
static void test_nobody_waits_longer_than_the_limit(void **state) {
    (void)state;
    struct random_seeded seeded;
    struct backoff backoff;
    random_seeded_init(&seeded, 3);
    backoff_init(&backoff, 250, 5000);
    for (int64_t now_ms = 0; now_ms < 3600000;) {
        int64_t delay_ms = backoff_next(&backoff, &seeded.random);
        assert_in_range(delay_ms, 0, 5000);
        now_ms += delay_ms + 4000;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand_do_not_come_at_once),
        cmocka_unit_test(test_nobody_waits_longer_than_the_limit),
        cmocka_unit_test(test_delays_grow_to_the_cap_and_vary),
        cmocka_unit_test(test_a_reset_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
