#include "edge/edge_deadline.h"

#include "edge/edge_test_kit.h"

static struct kit *kit;

static int start(void **state) {
    (void)state;
    kit = kit_new();
    kit->timeouts = ",\"timeouts\":{\"connect_ms\":1000,\"first_byte_ms\":2000,\"idle_ms\":5000}";
    kit_configure(kit, 1);
    return 0;
}

static int stop(void **state) {
    (void)state;
    kit_free(kit);
    return 0;
}

static bool has_said(const char *text) {
    return strstr(kit->out, text) != NULL;
}

#define LIMIT_MS (1000 + 2000 + EDGE_DEADLINE_SLACK_MS)

static void the_route_says_how_long(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    kit_pass(kit, LIMIT_MS - 100);
    assert_int_equal(kit->out_len, 0);
    kit_pass(kit, 300);
    assert_true(has_said("\"upstream_timeout\""));
    assert_int_equal(at->cancelled_count, 1);
}

static void what_moves_is_not_silent(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 10\r\n\r\n");
    for (unsigned i = 0; i < 9; i++) {
        kit_pass(kit, LIMIT_MS - 500);
        kit_send(kit, "x");
    }
    assert_int_equal(kit->out_len, 0);
    assert_int_equal(at->received, 9);
    kit_pass(kit, LIMIT_MS + 300);
    assert_true(has_said("HTTP/1.1 408 "));
    assert_true(has_said("\"request_timeout\""));
}

static void a_visitor_whose_bytes_are_not_taken_is_not_to_blame(void **state) {
    (void)state;
    static char body[400001];
    memset(body, 'x', sizeof(body) - 1);
    kit_connect(kit, 0, KIT_HOLD)->is_full = true;
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 800000\r\n\r\n");
    kit_send(kit, body);
    kit_pass(kit, LIMIT_MS + 300);
    assert_true(has_said("\"upstream_timeout\""));
}

static void an_answer_may_pause_but_not_for_ever(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    for (unsigned i = 0; i < 5; i++) {
        kit_pass(kit, 4500);
        http_stream_send(at->stream, (const uint8_t *)"more", 4);
        kit_pump(kit);
    }
    assert_true(has_said("more"));
    assert_int_equal(at->cancelled_count, 0);
    kit_pass(kit, 5300);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
}

static void by_default_it_may(void **state) {
    (void)state;
    kit->timeouts = "";
    kit_configure(kit, 2);
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    for (unsigned i = 0; i < 24; i++) {
        kit_pass(kit, 3600000);
    }
    assert_int_equal(at->cancelled_count, 0);
    assert_int_equal(kit->worker.wheel.count, 0);
}

static void timeouts_put_an_upstream_aside(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    for (unsigned i = 0; i < EDGE_WARPGATE_TIMEOUTS; i++) {
        assert_int_equal(at->tunnel.warpgate->upstreams[0].timeout_count, i);
        kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
        kit_pass(kit, LIMIT_MS + 300);
    }
    assert_int_equal(at->tunnel.warpgate->upstreams[0].ejection_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_route_says_how_long),
        TEST(what_moves_is_not_silent),
        TEST(a_visitor_whose_bytes_are_not_taken_is_not_to_blame),
        TEST(an_answer_may_pause_but_not_for_ever),
        TEST(by_default_it_may),
        TEST(timeouts_put_an_upstream_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
