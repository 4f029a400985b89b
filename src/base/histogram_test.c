#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/random.h"

static void test_the_middle_of_a_bucket_is_near_what_is_in_it(void **state) {
    (void)state;
    for (uint64_t value = 0; value < UINT64_C(1) << 32; value += 1 + value / 97) {
        unsigned bucket = histogram_bucket(value);
        assert_in_range(bucket, 0, HISTOGRAM_BUCKETS - 1);
        uint64_t middle = histogram_middle(bucket);
        uint64_t off = middle > value ? middle - value : value - middle;
        assert_true(off * 100 <= value * 10);
    }
    assert_int_equal(histogram_bucket(UINT32_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_buckets_rise_with_the_value(void **state) {
    unsigned last = 0;
    (void)state;
    for (uint64_t value = 0; value < 100000; value++) {
        unsigned bucket = histogram_bucket(value);
        assert_true(bucket == last || bucket == last + 1);
        last = bucket;
    }
}

static void test_quantiles(void **state) {
    struct histogram histogram = {{0}};
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 500), 0);
    for (uint64_t value = 1; value <= 10000; value++) {
        histogram_add(&histogram, value);
    }
    assert_int_equal(histogram_count(&histogram), 10000);
    assert_in_range(histogram_quantile(&histogram, 500), 4500, 5500);
    assert_in_range(histogram_quantile(&histogram, 950), 8550, 10450);
    assert_in_range(histogram_quantile(&histogram, 990), 8910, 10890);
    assert_int_equal(histogram_quantile(&histogram, 0), 1);
    assert_in_range(histogram_quantile(&histogram, 1000), 9000, 11000);
}

static void test_merging_is_adding(void **state) {
    struct histogram whole = {{0}};
    struct histogram parts[3] = {{{0}}};
    struct random_seeded seeded;
    (void)state;
    random_seeded_init(&seeded, 11);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t value = random_u64(&seeded.random) >> (i % 60);
        histogram_add(&whole, value);
        histogram_add(&parts[i % 3], value);
    }
    histogram_merge(&parts[0], &parts[2]);
    histogram_merge(&parts[0], &parts[1]);
    assert_memory_equal(&whole, &parts[0], sizeof(whole));
}

static void test_counts_stop_at_the_most(void **state) {
    struct histogram a = {{0}};
    struct histogram b = {{0}};
    (void)state;
    a.counts[3] = UINT32_MAX;
    b.counts[3] = 7;
    histogram_add(&a, 3);
    assert_int_equal(a.counts[3], UINT32_MAX);
    histogram_merge(&b, &a);
    assert_int_equal(b.counts[3], UINT32_MAX);
}

static void test_what_is_written_is_read(void **state) {
    struct histogram histogram = {{0}};
    struct histogram copy;
    struct why why;
    (void)state;
    for (uint64_t value = 1; value < 5000000; value *= 3) {
        histogram_add(&histogram, value);
    }
    json_t *array = histogram_write(&histogram);
    assert_int_equal(histogram_read(array, &copy, &why), STATUS_OK);
    assert_memory_equal(&histogram, &copy, sizeof(copy));
    json_decref(array);
}

static void test_what_is_no_histogram_is_refused(void **state) {
    static const char *const bad[] = {
        "{}",    "[1]",    "[1,2,1,3]",      "[2,1,1,1]", "[240,1]", "[-1,1]",
        "[1,0]", "[1,-1]", "[1,4294967296]", "[1,\"2\"]", "[1.5,2]", "[null,2]"};
    struct histogram histogram;
    struct why why;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *tree = json_loads(bad[i], 0, NULL);
        assert_non_null(tree);
        assert_int_equal(histogram_read(tree, &histogram, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "histogram_invalid");
        json_decref(tree);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_middle_of_a_bucket_is_near_what_is_in_it),
        cmocka_unit_test(test_buckets_rise_with_the_value),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_merging_is_adding),
        cmocka_unit_test(test_counts_stop_at_the_most),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_what_is_no_histogram_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
