#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"
#include "store/store_usage.h"

#define HOUR STORE_USAGE_HOUR_MS
#define DAY (24 * HOUR)

static int64_t at(const char *text) {
    int64_t wall_ms = 0;
    assert_int_equal(clock_parse_rfc3339(str_from(text), &wall_ms), STATUS_OK);
    return wall_ms;
}

static void test_hours_and_months_begin(void **state) {
    (void)state;
    assert_int_equal(store_usage_start_ms(STORE_USAGE_HOUR, at("2026-11-20T12:59:59.999Z")),
                     at("2026-11-20T12:00:00Z"));
    assert_int_equal(store_usage_start_ms(STORE_USAGE_HOUR, at("2026-11-20T13:00:00Z")),
                     at("2026-11-20T13:00:00Z"));
    assert_int_equal(store_usage_start_ms(STORE_USAGE_MONTH, at("2026-11-30T23:59:59.999Z")),
                     at("2026-11-01T00:00:00Z"));
    assert_int_equal(store_usage_start_ms(STORE_USAGE_MONTH, at("2026-12-01T00:00:00Z")),
                     at("2026-12-01T00:00:00Z"));
    assert_int_equal(store_usage_start_ms(STORE_USAGE_MONTH, at("2028-02-29T12:00:00Z")),
                     at("2028-02-01T00:00:00Z"));
    assert_int_equal(store_usage_next_month_ms(at("2028-02-29T12:00:00Z")),
                     at("2028-03-01T00:00:00Z"));
    assert_int_equal(store_usage_next_month_ms(at("2026-12-31T23:59:59Z")),
                     at("2027-01-01T00:00:00Z"));
}

static void test_months_close_and_stay_closed(void **state) {
    int64_t october = at("2026-10-01T00:00:00Z");
    (void)state;
    assert_false(store_usage_is_closed(october, at("2026-10-20T00:00:00Z")));
    assert_false(store_usage_is_closed(october, at("2026-11-03T23:59:59Z")));
    assert_true(store_usage_is_closed(october, at("2026-11-04T00:00:00Z")));
    /* Late, but the month is still open. */
    assert_int_equal(store_usage_booked_ms(at("2026-10-31T23:30:00Z"), at("2026-11-02T00:00:00Z")),
                     at("2026-10-31T23:30:00Z"));
    /* Too late. */
    assert_int_equal(store_usage_booked_ms(at("2026-10-31T23:30:00Z"), at("2026-11-04T00:00:00Z")),
                     at("2026-11-01T00:00:00Z"));
    /* A clock that is ahead, and one that has never been set. */
    assert_int_equal(store_usage_booked_ms(at("2031-01-01T00:00:00Z"), at("2026-11-20T00:00:00Z")),
                     at("2026-11-20T00:00:00Z"));
    assert_int_equal(store_usage_booked_ms(0, at("2026-11-20T00:00:00Z")),
                     at("2026-11-01T00:00:00Z"));
    /* Whatever comes at whatever time, it never goes into a closed month. */
    for (int64_t now_ms = at("2026-10-25T00:00:00Z"); now_ms < at("2026-12-10T00:00:00Z");
         now_ms += 7 * HOUR) {
        for (int64_t then_ms = now_ms - 80 * DAY; then_ms < now_ms + DAY; then_ms += 13 * HOUR) {
            int64_t booked_ms = store_usage_booked_ms(then_ms, now_ms);
            int64_t month_ms = store_usage_start_ms(STORE_USAGE_MONTH, booked_ms);
            assert_false(store_usage_is_closed(month_ms, now_ms));
            assert_true(booked_ms <= now_ms);
        }
    }
}

static void test_nothing_is_taken_twice(void **state) {
    struct fixture *f = *state;
    struct id edge = id_new(ID_EDGE, &f->clock, random_system());
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 1), STATUS_OK);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 1), STATUS_END);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 2), STATUS_OK);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("b"), 1), STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 1), STATUS_END);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 3), STATUS_OK);
    store_tx_rollback(&f->tx);
    /* What was not committed was not taken. */
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 3), STATUS_OK);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR_EMPTY, 3), STATUS_INVALID);
}

static void add(struct fixture *f, const struct fixture_tenant *tenant, int64_t at_ms,
                uint64_t requests) {
    const struct store_usage usage = {
        .organization = tenant->organization,
        .project = tenant->project,
        .environment = tenant->environment,
        .at_ms = at_ms,
        .requests = requests,
        .bytes_in = 10 * requests,
        .bytes_out = 100 * requests,
    };
    assert_int_equal(store_usage_add(f->tx, &usage), STATUS_OK);
}

static size_t list(struct fixture *f, const struct store_usage *of, enum store_usage_grain grain,
                   struct store_usage **rows) {
    size_t count = 0;
    assert_int_equal(
        store_usage_list(f->tx, of, grain, 0, INT64_MAX, 1000, &f->arena, rows, &count), STATUS_OK);
    return count;
}

