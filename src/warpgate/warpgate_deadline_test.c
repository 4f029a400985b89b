#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/memory.h"
#include "warpgate/warpgate_deadline.h"

static struct warpgate_parts parts;
static int64_t due_at_ms[3];
static struct warpgate_deadline deadlines[3];

static void see_due(struct warpgate_deadline *deadline) {
    due_at_ms[deadline - deadlines] = loop_now_ms(parts.loop);
}

static int start(void **state) {
    (void)state;
    parts = (struct warpgate_parts){.loop = loop_new(clock_system(), random_system())};
    wheel_init(&parts.wheel, loop_now_ms(parts.loop));
    loop_timer_init(&parts.sweep, parts.loop, warpgate_deadline_sweep, &parts);
    for (size_t i = 0; i < 3; i++) {
        warpgate_deadline_init(&deadlines[i], see_due);
        due_at_ms[i] = 0;
    }
    return 0;
}

static int stop(void **state) {
    (void)state;
    loop_timer_close(&parts.sweep, NULL);
    loop_free(&parts.loop);
    return 0;
}

static void pass(int64_t ms) {
    int64_t end_ms = clock_mono_ms(clock_system()) + ms;
    while (clock_mono_ms(clock_system()) < end_ms) {
        uv_run(loop_uv(parts.loop), UV_RUN_NOWAIT);
        usleep(1000);
    }
}

static void test_never_early_and_late_by_little(void **state) {
    (void)state;
    int64_t begun_ms = loop_now_ms(parts.loop);
    warpgate_deadline_set(&parts, &deadlines[0], 300);
    warpgate_deadline_set(&parts, &deadlines[1], 100);
    pass(600);
    assert_in_range(due_at_ms[0] - begun_ms, 300, 550);
    assert_in_range(due_at_ms[1] - begun_ms, 100, 350);
}

static void test_moved_and_cleared(void **state) {
    (void)state;
    int64_t begun_ms = loop_now_ms(parts.loop);
    warpgate_deadline_set(&parts, &deadlines[0], 100);
    warpgate_deadline_set(&parts, &deadlines[0], 400);
    warpgate_deadline_set(&parts, &deadlines[1], 100);
    warpgate_deadline_clear(&parts, &deadlines[1]);
    warpgate_deadline_clear(&parts, &deadlines[2]);
    pass(700);
    assert_in_range(due_at_ms[0] - begun_ms, 400, 650);
    assert_int_equal(due_at_ms[1], 0);
}

static void test_nothing_ticks_without_a_deadline(void **state) {
    (void)state;
    assert_int_equal(parts.sweep.deadline_ms, 0);
    warpgate_deadline_set(&parts, &deadlines[0], 10);
    assert_true(parts.sweep.deadline_ms > 0);
    warpgate_deadline_clear(&parts, &deadlines[0]);
    while (parts.sweep.deadline_ms != 0) {
        uv_run(loop_uv(parts.loop), UV_RUN_ONCE);
    }
    assert_int_equal(due_at_ms[0], 0);
    /* and again after a long rest */
    int64_t begun_ms = loop_now_ms(parts.loop);
    warpgate_deadline_set(&parts, &deadlines[0], 100);
    pass(400);
    assert_in_range(due_at_ms[0] - begun_ms, 100, 350);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_never_early_and_late_by_little),
        CASE(test_moved_and_cleared),
        CASE(test_nothing_ticks_without_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
