/* h1_upgrade_test.c: who asks for a WebSocket, and who grants it. */
#include "http/h1_upgrade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

struct request_case {
    const char *method;
    enum http_version version;
    bool is_nominated;
    const char *upgrade;
    const char *websocket_version;
    const char *key;
    bool has_body;
    unsigned answer;
    bool is_websocket;
};

static const struct request_case requests[] = {
    {"GET", HTTP_VERSION_11, true, "websocket", "13", KEY, false, 0, true},
    {"GET", HTTP_VERSION_11, true, " WebSocket,", "13", KEY, false, 0, true},
    {"GET", HTTP_VERSION_11, true, "websocket", "13", KEY, true, 400, false},
    {"GET", HTTP_VERSION_11, true, "websocket", "12", KEY, false, 426, false},
    {"GET", HTTP_VERSION_11, true, "websocket", NULL, KEY, false, 426, false},
    {"GET", HTTP_VERSION_11, true, "websocket", "13", "short", false, 400, false},
    {"GET", HTTP_VERSION_11, true, "websocket", "13", NULL, false, 400, false},
    /* ordinary requests */
    {"GET", HTTP_VERSION_11, false, "websocket", "13", KEY, false, 0, false},
    {"GET", HTTP_VERSION_11, true, "h2c", "13", KEY, true, 0, false},
    {"GET", HTTP_VERSION_11, true, "h2c, WebSocket", "13", KEY, false, 0, false},
    {"GET", HTTP_VERSION_11, true, "websockets", "13", KEY, false, 0, false},
    {"GET", HTTP_VERSION_10, true, "websocket", "13", KEY, false, 0, false},
    {"POST", HTTP_VERSION_11, true, "websocket", "13", KEY, true, 0, false},
};

static void take(struct h1_upgrade *upgrade, const char *name, const char *value) {
    if (value != NULL) {
        h1_upgrade_take(upgrade, str_from(name), str_from(value));
    }
}

static void requests_are_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct request_case *c = &requests[i];
        struct h1_upgrade upgrade = {.is_nominated = c->is_nominated};
        struct http_head head = {.method = str_from(c->method), .version = c->version};
        struct why why = {0};
        take(&upgrade, "upgrade", c->upgrade);
        take(&upgrade, "sec-websocket-version", c->websocket_version);
        take(&upgrade, "sec-websocket-key", c->key);
        assert_int_equal(h1_upgrade_judge_request(&upgrade, &head, c->has_body, &why), c->answer);
        assert_int_equal(head.protocol.len > 0, c->is_websocket);
        assert_int_equal(why.slug[0] != 0, c->answer != 0);
    }
}

static void what_is_repeated_is_refused(void **state) {
    (void)state;
    struct h1_upgrade upgrade = {.is_nominated = true};
    struct http_head head = {.method = STR("GET"), .version = HTTP_VERSION_11};
    struct why why;
    take(&upgrade, "upgrade", "websocket");
    take(&upgrade, "sec-websocket-version", "13");
    take(&upgrade, "sec-websocket-key", KEY);
    take(&upgrade, "sec-websocket-key", KEY);
    assert_int_equal(h1_upgrade_judge_request(&upgrade, &head, false, &why), 400);
    upgrade.key_count = 1;
    take(&upgrade, "sec-websocket-version", "13");
    assert_int_equal(h1_upgrade_judge_request(&upgrade, &head, false, &why), 426);
}

static bool is_switch(bool is_nominated, const char *protocol, const char *accept,
                      const char *expected) {
    struct h1_upgrade upgrade = {.is_nominated = is_nominated};
    take(&upgrade, "upgrade", protocol);
    take(&upgrade, "sec-websocket-accept", accept);
    return h1_upgrade_is_switch(&upgrade, str_from(expected));
}

static void only_what_was_asked_for_is_switched_to(void **state) {
    (void)state;
    assert_true(is_switch(true, "websocket", "x", "x"));
    assert_true(is_switch(true, "WebSocket", "x", "x"));
    assert_false(is_switch(false, "websocket", "x", "x"));
    assert_false(is_switch(true, "h2c", "x", "x"));
    assert_false(is_switch(true, "websocket, h2c", "x", "x"));
    assert_false(is_switch(true, NULL, "x", "x"));
    assert_false(is_switch(true, "websocket", "X", "x"));
    assert_false(is_switch(true, "websocket", NULL, "x"));
    assert_false(is_switch(true, "websocket", "", ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_judged),
        cmocka_unit_test(what_is_repeated_is_refused),
        cmocka_unit_test(only_what_was_asked_for_is_switched_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
