#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tunnel/tunnel_message.h"

static enum status read_text(const char *text, struct tunnel_message *message, struct why *why) {
    static json_t *tree; /* kept for the text that the message borrows */
    json_decref(tree);
    tree = NULL;
    assert_int_equal(json_parse(str_from(text), &tree, NULL), STATUS_OK);
    return tunnel_message_read(tree, message, why);
}

static void test_every_type_reads_and_writes_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"type\":\"bundle\",\"jws\":\"a.b.c\"}",
        "{\"type\":\"tunnels\",\"count\":8}",
        "{\"type\":\"drain\"}",
        "{\"type\":\"replace\"}",
        "{\"type\":\"revoked\",\"reason\":\"key_revoked\"}",
        "{\"type\":\"hello\",\"version\":\"0.1.0\",\"name\":\"box\",\"capabilities\":[\"probe\"],"
        "\"upstreams\":[\"default\"]}",
        "{\"type\":\"applied\",\"revision\":7}",
        "{\"type\":\"refused\",\"revision\":7,\"code\":\"bundle_foreign\",\"detail\":\"not ours\"}",
        "{\"type\":\"health\",\"upstreams\":[{\"name\":\"default\",\"state\":\"up\"},{\"name\":"
        "\"a\",\"state\":\"down\"},"
        "{\"name\":\"b\",\"state\":\"unknown\"}]}",
        "{\"type\":\"edges\",\"jws\":\"a.b.c\"}",
        "{\"type\":\"trust\",\"anchors\":\"ab\",\"root\":\"cd\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tunnel_message message;
        json_t *tree = NULL;
        assert_int_equal(json_parse(str_from(texts[i]), &tree, NULL), STATUS_OK);
        assert_int_equal(tunnel_message_read(tree, &message, NULL), STATUS_OK);
        assert_int_equal(message.type, TUNNEL_MESSAGE_BUNDLE + i);
        json_t *written = tunnel_message_write(&message);
        assert_true(json_equal(tree, written));
        json_decref(written);
        json_decref(tree);
    }
}

static void test_health_states_are_told_apart(void **state) {
    (void)state;
    struct tunnel_message message;
    assert_int_equal(
        read_text("{\"type\":\"health\",\"upstreams\":[{\"name\":\"a\",\"state\":\"up\"},"
                  "{\"name\":\"b\",\"state\":\"unknown\"}]}",
                  &message, NULL),
        STATUS_OK);
    assert_int_equal(message.upstream_count, 2);
    assert_true(message.upstreams[0].is_up && message.upstreams[0].is_known);
    assert_false(message.upstreams[1].is_up || message.upstreams[1].is_known);
}

static void test_a_newer_type_is_ignored(void **state) {
    (void)state;
    struct tunnel_message message;
    assert_int_equal(read_text("{\"type\":\"weather\",\"sun\":true}", &message, NULL), STATUS_OK);
    assert_int_equal(message.type, TUNNEL_MESSAGE_UNKNOWN);
}

static void test_wrong_messages_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"type\":7}",
        "{\"type\":\"bundle\"}",
        "{\"type\":\"bundle\",\"jws\":\"\"}",
        "{\"type\":\"bundle\",\"jws\":\"a\",\"more\":1}",
        "{\"type\":\"tunnels\",\"count\":0}",
        "{\"type\":\"tunnels\",\"count\":9}",
        "{\"type\":\"drain\",\"now\":true}",
        "{\"type\":\"applied\",\"revision\":-1}",
        "{\"type\":\"hello\",\"version\":\"a "
        "b\",\"name\":\"n\",\"capabilities\":[],\"upstreams\":[]}",
        "{\"type\":\"hello\",\"version\":\"1\",\"name\":\"n\",\"capabilities\":[1],\"upstreams\":[]"
        "}",
        "{\"type\":\"hello\",\"version\":\"1\",\"name\":\"n\",\"capabilities\":{},\"upstreams\":[]"
        "}",
        "{\"type\":\"hello\",\"version\":\"1\",\"name\":\"n\",\"capabilities\":[],\"upstreams\":[1]"
        "}",
        "{\"type\":\"hello\",\"version\":\"1\",\"name\":\"n\",\"capabilities\":[],\"upstreams\":["
        "\"A B\"]}",
        "{\"type\":\"health\",\"upstreams\":[{\"name\":\"a\",\"state\":\"sick\"}]}",
        "{\"type\":\"health\",\"upstreams\":[{\"name\":\"a\"}]}",
        "{\"type\":\"health\",\"upstreams\":{}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tunnel_message message;
        struct why why = {.slug = ""};
        assert_int_equal(read_text(texts[i], &message, &why), STATUS_INVALID);
        assert_true(why.slug[0] != '\0');
    }
}

static void test_upstreams_are_bounded(void **state) {
    (void)state;
    struct tunnel_message message;
    json_t *tree = json_pack("{s:s,s:s,s:s,s:[],s:[]}", "type", "hello", "version", "1", "name",
                             "n", "capabilities", "upstreams");
    for (size_t i = 0; i < TUNNEL_UPSTREAMS_MAX; i++) {
        json_array_append_new(json_object_get(tree, "upstreams"), json_string("a"));
    }
    assert_int_equal(tunnel_message_read(tree, &message, NULL), STATUS_OK);
    assert_int_equal(message.upstream_count, TUNNEL_UPSTREAMS_MAX);
    json_array_append_new(json_object_get(tree, "upstreams"), json_string("a"));
    assert_int_equal(tunnel_message_read(tree, &message, NULL), STATUS_INVALID);
    json_decref(tree);
}

static int drop_tree(void **state) {
    struct tunnel_message message;
    (void)state;
    return read_text("{\"type\":\"drain\"}", &message, NULL) == STATUS_OK ? 0 : 1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_reads_and_writes_the_same),
        cmocka_unit_test(test_health_states_are_told_apart),
        cmocka_unit_test(test_a_newer_type_is_ignored),
        cmocka_unit_test(test_wrong_messages_are_refused),
        cmocka_unit_test(test_upstreams_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, drop_tree);
}
