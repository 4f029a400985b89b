#include "store/store_postgres_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_parameters(void **state) {
    (void)state;
    static const struct store_value values[] = {
        {STORE_VALUE_NULL, 0, STR_EMPTY},         {STORE_VALUE_NUMBER, -2, STR_EMPTY},
        {STORE_VALUE_TEXT, 0, STR_INIT("héllo")}, {STORE_VALUE_BYTES, 0, {"a\0b", 3}},
        {STORE_VALUE_BYTES, 0, STR_EMPTY},
    };
    static const uint8_t minus_two[] = {255, 255, 255, 255, 255, 255, 255, 254};
    struct store_postgres_value out;
    store_postgres_value_write(values, 5, &out);
    assert_int_equal(out.count, 5);
    assert_null(out.at[0]);
    assert_int_equal(out.types[0], 0);
    assert_int_equal(out.lengths[1], 8);
    assert_memory_equal(out.at[1], minus_two, 8);
    assert_int_equal(out.lengths[2], 6);
    assert_int_equal(out.lengths[3], 3);
    assert_memory_equal(out.at[3], "a\0b", 3);
    assert_non_null(out.at[4]); /* empty is not NULL */
    assert_int_equal(out.lengths[4], 0);
}

static void test_sums(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[24];
        size_t len;
        bool is_good;
        int64_t number;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0}, 8, true, 0},
        {{0, 1, 0, 0, 0, 0, 0, 0, 0, 7}, 10, true, 7},
        {{0, 1, 0, 0, 0x40, 0, 0, 0, 0, 7}, 10, true, -7},
        {{0, 1, 0, 2, 0, 0, 0, 0, 0, 3}, 10, true, 300000000},
        {{0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0x09, 0x29}, 12, true, 12345},
        {{0, 5, 0, 4, 0, 0, 0, 0, 3, 154, 13, 44, 1, 112, 21, 101, 22, 175}, 18, true, INT64_MAX},
        {{0, 1, 0, 5, 0, 0, 0, 0, 0, 1}, 10, false, 0},     /* too large */
        {{0, 1, 0, 4, 0, 0, 0, 0, 39, 15}, 10, false, 0},   /* likewise */
        {{0, 1, 255, 255, 0, 0, 0, 4, 0, 1}, 10, false, 0}, /* a fraction */
        {{0, 0, 0, 0, 0xc0, 0, 0, 0}, 8, false, 0},         /* not a number */
        {{0, 3, 0, 2, 0, 0, 0, 0, 0, 1}, 10, false, 0},     /* cut short */
        {{0, 1, 0, 0}, 4, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t number = -1;
        enum status status =
            store_postgres_value_read_numeric(str_make(cases[i].bytes, cases[i].len), &number);
        if (cases[i].is_good ? status != STATUS_OK || number != cases[i].number
                             : status != STATUS_FAILED) {
            fail_msg("case %zu: %lld", i, (long long)number);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
