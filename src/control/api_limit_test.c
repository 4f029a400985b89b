#include "control/api_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static int64_t now_ms = 1000;

static int64_t read_now(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock steps = {.mono_ms = read_now, .wall_ms = read_now};

static int setup(void **state) {
    *state = api_limit_new(&steps, random_system(), 10);
    return 0;
}

static int teardown(void **state) {
    struct api_limit *limit = *state;
    api_limit_free(&limit);
    assert_null(limit);
    return 0;
}

static unsigned take_all(struct api_limit *limit, enum api_limit_kind kind, struct str who) {
    struct api_limit_state seen;
    unsigned count = 0;
    while (count < 100000 && api_limit_take(limit, kind, who, &seen)) {
        count++;
    }
    assert_int_equal(seen.remaining, 0);
    assert_true(seen.retry_after_seconds >= 1);
    return count;
}

static void test_a_bucket_empties_and_fills(void **state) {
    struct api_limit *limit = *state;
    struct api_limit_state seen;
    assert_true(api_limit_take(limit, API_LIMIT_READ, STR("mem_a"), &seen));
    assert_string_equal(seen.policy, "read");
    assert_int_equal(seen.quota, 200);
    assert_int_equal(seen.window_seconds, API_LIMIT_WINDOW_SECONDS);
    assert_int_equal(seen.remaining, 199);
    assert_int_equal(seen.retry_after_seconds, 0);
    assert_int_equal(take_all(limit, API_LIMIT_READ, STR("mem_a")), 199);
    assert_false(api_limit_take(limit, API_LIMIT_READ, STR("mem_a"), &seen));
    assert_int_equal(seen.full_in_seconds, 20);
    now_ms += 1000;
    assert_int_equal(take_all(limit, API_LIMIT_READ, STR("mem_a")), 10);
    now_ms += INT64_C(1000) * 3600 * 24 * 365;
    assert_int_equal(take_all(limit, API_LIMIT_READ, STR("mem_a")), 200);
}

static void test_each_has_its_own(void **state) {
    struct api_limit *limit = *state;
    assert_int_equal(take_all(limit, API_LIMIT_READ, STR("mem_b")), 200);
    assert_int_equal(take_all(limit, API_LIMIT_WRITE, STR("mem_b")), 40);
    assert_int_equal(take_all(limit, API_LIMIT_READ, STR("mem_c")), 200);
    assert_int_equal(take_all(limit, API_LIMIT_STRANGER, STR("192.0.2.1")), 400);
    assert_int_equal(take_all(limit, API_LIMIT_STRANGER, STR("192.0.2.2")), 400);
}

static void test_strangers_beyond_number(void **state) {
    struct api_limit *limit = *state;
    struct api_limit_state seen;
    for (unsigned i = 0; i < 3 * API_LIMIT_BUCKETS; i++) {
        char who[32];
        int len = snprintf(who, sizeof(who), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        assert_true(api_limit_take(limit, API_LIMIT_STRANGER, str_make(who, (size_t)len), &seen));
    }
}

static void test_the_defaults(void **state) {
    struct api_limit *limit = api_limit_new(&steps, random_system(), 0);
    struct api_limit_state seen;
    (void)state;
    assert_true(api_limit_take(limit, API_LIMIT_READ, STR("x"), &seen));
    assert_int_equal(seen.quota, API_LIMIT_READS_PER_SECOND * API_LIMIT_WINDOW_SECONDS);
    assert_int_equal(seen.remaining, seen.quota - 1);
    api_limit_free(&limit);
    limit = api_limit_new(&steps, random_system(), 1);
    assert_true(api_limit_take(limit, API_LIMIT_WRITE, STR("x"), &seen));
    assert_int_equal(seen.quota, API_LIMIT_WINDOW_SECONDS);
    api_limit_free(&limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bucket_empties_and_fills),
        cmocka_unit_test(test_each_has_its_own),
        cmocka_unit_test(test_strangers_beyond_number),
        cmocka_unit_test(test_the_defaults),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
