#include "edge/edge_warpgate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct id environment = {"env_01jd3m8k6vq2x7r9t4w5y6z8ab"};
static const struct id id = {"wg_01jd3m8k6vq2x7r9t4w5y6z8a0"};
static struct list warpgates;
static struct edge_warpgate *warpgate;

static void declare(size_t count, const char *first, const char *second) {
    const struct tunnel_message hello = {
        .upstreams = {{.name = str_from(first)}, {.name = str_from(second)}},
        .upstream_count = count};
    edge_warpgate_declare(warpgate, &hello);
}

static void report(const char *name, bool is_known, bool is_up) {
    const struct tunnel_message health = {
        .upstreams = {{.name = str_from(name), .is_known = is_known, .is_up = is_up}},
        .upstream_count = 1};
    edge_warpgate_report(warpgate, &health);
}

static bool is_fit(const char *name, int64_t now_ms) {
    const struct edge_upstream *upstream = edge_warpgate_find(warpgate, str_from(name));
    assert_non_null(upstream);
    return edge_warpgate_is_fit(upstream, now_ms);
}

static int start(void **state) {
    (void)state;
    list_init(&warpgates);
    warpgate = edge_warpgate_join(&warpgates, &environment, &id);
    declare(2, "default", "api");
    return 0;
}

static int stop(void **state) {
    (void)state;
    edge_warpgate_leave(&warpgate);
    assert_true(list_is_empty(&warpgates));
    return 0;
}

static void tunnels_of_one_id_share_it(void **state) {
    (void)state;
    struct edge_warpgate *same = edge_warpgate_join(&warpgates, &environment, &id);
    const struct id other_id = {"wg_01jd3m8k6vq2x7r9t4w5y6z8a1"};
    struct edge_warpgate *other = edge_warpgate_join(&warpgates, &environment, &other_id);
    assert_ptr_equal(same, warpgate);
    assert_ptr_not_equal(other, warpgate);
    assert_string_not_equal(other->affinity, warpgate->affinity);
    edge_warpgate_leave(&same);
    edge_warpgate_leave(&other);
    assert_null(same);
    assert_non_null(edge_warpgate_find(warpgate, STR("default")));
}

static void what_was_not_declared_is_not_there(void **state) {
    (void)state;
    assert_null(edge_warpgate_find(warpgate, STR("other")));
    report("other", true, false);
    edge_warpgate_note(warpgate, STR("other"), EDGE_WARPGATE_REFUSED, 1000);
    assert_true(is_fit("default", 1000));
    declare(1, "other", "");
    assert_null(edge_warpgate_find(warpgate, STR("default")));
    declare(0, "", "");
    assert_null(edge_warpgate_find(warpgate, STR("other")));
}

static void reports_are_believed(void **state) {
    (void)state;
    report("default", true, false);
    assert_false(is_fit("default", 1000));
    assert_true(is_fit("api", 1000));
    declare(2, "api", "default"); /* by another tunnel of the same */
    assert_false(is_fit("default", 1000));
    report("default", false, false);
    assert_true(is_fit("default", 1000));
}

static void refusals_put_it_aside_for_longer_and_longer(void **state) {
    static const int64_t times_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    int64_t now_ms = 1000;
    (void)state;
    for (size_t i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
        edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_REFUSED, now_ms);
        edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_REFUSED, now_ms + 1);
        assert_true(is_fit("api", now_ms));
        assert_false(is_fit("default", now_ms + times_ms[i] - 1));
        now_ms += times_ms[i];
        assert_true(is_fit("default", now_ms));
    }
    edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_ANSWERED, now_ms);
    edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_REFUSED, now_ms);
    assert_true(is_fit("default", now_ms + 1000));
}

static void timeouts_count_in_a_row(void **state) {
    (void)state;
    for (unsigned i = 0; i < 5 * EDGE_WARPGATE_TIMEOUTS; i++) {
        edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_TIMED_OUT, 1000);
        assert_true(is_fit("default", 1000));
        if (i % 2 == 1) {
            edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_ANSWERED, 1000);
        }
    }
    edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_TIMED_OUT, 1000);
    edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_TIMED_OUT, 1000);
    assert_false(is_fit("default", 1000));
}

static void a_report_that_it_is_up_ends_it(void **state) {
    (void)state;
    edge_warpgate_note(warpgate, STR("default"), EDGE_WARPGATE_REFUSED, 1000);
    report("default", true, true);
    assert_false(is_fit("default", 1000)); /* nothing new: it was up before */
    report("default", true, false);
    report("default", true, true);
    assert_true(is_fit("default", 1000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tunnels_of_one_id_share_it), TEST(what_was_not_declared_is_not_there),
        TEST(reports_are_believed),       TEST(refusals_put_it_aside_for_longer_and_longer),
        TEST(timeouts_count_in_a_row),    TEST(a_report_that_it_is_up_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
