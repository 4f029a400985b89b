/* meter_test.c: records of an edge into the store, and out of the API again: once, and to whom they belong. */
#include "control/control_test_kit.h"
#include "control/meter.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "metered", &environment);
    return 0;
}

static void wait_work(struct kit *kit) {
    for (int i = 0; i < 5000 && kit->control->work_count > 0; i++) {
        uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
    assert_int_equal(kit->control->work_count, 0);
}

static json_t *make_count(struct kit *kit, const char *route, int requests) {
    return json_pack("{s:s,s:s,s:s,s:s,s:[i,i,i,i,i,i],s:i,s:i,s:i,s:{s:i},s:[i,i]}", "environment",
                     environment.text, "project", project.text, "organization",
                     kit->organization.text, "route", route, "status", 0, 0, requests, 0, 1, 0,
                     "bytes_in", 10, "bytes_out", 1000, "unlogged", 2, "codes", "no_route", 1,
                     "latency", 88, requests);
}

static json_t *make_request(const char *id, const char *path) {
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:i,s:i,s:i,s:i}", "id", id,
                     "environment", environment.text, "route", "", "at", (json_int_t)1795177020123,
                     "method", "GET", "host", "a.example", "path", path, "status", 200, "protocol",
                     "h2", "ip_address", "::1", "warpgate", "", "duration_ms", 3, "first_byte_ms",
                     2, "bytes_in", 0, "bytes_out", 5);
}

/* Takes both arrays over. */
static void take_at(struct kit *kit, uint64_t sequence, int64_t at_ms, json_t *counts,
                    json_t *requests) {
    const struct feed_message message = {.type = FEED_MESSAGE_USAGE,
                                         .process = STR_INIT("4f1e"),
                                         .sequence = sequence,
                                         .at_ms = (uint64_t)at_ms,
                                         .counts = counts,
                                         .requests = requests};
    meter_take(kit->control, &kit_edge, &message);
    json_decref(counts);
    json_decref(requests);
    wait_work(kit);
}

static void take(struct kit *kit, uint64_t sequence, json_t *count, json_t *request) {
    json_t *counts = json_array();
    json_t *requests = json_array();
    if (count != NULL) {
        json_array_append_new(counts, count);
    }
    if (request != NULL) {
        json_array_append_new(requests, request);
    }
    take_at(kit, sequence, kit_wall_ms(NULL), counts, requests);
}

static json_int_t used(struct kit *kit, const char *kind, const struct id *id) {
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path(kind, id, "/usage"), &call);
    assert_int_equal(call.status, 200);
    json_int_t requests =
        json_integer_value(json_object_get(json_object_get(call.answer, "total"), "requests"));
    kit_done(&call);
    return requests;
}

static void test_a_record_counts_once(void **state) {
    struct kit *kit = *state;
    take(kit, 1, make_count(kit, "", 4), NULL);
    assert_int_equal(used(kit, "environments", &environment), 5);
    take(kit, 1, make_count(kit, "", 4), NULL);
    assert_int_equal(used(kit, "environments", &environment), 5);
    take(kit, 2, make_count(kit, "", 9), NULL);
    assert_int_equal(used(kit, "environments", &environment), 15);
    assert_int_equal(used(kit, "projects", &project), 15);
    assert_int_equal(used(kit, "organizations", &kit->organization), 15);
}

static void test_what_cannot_be_read_is_skipped(void **state) {
    struct kit *kit = *state;
    json_t *counts = json_array();
    json_array_append_new(counts, json_pack("{s:i}", "nonsense", 1));
    json_array_append_new(counts, make_count(kit, "", 3));
    json_array_append_new(counts, json_string("x"));
    take_at(kit, 1, kit_wall_ms(NULL), counts, json_pack("[i]", 7));
    assert_int_equal(used(kit, "environments", &environment), 4);
}

static void test_metrics_show_it(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    take(kit, 1, make_count(kit, "rt_01jd3m8k6vq2x7r9t4w5y6z8ab", 4), NULL);
    take(kit, 2, make_count(kit, "", 6), NULL);
    kit_run(kit, "GET", kit_path("environments", &environment, "/metrics"), &call);
    assert_int_equal(call.status, 200);
    const json_t *total = json_object_get(call.answer, "total");
    const json_t *requests = json_object_get(total, "requests");
    assert_int_equal(json_integer_value(json_object_get(requests, "2xx")), 10);
    assert_int_equal(json_integer_value(json_object_get(requests, "4xx")), 2);
    assert_int_equal(json_integer_value(json_object_get(total, "unlogged")), 4);
    assert_int_equal(json_array_size(json_object_get(call.answer, "series")), 15);
    kit_done(&call);
}

static void test_requests_are_listed(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    take(kit, 1, make_count(kit, "", 1), make_request("req_01jd3m8k6vq2x7r9t4w5y6z8ab", "/one"));
    take(kit, 2, make_count(kit, "", 1), make_request("req_01jd3m8k6vq2x7r9t4w5y6z8ac", "/two"));
    kit_run(kit, "GET", kit_path("environments", &environment, "/requests"), &call);
    assert_int_equal(call.status, 200);
    const json_t *items = json_object_get(call.answer, "items");
    assert_int_equal(json_array_size(items), 2);
    const json_t *newest = json_array_get(items, 0);
    assert_string_equal(json_string_value(json_object_get(newest, "path")), "/two");
    assert_string_equal(json_string_value(json_object_get(newest, "edge")), kit_edge.text);
    assert_string_equal(json_string_value(json_object_get(newest, "at")),
                        "2026-11-20T12:17:00.123Z");
    kit_done(&call);
}

/* Its last seconds come after it is gone. */
static void test_of_a_deleted_environment_usage_stays(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token, .if_match = "*"};
    take(kit, 1, make_count(kit, "", 1), NULL);
    kit_run(kit, "DELETE", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 204);
    take(kit, 2, make_count(kit, "", 1), make_request("req_01jd3m8k6vq2x7r9t4w5y6z8ab", "/one"));
    assert_int_equal(used(kit, "organizations", &kit->organization), 4);
    kit_done(&call);
}

/* An edge whose clock is wrong. */
static void test_nothing_is_booked_in_the_future(void **state) {
    struct kit *kit = *state;
    take_at(kit, 1, kit_wall_ms(NULL) + INT64_C(400) * 86400000,
            json_pack("[o]", make_count(kit, "", 1)), json_array());
    take_at(kit, 2, 0, json_pack("[o]", make_count(kit, "", 1)), json_array());
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("organizations", &kit->organization, "/statements"), &call);
    const json_t *items = json_object_get(call.answer, "items");
    json_int_t sum = 0;
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        assert_false(json_is_true(json_object_get(item, "is_final")));
        sum += json_integer_value(json_object_get(item, "requests"));
    }
    assert_int_equal(sum, 4);
    kit_done(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_record_counts_once),
        TEST(test_what_cannot_be_read_is_skipped),
        TEST(test_metrics_show_it),
        TEST(test_requests_are_listed),
        TEST(test_of_a_deleted_environment_usage_stays),
        TEST(test_nothing_is_booked_in_the_future),
    };
    return store_test_database_run(tests);
}
