#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tunnel/feed_message.h"

#define ENV "env_01jd3m8k6vq2x7r9t4w5y6z8ab"
#define WG "wg_01jd3m8k6vq2x7r9t4w5y6z8ab"

static const char *const texts[] = {
    "{\"type\":\"keys\",\"jwks\":{\"keys\":[]}}",
    "{\"type\":\"host\",\"hostname\":\"a.example\",\"chain\":\"PEM\\n\",\"key\":\"PEM\\n\"}",
    "{\"type\":\"host_removed\",\"hostname\":\"a.example\"}",
    "{\"type\":\"environment\",\"bundle\":\"a.b.c\"}",
    "{\"type\":\"environment_removed\",\"environment\":\"" ENV "\"}",
    "{\"type\":\"revoked\",\"warpgate\":\"" WG "\",\"reason\":\"key_revoked\"}",
    "{\"type\":\"certificate\",\"chain\":\"PEM\\n\"}",
    "{\"type\":\"synced\"}",
    "{\"type\":\"hello\",\"version\":\"0.1.0\"}",
    "{\"type\":\"applied\",\"environment\":\"" ENV "\",\"revision\":7}",
    "{\"type\":\"refused\",\"environment\":\"\",\"revision\":7,\"code\":\"c\",\"detail\":\"some "
    "words\"}",
    "{\"type\":\"warpgate\",\"warpgate\":\"" WG "\",\"environment\":\"" ENV
    "\",\"tunnels\":1,\"ip_address\":\"::1\","
    "\"name\":\"box\",\"version\":\"0.1.0\",\"applied_revision\":7,\"refused_code\":\"\"}",
    "{\"type\":\"renew\",\"csr\":\"PEM\\n\"}",
    "{\"type\":\"usage\",\"process\":\"4f1e\",\"sequence\":7,\"at\":1795177020000,"
    "\"counts\":[{}],\"requests\":[]}",
    "{\"type\":\"usage_taken\",\"process\":\"4f1e\",\"sequence\":7}",
    "{\"type\":\"pace\",\"report_ms\":1000}",
    "{\"type\":\"state\",\"as_of\":1790000000000}",
    "{\"type\":\"edges\",\"jws\":\"a.b.c\"}",
    "{\"type\":\"controls\",\"controls\":[{\"address\":\"a.example:443\","
    "\"server_name\":\"api.a.example\"}]}",
    "{\"type\":\"load\",\"connections\":9,\"tunnels\":2,\"requests_per_second\":40,"
    "\"cpu_percent\":12,\"memory_bytes\":50000000,\"environments\":3}",
    "{\"type\":\"anchors\",\"anchors\":\"PEM\\n\",\"issuer\":\"ab\",\"renew_within_ms\":5000}",
    "{\"type\":\"trust\",\"anchors\":\"ab\",\"root\":\"cd\"}",
    "{\"type\":\"ping\"}",
};
#define TEXT_COUNT (sizeof(texts) / sizeof(texts[0]))

static void test_every_type_reads_and_writes_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct feed_message message;
        json_t *tree = NULL;
        assert_int_equal(json_parse(str_from(texts[i]), &tree, NULL), STATUS_OK);
        assert_int_equal(feed_message_read(tree, &message, NULL), STATUS_OK);
        assert_int_equal(message.type, FEED_MESSAGE_KEYS + i);
        json_t *written = feed_message_write(&message);
        assert_true(json_equal(tree, written));
        json_decref(written);
        json_decref(tree);
    }
}

static void test_missing_and_surplus_members_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct feed_message message;
        json_t *tree = NULL;
        const char *name;
        json_t *value;
        assert_int_equal(json_parse(str_from(texts[i]), &tree, NULL), STATUS_OK);
        json_object_foreach(tree, name, value) {
            json_t *less = json_copy(tree);
            json_object_del(less, name);
            assert_int_equal(feed_message_read(less, &message, NULL), STATUS_INVALID);
            json_decref(less);
        }
        json_object_set_new(tree, "surplus", json_true());
        assert_int_equal(feed_message_read(tree, &message, NULL), STATUS_INVALID);
        json_decref(tree);
    }
}

#define REPORT                                                                                     \
    "{\"type\":\"warpgate\",\"warpgate\":\"" WG "\",\"environment\":\"" ENV                        \
    "\",\"tunnels\":3,\"ip_address\":\"::1\",\"name\":\"box\",\"version\":\"0.1.0\","              \
    "\"applied_revision\":7,\"refused_code\":\"\""

static void test_upstreams_may_be_missing(void **state) {
    (void)state;
    struct feed_message message = {.upstream_count = 7};
    json_t *tree = NULL;
    assert_int_equal(json_parse(STR(REPORT "}"), &tree, NULL), STATUS_OK);
    assert_int_equal(feed_message_read(tree, &message, NULL), STATUS_OK);
    assert_int_equal(message.type, FEED_MESSAGE_WARPGATE);
    assert_int_equal(message.upstream_count, 0);
    json_decref(tree);
}

static void test_upstreams_read_and_write_the_same(void **state) {
    (void)state;
    struct feed_message message;
    json_t *tree = NULL;
    assert_int_equal(
        json_parse(STR(REPORT ",\"upstreams\":[{\"name\":\"default\",\"state\":\"up\"},"
                              "{\"name\":\"b\",\"state\":\"down\"}]}"),
                   &tree, NULL),
        STATUS_OK);
    assert_int_equal(feed_message_read(tree, &message, NULL), STATUS_OK);
    assert_int_equal(message.tunnels, 3);
    assert_int_equal(message.upstream_count, 2);
    json_t *written = feed_message_write(&message);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_object_set_new(tree, "upstreams", json_object());
    assert_int_equal(feed_message_read(tree, &message, NULL), STATUS_INVALID);
    json_decref(tree);
}

static void test_a_newer_type_is_ignored(void **state) {
    (void)state;
    struct feed_message message;
    json_t *tree = json_pack("{s:s,s:i}", "type", "weather", "degrees", 21);
    assert_int_equal(feed_message_read(tree, &message, NULL), STATUS_OK);
    assert_int_equal(message.type, FEED_MESSAGE_UNKNOWN);
    json_decref(tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_reads_and_writes_the_same),
        cmocka_unit_test(test_missing_and_surplus_members_are_refused),
        cmocka_unit_test(test_upstreams_may_be_missing),
        cmocka_unit_test(test_upstreams_read_and_write_the_same),
        cmocka_unit_test(test_a_newer_type_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
