#include "net/descriptor_budget.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct rlimit former;

static int remember_limit(void **state) {
    (void)state;
    return getrlimit(RLIMIT_NOFILE, &former);
}

static int restore_limit(void **state) {
    (void)state;
    return setrlimit(RLIMIT_NOFILE, &former);
}

static void set_limit(rlim_t limit) {
    struct rlimit small = {limit, former.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    descriptor_budget_read_limit();
}

static void test_the_reserve(void **state) {
    (void)state;
    static const struct {
        rlim_t limit;
        size_t reserve;
    } cases[] = {{100, 50}, {200, 64}, {1000, 64}, {1280, 64}, {1300, 65}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].limit > former.rlim_max) {
            continue;
        }
        set_limit(cases[i].limit);
        struct descriptor_budget budget = descriptor_budget_now();
        assert_int_equal(budget.limit, cases[i].limit);
        assert_int_equal(budget.reserve, cases[i].reserve);
    }
}

static void test_missing(void **state) {
    (void)state;
    struct descriptor_budget budget = {.limit = 1000, .reserve = 64, .used = 936};
    assert_int_equal(descriptor_budget_missing(&budget), 0);
    budget.used = 937;
    assert_int_equal(descriptor_budget_missing(&budget), 1);
    budget.used = 1500; /* the limit was lowered meanwhile */
    assert_int_equal(descriptor_budget_missing(&budget), 564);
}

static void test_counting(void **state) {
    (void)state;
    descriptor_budget_count_others();
    size_t before = descriptor_budget_now().used;
    assert_true(before >= 3);
    int fd = open("/dev/null", O_RDONLY);
    descriptor_budget_take();
    assert_int_equal(descriptor_budget_now().used, before + 1);
    descriptor_budget_count_others(); /* `fd` is the connection's: not counted twice */
    assert_int_equal(descriptor_budget_now().used, before + 1);
    close(fd);
    descriptor_budget_give();
    assert_int_equal(descriptor_budget_now().used, before);
}

static void test_the_limit_is_raised(void **state) {
    (void)state;
    set_limit(64);
    descriptor_budget_raise_limit();
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, former.rlim_max);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_reserve, remember_limit, restore_limit),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_counting),
        cmocka_unit_test_setup_teardown(test_the_limit_is_raised, remember_limit, restore_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
