/* edge_log_test.c: what is said of a request, what is not, and how often. */
#include "edge/edge_log.h"
#include "edge/edge_test_case.h"

static struct edge_meter_table *taken;

/* The first request that was logged. */
static const char *logged(const char *name) {
    edge_meter_table_free(&taken);
    taken = edge_meter_take(&kit->worker.meter, loop_now_ms(kit->loop));
    return json_string_value(json_object_get(json_array_get(taken->requests, 0), name));
}

static const char *again(const char *name) {
    return json_string_value(json_object_get(json_array_get(taken->requests, 0), name));
}

static void a_request_is_described(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_ANSWER);
    kit_send(kit, "GET /app/x?token=secret HTTP/1.1\r\nHost: " KIT_HOST "\r\n"
                  "Authorization: Bearer secret\r\nCookie: a=secret\r\n\r\n");
    assert_string_equal(logged("path"), "/app/x");
    assert_string_equal(again("method"), "GET");
    assert_string_equal(again("host"), KIT_HOST);
    assert_string_equal(again("protocol"), "http/1.1");
    assert_string_equal(again("ip_address"), "192.0.2.1");
    assert_null(again("query"));
    assert_null(again("code"));
    const json_t *row = json_array_get(taken->requests, 0);
    assert_int_equal(json_integer_value(json_object_get(row, "status")), 200);
    assert_int_equal(json_integer_value(json_object_get(row, "bytes_out")), 5);
    char *text = json_dumps(taken->requests, 0);
    assert_null(strstr(text, "secret"));
    free(text);
    edge_meter_table_free(&taken);
}

static void it_is_what_the_control_plane_reads(void **state) {
    (void)state;
    struct usage_record_request request;
    struct why why = {0};
    kit_send(kit, "GET /app/\"<'%0d%0a>{}|^`\\ HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    (void)logged("path");
    assert_int_equal(json_array_size(taken->requests), 1);
    assert_int_equal(usage_record_read_request(json_array_get(taken->requests, 0), &request, &why),
                     STATUS_OK);
    assert_true(str_starts_with(request.path, STR("/app/\"<'%0d%0a>")));
    edge_meter_table_free(&taken);
}

static void long_paths_are_cut(void **state) {
    (void)state;
    static char text[4096];
    (void)kit_connect(kit, 0, KIT_ANSWER);
    (void)snprintf(text, sizeof text, "GET /app/%03000d HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n", 0);
    kit_send(kit, text);
    assert_int_equal(strlen(logged("path")), USAGE_RECORD_TEXT_MAX);
    edge_meter_table_free(&taken);
}

static size_t send_many(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        kit_send(kit, KIT_GET);
        kit->out_len = 0;
    }
    (void)logged("path");
    return json_array_size(taken->requests);
}

static uint64_t unlogged(void) {
    uint64_t count = 0;
    size_t at = 0;
    for (struct edge_meter_row *row = edge_meter_table_next(taken, &at); row != NULL;
         row = edge_meter_table_next(taken, &at)) {
        count += row->count.unlogged;
    }
    return count;
}

static void too_many_are_counted(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_ANSWER);
    size_t count = send_many(EDGE_LOG_BURST + 50);
    assert_in_range(count, EDGE_LOG_BURST, EDGE_LOG_BURST + 49);
    assert_int_equal(unlogged(), EDGE_LOG_BURST + 50 - count);
    /* A new table is no new allowance; time is. */
    assert_true(send_many(60) < 60);
    kit_pass(kit, 2000);
    assert_true(send_many(30) == 30);
    edge_meter_table_free(&taken);
}

static void workers_share_the_limits(void **state) {
    (void)state;
    struct allowance_rate one;
    struct allowance_rate all;
    edge_log_rates(4, &one, &all);
    assert_int_equal(one.per_second, EDGE_LOG_PER_SECOND / 4);
    assert_int_equal(all.burst, EDGE_LOG_ALL_BURST / 4);
    edge_log_rates(8, &one, &all);
    assert_true(one.per_second >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_described),   TEST(it_is_what_the_control_plane_reads),
        TEST(long_paths_are_cut),       TEST(too_many_are_counted),
        TEST(workers_share_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
