#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_metric.h"
#include "store/store_test_kit.h"

#define MINUTE STORE_METRIC_MINUTE_MS
#define HOUR STORE_METRIC_HOUR_MS

static void add(struct fixture *f, const struct fixture_tenant *tenant, const struct id *route,
                int64_t at_ms, uint64_t requests) {
    struct store_metric metric = {
        .organization = tenant->organization,
        .environment = tenant->environment,

        .at_ms = at_ms,
        .status = {[2] = requests, [5] = 1},
        .bytes_in = 1,
        .bytes_out = 2,
        .unlogged = 3,
        .codes = json_pack("{s:i}", "no_route", 2),
    };
    if (route != NULL) {
        metric.route = *route;
    }
    histogram_add(&metric.latency, 1000);
    assert_int_equal(store_metric_add(f->tx, &metric), STATUS_OK);
    json_decref(metric.codes);
}

struct seen {
    size_t rows;
    uint64_t requests, errors, bytes_out, unlogged, latencies;
    json_int_t codes;
    int64_t last_at_ms;
};

static void take(void *context, const struct store_metric *metric) {
    struct seen *seen = context;
    assert_true(metric->at_ms >= seen->last_at_ms);
    seen->last_at_ms = metric->at_ms;
    seen->rows++;
    seen->requests += metric->status[2];
    seen->errors += metric->status[5];
    seen->bytes_out += metric->bytes_out;
    seen->unlogged += metric->unlogged;
    seen->latencies += histogram_count(&metric->latency);
    seen->codes += json_integer_value(json_object_get(metric->codes, "no_route"));
}

static struct seen look(struct fixture *f, const struct id *organization,
                        const struct id *environment, const struct id *route, int64_t step_ms,
                        int64_t from_ms) {
    struct seen seen = {0};
    assert_int_equal(
        store_metric_each(f->tx, organization, environment, route, step_ms, from_ms, take, &seen),
        STATUS_OK);
    return seen;
}

static void test_minutes_and_hours_add_up(void **state) {
    struct fixture *f = *state;
    int64_t start_ms = FIXTURE_START_MS - FIXTURE_START_MS % HOUR;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct fixture_tenant two = fixture_tenant(f, "two", "two.example", 2);
    struct id route = id_new(ID_ROUTE, &f->clock, random_system());
    add(f, &one, &route, start_ms, 10);
    add(f, &one, &route, start_ms + 59999, 20);
    add(f, &one, NULL, start_ms + MINUTE, 30);
    add(f, &one, &route, start_ms + HOUR, 40);
    add(f, &two, &route, start_ms, 1000);
    struct seen seen = look(f, &one.organization, &one.environment, NULL, MINUTE, start_ms);
    assert_int_equal(seen.rows, 3);
    assert_int_equal(seen.requests, 100);
    assert_int_equal(seen.errors, 4);
    assert_int_equal(seen.bytes_out, 8);
    assert_int_equal(seen.unlogged, 12);
    assert_int_equal(seen.latencies, 4);
    assert_int_equal(seen.codes, 8);
    seen = look(f, &one.organization, &one.environment, &route, HOUR, start_ms);
    assert_int_equal(seen.rows, 2);
    assert_int_equal(seen.requests, 70);
    assert_int_equal(seen.codes, 6);
    seen = look(f, &one.organization, &one.environment, NULL, HOUR, start_ms + 1);
    assert_int_equal(seen.requests, 40);
    /* Not with another organization's id. */
    assert_int_equal(look(f, &two.organization, &one.environment, NULL, HOUR, 0).rows, 0);
}

static void test_goes_with_its_environment_and_with_age(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct fixture_tenant two = fixture_tenant(f, "two", "two.example", 2);
    add(f, &one, NULL, f->now_ms, 1);
    add(f, &two, NULL, f->now_ms, 1);
    assert_int_equal(
        store_environment_delete(f->tx, &one.organization, &one.environment, 1, f->now_ms),
        STATUS_OK);
    assert_int_equal(look(f, &one.organization, &one.environment, NULL, HOUR, 0).rows, 0);
    fixture_commit(f);
    f->now_ms += STORE_METRIC_MINUTES_KEPT_MS + 2 * MINUTE;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_metric_prune_any(f->tx), STATUS_OK);
    assert_int_equal(look(f, &two.organization, &two.environment, NULL, MINUTE, 0).rows, 0);
    assert_int_equal(look(f, &two.organization, &two.environment, NULL, HOUR, 0).rows, 1);
    fixture_commit(f);
    f->now_ms += STORE_METRIC_HOURS_KEPT_MS;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_metric_prune_any(f->tx), STATUS_OK);
    assert_int_equal(look(f, &two.organization, &two.environment, NULL, HOUR, 0).rows, 0);
}

static void test_of_no_environment(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    const struct store_metric metric = {.organization = one.organization,
                                        .environment =
                                            id_new(ID_ENVIRONMENT, &f->clock, random_system())};
    assert_int_equal(store_metric_add(f->tx, &metric), STATUS_NOT_FOUND);
    assert_string_equal(f->why.slug, "parent_not_found");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_minutes_and_hours_add_up),
        TEST(test_goes_with_its_environment_and_with_age),
        TEST(test_of_no_environment),
    };
    return store_test_database_run(tests);
}
