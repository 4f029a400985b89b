#include "control/ca_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static int64_t now_ms;

static int64_t read_ms(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {.mono_ms = read_ms, .wall_ms = read_ms};
static const struct id one = {.text = "edg_00000000000000000000000001"};
static const struct id other = {.text = "wg_00000000000000000000000002"};

static void keeps_what_was_said_last(void **state) {
    struct ca_reports *reports = ca_report_new(&test_clock);
    struct ca_report report;
    (void)state;
    ca_report_get(reports, &one, &report);
    assert_string_equal(report.anchors, "");
    ca_report_take(reports, &one, STR("a"), STR("b"));
    ca_report_take(reports, &other, STR("c"), STR("d"));
    ca_report_take(reports, &one, STR("e"), STR_EMPTY);
    ca_report_get(reports, &one, &report);
    assert_string_equal(report.anchors, "e");
    assert_string_equal(report.root, "");
    ca_report_get(reports, &other, &report);
    assert_string_equal(report.anchors, "c");
    assert_string_equal(report.root, "d");
    ca_report_free(&reports);
    assert_null(reports);
}

static void takes_no_name_that_is_too_long(void **state) {
    struct ca_reports *reports = ca_report_new(&test_clock);
    struct ca_report report;
    char text[CA_ANCHORS_SIZE];
    (void)state;
    memset(text, 'f', sizeof(text));
    ca_report_take(reports, &one, str_make(text, sizeof(text)), str_make(text, sizeof(text) - 1));
    ca_report_get(reports, &one, &report);
    assert_string_equal(report.anchors, "");
    assert_int_equal(strlen(report.root), sizeof(text) - 1);
    ca_report_free(&reports);
}

static void forgets_after_a_time(void **state) {
    struct ca_reports *reports = ca_report_new(&test_clock);
    struct ca_report report;
    (void)state;
    ca_report_take(reports, &one, STR("a"), STR("b"));
    now_ms += CA_REPORT_KEEP_MS;
    ca_report_take(reports, &other, STR("c"), STR("d"));
    ca_report_sweep(reports);
    ca_report_get(reports, &one, &report);
    assert_string_equal(report.anchors, "a");
    now_ms += 1;
    ca_report_sweep(reports);
    ca_report_get(reports, &one, &report);
    assert_string_equal(report.anchors, "");
    ca_report_get(reports, &other, &report);
    assert_string_equal(report.anchors, "c");
    ca_report_free(&reports);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_said_last),
        cmocka_unit_test(takes_no_name_that_is_too_long),
        cmocka_unit_test(forgets_after_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
