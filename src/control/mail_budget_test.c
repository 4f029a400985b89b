#include "control/mail_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int64_t now_ms;

static int64_t tell_now(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {.mono_ms = tell_now, .wall_ms = tell_now};

static struct id make(unsigned number) {
    struct id id;
    snprintf(id.text, sizeof(id.text), "org_%026u", number);
    return id;
}

static void test_an_hour(void **state) {
    struct mail_budget budget;
    struct id one = make(1);
    struct id two = make(2);
    int64_t retry = 0;
    struct why why;
    (void)state;
    now_ms = 1000;
    mail_budget_init(&budget, &test_clock);
    for (int i = 0; i < MAIL_BUDGET_AN_HOUR; i++) {
        assert_int_equal(mail_budget_take(&budget, &one, &retry, &why), STATUS_OK);
    }
    now_ms += 600 * 1000;
    assert_int_equal(mail_budget_take(&budget, &one, &retry, &why), STATUS_UNAVAILABLE);
    assert_string_equal(why.slug, "too_many_attempts");
    assert_int_equal(retry, 3001);
    assert_int_equal(mail_budget_take(&budget, &two, &retry, &why), STATUS_OK);
    now_ms += retry * 1000;
    assert_int_equal(mail_budget_take(&budget, &one, &retry, &why), STATUS_OK);
    mail_budget_fini(&budget);
}

static void test_more_than_there_is_room_for(void **state) {
    struct mail_budget budget;
    int64_t retry = 0;
    struct why why;
    (void)state;
    now_ms = 1000;
    mail_budget_init(&budget, &test_clock);
    for (unsigned i = 0; i < 2 * MAIL_BUDGET_ROWS_MAX; i++) {
        struct id id = make(i);
        now_ms++;
        assert_int_equal(mail_budget_take(&budget, &id, &retry, &why), STATUS_OK);
    }
    mail_budget_fini(&budget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_hour),
        cmocka_unit_test(test_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