static void test_rolls_over_hours_and_months(void **state) {
    struct fixture *f = *state;
    struct store_usage *rows = NULL;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct fixture_tenant two = fixture_tenant(f, "two", "two.example", 2);
    add(f, &one, at("2026-10-31T22:59:00Z"), 1);
    add(f, &one, at("2026-10-31T23:00:00Z"), 2);
    add(f, &one, at("2026-10-31T23:59:59.999Z"), 3);
    add(f, &one, at("2026-11-01T00:00:00Z"), 4);
    add(f, &two, at("2026-11-01T00:00:00Z"), 50);
    const struct store_usage of = {.organization = one.organization};
    assert_int_equal(list(f, &of, STORE_USAGE_HOUR, &rows), 3);
    assert_int_equal(rows[0].requests, 1);
    assert_int_equal(rows[1].at_ms, at("2026-10-31T23:00:00Z"));
    assert_int_equal(rows[1].requests, 5);
    assert_int_equal(rows[1].bytes_in, 50);
    assert_int_equal(rows[1].bytes_out, 500);
    assert_int_equal(list(f, &of, STORE_USAGE_MONTH, &rows), 2);
    assert_int_equal(rows[0].at_ms, at("2026-10-01T00:00:00Z"));
    assert_int_equal(rows[0].requests, 6);
    assert_int_equal(rows[1].requests, 4);
    size_t count = 0;
    assert_int_equal(
        store_usage_sum(f->tx, &of, STORE_USAGE_MONTH, 0, INT64_MAX, 10, &f->arena, &rows, &count),
        STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].requests, 6);
    assert_int_equal(rows[0].bytes_out, 600);
    assert_true(id_is_none(&rows[0].environment));
    /* By project and environment; another tenant's are not there. */
    struct store_usage narrow = {.organization = one.organization, .environment = one.environment};
    assert_int_equal(list(f, &narrow, STORE_USAGE_MONTH, &rows), 2);
    narrow.environment = two.environment;
    assert_int_equal(list(f, &narrow, STORE_USAGE_MONTH, &rows), 0);
    narrow = (struct store_usage){.organization = one.organization, .project = two.project};
    assert_int_equal(list(f, &narrow, STORE_USAGE_MONTH, &rows), 0);
}

static void test_outlives_its_environment(void **state) {
    struct fixture *f = *state;
    struct store_usage *rows = NULL;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    add(f, &one, f->now_ms, 7);
    assert_int_equal(
        store_environment_delete(f->tx, &one.organization, &one.environment, 1, f->now_ms),
        STATUS_OK);
    add(f, &one, f->now_ms, 1); /* its last seconds */
    assert_int_equal(store_project_delete(f->tx, &one.organization, &one.project, 1, f->now_ms),
                     STATUS_OK);
    const struct store_usage of = {.organization = one.organization};
    assert_int_equal(list(f, &of, STORE_USAGE_MONTH, &rows), 1);
    assert_int_equal(rows[0].requests, 8);
}

static void test_hours_go_and_months_stay(void **state) {
    struct fixture *f = *state;
    struct store_usage *rows = NULL;
    struct id edge = id_new(ID_EDGE, &f->clock, random_system());
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    add(f, &one, f->now_ms, 7);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 1), STATUS_OK);
    fixture_commit(f);
    f->now_ms += STORE_USAGE_HOURS_KEPT_MS + 2 * HOUR;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_usage_prune_any(f->tx), STATUS_OK);
    const struct store_usage of = {.organization = one.organization};
    assert_int_equal(list(f, &of, STORE_USAGE_HOUR, &rows), 0);
    assert_int_equal(list(f, &of, STORE_USAGE_MONTH, &rows), 1);
    assert_int_equal(store_usage_claim(f->tx, &edge, STR("a"), 1), STATUS_OK);
}

static void test_of_no_organization(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    const struct store_usage usage = {
        .organization = id_new(ID_ORGANIZATION, &f->clock, random_system()),
        .project = id_new(ID_PROJECT, &f->clock, random_system()),
        .environment = id_new(ID_ENVIRONMENT, &f->clock, random_system()),
        .requests = 1,
    };
    assert_int_equal(store_usage_add(f->tx, &usage), STATUS_NOT_FOUND);
    assert_string_equal(f->why.slug, "parent_not_found");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours_and_months_begin),
        cmocka_unit_test(test_months_close_and_stay_closed),
        TEST(test_nothing_is_taken_twice),
        TEST(test_rolls_over_hours_and_months),
        TEST(test_outlives_its_environment),
        TEST(test_hours_go_and_months_stay),
        TEST(test_of_no_organization),
    };
    return store_test_database_run(tests);
}
