/* edge_meter_test.c: what requests leave behind, and the table that it is counted in. */
#include "edge/edge_test_case.h"

#define GET "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n"

static struct edge_meter_table *take(void) {
    return edge_meter_take(&kit->worker.meter, loop_now_ms(kit->loop));
}

static struct usage_record_count sum(const struct edge_meter_table *table) {
    struct usage_record_count all = {.bytes_in = 0};
    size_t at = 0;
    for (struct edge_meter_row *row = edge_meter_table_next(table, &at); row != NULL;
         row = edge_meter_table_next(table, &at)) {
        usage_record_merge(&all, &row->count);
    }
    return all;
}

static void requests_are_counted_with_their_bytes(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_ECHO);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 5\r\n\r\nhello");
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 3\r\n\r\nabc");
    struct edge_meter_table *table = take();
    struct usage_record_count all = sum(table);
    assert_int_equal(all.status[2], 2);
    assert_int_equal(all.bytes_in, 8);
    assert_int_equal(all.bytes_out, 8);
    assert_int_equal(histogram_count(&all.latency), 2);
    assert_int_equal(table->route_count, 1);
    assert_int_equal(json_array_size(table->requests), 2);
    edge_meter_table_free(&table);
    /* Once. */
    table = take();
    assert_int_equal(sum(table).status[2], 0);
    edge_meter_table_free(&table);
}

static void own_answers_have_codes(void **state) {
    (void)state;
    kit_send(kit, GET);
    struct edge_meter_table *table = take();
    struct usage_record_count all = sum(table);
    assert_int_equal(all.status[5], 1);
    assert_int_equal(all.codes[EDGE_CODE_NO_WARPGATE], 1);
    edge_meter_table_free(&table);
}

static void requests_of_no_environment_are_nobodys(void **state) {
    (void)state;
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: other.example.net\r\n\r\n");
    struct edge_meter_table *table = take();
    assert_int_equal(table->row_count, 0);
    edge_meter_table_free(&table);
}

static void what_still_runs_is_counted_as_it_goes(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 9\r\n\r\nhel");
    struct edge_meter_table *table = take();
    assert_int_equal(sum(table).bytes_in, 3);
    assert_int_equal(sum(table).status[0], 0);
    edge_meter_table_free(&table);
    kit_send(kit, "lo");
    kit_leave(kit);
    table = take();
    assert_int_equal(sum(table).bytes_in, 2);
    assert_int_equal(sum(table).status[0], 1); /* it went without an answer */
    struct usage_record_count all = sum(table);
    assert_int_equal(histogram_count(&all.latency), 0);
    edge_meter_table_free(&table);
}

static struct id number_id(enum id_kind kind, unsigned number) {
    struct id id = {.text = ""};
    (void)snprintf(id.text, sizeof id.text, "%s_01jd3m8k6vq2x7r9t4w5y%05u", id_prefix(kind),
                   number);
    return id;
}

static struct edge_meter_row *find(struct edge_meter_table *table, unsigned environment,
                                   unsigned route) {
    struct usage_record_key key = {.environment = number_id(ID_ENVIRONMENT, environment)};
    if (route > 0) {
        key.route = number_id(ID_ROUTE, route);
    }
    return edge_meter_table_find(table, &key, NULL, 0);
}

static void too_many_routes_are_counted_without(void **state) {
    (void)state;
    struct edge_meter_table table = {0};
    for (unsigned i = 1; i <= EDGE_METER_ROUTES_MAX + 100; i++) {
        find(&table, i % 7, i)->count.status[2]++;
    }
    assert_int_equal(table.route_count, EDGE_METER_ROUTES_MAX);
    assert_int_equal(table.row_count, EDGE_METER_ROUTES_MAX + 7);
    assert_int_equal(sum(&table).status[2], EDGE_METER_ROUTES_MAX + 100);
    for (unsigned i = 1; i <= EDGE_METER_ROUTES_MAX; i++) {
        assert_int_equal(find(&table, i % 7, i)->count.status[2], 1);
    }
    edge_meter_table_clear(&table);
}

static void merging_adds_by_key(void **state) {
    (void)state;
    struct edge_meter_table a = {0};
    struct edge_meter_table b = {0};
    find(&a, 1, 1)->count.status[2] = 1;
    find(&a, 1, 2)->count.bytes_in = 10;
    find(&b, 1, 1)->count.status[2] = 100;
    find(&b, 2, 1)->count.status[2] = 1000;
    edge_meter_table_merge(&a, &b);
    assert_int_equal(find(&a, 1, 1)->count.status[2], 101);
    assert_int_equal(find(&a, 1, 2)->count.bytes_in, 10);
    assert_int_equal(find(&a, 2, 1)->count.status[2], 1000);
    assert_true(find(&a, 1, 1)->whole == find(&a, 1, 0));
    edge_meter_table_clear(&a);
    edge_meter_table_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_are_counted_with_their_bytes),  TEST(own_answers_have_codes),
        TEST(requests_of_no_environment_are_nobodys), TEST(what_still_runs_is_counted_as_it_goes),
        TEST(too_many_routes_are_counted_without),    TEST(merging_adds_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
