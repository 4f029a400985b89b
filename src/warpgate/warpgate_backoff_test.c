#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_backoff.h"

static void test_delays_grow_to_the_cap_and_vary(void **state) {
    (void)state;
    struct random_seeded seeded;
    random_seeded_init(&seeded, 7);
    int64_t most_ms[20] = {0};
    int64_t least_ms = INT64_MAX;
    for (int run = 0; run < 500; run++) {
        struct warpgate_backoff backoff;
        warpgate_backoff_init(&backoff, 15000);
        for (int i = 0; i < 20; i++) {
            int64_t delay_ms = warpgate_backoff_next(&backoff, &seeded.random);
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
    struct warpgate_backoff backoff;
    warpgate_backoff_init(&backoff, 15000);
    for (int i = 0; i < 20; i++) {
        (void)warpgate_backoff_next(&backoff, random_system());
    }
    warpgate_backoff_reset(&backoff);
    assert_in_range(warpgate_backoff_next(&backoff, random_system()), 0, 250);
}

static void test_the_same_trouble_is_told_once_a_minute(void **state) {
    (void)state;
    struct warpgate_backoff backoff;
    warpgate_backoff_init(&backoff, 15000);
    assert_true(warpgate_backoff_should_speak(&backoff, "tcp_connect", 1000));
    assert_false(warpgate_backoff_should_speak(&backoff, "tcp_connect", 60000));
    assert_true(warpgate_backoff_should_speak(&backoff, "tcp_connect", 61000));
    assert_true(warpgate_backoff_should_speak(&backoff, "tls_verify", 61001));
    warpgate_backoff_reset(&backoff);
    assert_false(warpgate_backoff_should_speak(&backoff, "tls_verify", 61002));
    warpgate_backoff_forget(&backoff);
    assert_true(warpgate_backoff_should_speak(&backoff, "tls_verify", 61003));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays_grow_to_the_cap_and_vary),
        cmocka_unit_test(test_a_reset_begins_anew),
        cmocka_unit_test(test_the_same_trouble_is_told_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
