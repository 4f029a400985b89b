#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tunnel/usage_record.h"

#define BODY "01jd3m8k6vq2x7r9t4w5y6z8ab"
#define KEYS                                                                                       \
    "\"environment\":\"env_" BODY "\",\"project\":\"prj_" BODY "\",\"organization\":\"org_" BODY   \
    "\""
#define COUNT                                                                                      \
    "{" KEYS ",\"route\":\"rt_" BODY "\",\"status\":[1,0,12,0,2,0],\"bytes_in\":5,"                \
    "\"bytes_out\":4711,\"unlogged\":3,\"codes\":{\"no_route\":2},\"latency\":[88,7,90,6]}"
#define REQUEST                                                                                    \
    "{\"id\":\"req_" BODY "\",\"environment\":\"env_" BODY                                         \
    "\",\"route\":\"\",\"at\":1795177020123,"                                                      \
    "\"method\":\"GET\",\"host\":\"shop.example\",\"path\":\"/a%20b\",\"query\":\"?c=d\","         \
    "\"status\":404,\"code\":\"no_route\",\"step\":\"route\",\"reason\":\"no_route\","             \
    "\"protocol\":\"h2\",\"ip_address\":\"2001:db8::1\",\"warpgate\":\"wg_" BODY "\","             \
    "\"duration_ms\":12,\"first_byte_ms\":11,\"bytes_in\":0,\"bytes_out\":99}"

static json_t *parse(const char *text) {
    struct why why;
    json_t *tree = NULL;
    assert_int_equal(json_parse(str_from(text), &tree, &why), STATUS_OK);
    return tree;
}

static const char *name_code(unsigned code) {
    return code == 1 ? "no_route" : "other";
}

static void test_classes(void **state) {
    (void)state;
    assert_int_equal(usage_record_class(0), 0);
    assert_int_equal(usage_record_class(101), 1);
    assert_int_equal(usage_record_class(204), 2);
    assert_int_equal(usage_record_class(599), 5);
    assert_int_equal(usage_record_class(600), 0);
}

static void test_a_count_reads_and_writes_the_same(void **state) {
    struct usage_record_key key;
    struct usage_record_count count;
    const json_t *codes = NULL;
    struct why why;
    (void)state;
    json_t *tree = parse(COUNT);
    assert_int_equal(usage_record_read_count(tree, &key, &count, &codes, &why), STATUS_OK);
    assert_int_equal(count.status[2], 12);
    assert_int_equal(count.bytes_out, 4711);
    assert_int_equal(json_integer_value(json_object_get(codes, "no_route")), 2);
    count.codes[1] = 2;
    json_t *written = usage_record_write_count(&key, &count, name_code);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_a_request_reads_and_writes_the_same(void **state) {
    struct usage_record_request request;
    struct why why;
    (void)state;
    json_t *tree = parse(REQUEST);
    assert_int_equal(usage_record_read_request(tree, &request, &why), STATUS_OK);
    assert_int_equal(request.status, 404);
    assert_true(id_is_none(&request.route));
    json_t *written = usage_record_write_request(&request);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

/* A member of a good one made bad. */
static void expect_bad(const char *good, const char *member, const char *value,
                       enum status (*read)(const json_t *tree)) {
    json_t *tree = parse(good);
    json_t *bad = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(bad);
    assert_int_equal(read(tree), STATUS_OK);
    json_object_set_new(tree, member, bad);
    if (read(tree) != STATUS_INVALID) {
        fail_msg("%s %s was taken", member, value);
    }
    json_decref(tree);
}

static enum status read_count(const json_t *tree) {
    struct usage_record_key key;
    struct usage_record_count count;
    const json_t *codes;
    struct why why;
    return usage_record_read_count(tree, &key, &count, &codes, &why);
}

static enum status read_request(const json_t *tree) {
    struct usage_record_request request;
    struct why why;
    return usage_record_read_request(tree, &request, &why);
}

static void test_bad_counts_are_refused(void **state) {
    static const char *const bad[][2] = {
        {"environment", "\"\""},
        {"environment", "\"prj_" BODY "\""},
        {"organization", "null"},
        {"route", "\"x\""},
        {"status", "[1,2,3,4,5]"},
        {"status", "[1,2,3,4,5,-6]"},
        {"status", "{}"},
        {"bytes_in", "-1"},
        {"bytes_out", "9007199254740993"},
        {"unlogged", "1.5"},
        {"codes", "[]"},
        {"codes", "{\"No\":1}"},
        {"codes", "{\"\":1}"},
        {"codes", "{\"no_route\":0}"},
        {"codes", "{\"no_route\":\"1\"}"},
        {"latency", "[88]"},
        {"surplus", "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_bad(COUNT, bad[i][0], bad[i][1], read_count);
    }
}

static void test_bad_requests_are_refused(void **state) {
    static const char *const bad[][2] = {
        {"id", "\"env_" BODY "\""},   {"environment", "\"\""},      {"path", "\"/a b\""},
        {"path", "\"/\\u00e4\""},     {"method", "\"\""},           {"status", "600"},
        {"duration_ms", "-1"},        {"ip_address", "\"1 2\""},    {"query", "\"a\\nb\""},
        {"authorization", "\"abc\""}, {"warpgate", "\"wg_short\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_bad(REQUEST, bad[i][0], bad[i][1], read_request);
    }
}

static void test_merging_adds_everything(void **state) {
    struct usage_record_count a = {.status = {1, 2, 3, 4, 5, 6},
                                   .bytes_in = 1,
                                   .bytes_out = 2,
                                   .unlogged = 3,
                                   .codes = {[4] = 5}};
    struct usage_record_count b = {.status = {1, 1, 1, 1, 1, 1},
                                   .bytes_in = 10,
                                   .bytes_out = 20,
                                   .unlogged = 30,
                                   .codes = {[4] = 50}};
    (void)state;
    histogram_add(&a.latency, 100);
    histogram_add(&b.latency, 100);
    usage_record_merge(&a, &b);
    assert_int_equal(a.status[0], 2);
    assert_int_equal(a.status[5], 7);
    assert_int_equal(a.bytes_in, 11);
    assert_int_equal(a.bytes_out, 22);
    assert_int_equal(a.unlogged, 33);
    assert_int_equal(a.codes[4], 55);
    assert_int_equal(histogram_count(&a.latency), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_a_count_reads_and_writes_the_same),
        cmocka_unit_test(test_a_request_reads_and_writes_the_same),
        cmocka_unit_test(test_bad_counts_are_refused),
        cmocka_unit_test(test_bad_requests_are_refused),
        cmocka_unit_test(test_merging_adds_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
