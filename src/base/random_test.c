#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fills_all(void **state) {
    uint8_t bytes[1000] = {0};
    uint8_t seen[1000] = {0};
    (void)state;
    /* A byte that stays zero in 20 rounds was not filled: by chance that happens once in 2^150. */
    for (int round = 0; round < 20; round++) {
        random_fill(random_system(), bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seen[i] |= bytes[i];
        }
    }
    for (size_t i = 0; i < sizeof(seen); i++) {
        assert_int_not_equal(seen[i], 0);
    }
    random_fill(random_system(), NULL, 0);
    assert_true(random_u64(random_system()) != random_u64(random_system()));
}

static void stays_below(void **state) {
    struct random_seeded seeded;
    int counts[6] = {0};
    (void)state;
    random_seeded_init(&seeded, 42);
    for (int i = 0; i < 60000; i++) {
        counts[random_below(&seeded.random, 6)]++;
    }
    for (int i = 0; i < 6; i++) {
        assert_in_range(counts[i], 9500, 10500);
    }
    assert_int_equal(random_below(&seeded.random, 1), 0);
    for (int i = 0; i < 100; i++) {
        assert_true(random_below(&seeded.random, (UINT64_MAX / 2) + 2) <= UINT64_MAX / 2 + 1);
    }
}

static void repeats_by_seed(void **state) {
    struct random_seeded a;
    struct random_seeded b;
    struct random_seeded c;
    char x[33];
    char y[33];
    (void)state;
    random_seeded_init(&a, 1);
    random_seeded_init(&b, 1);
    random_seeded_init(&c, 2);
    random_fill(&a.random, x, sizeof(x));
    random_fill(&b.random, y, sizeof(y));
    assert_memory_equal(x, y, sizeof(x));
    random_fill(&c.random, y, sizeof(y));
    assert_memory_not_equal(x, y, sizeof(x));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_all),
        cmocka_unit_test(stays_below),
        cmocka_unit_test(repeats_by_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
