/* edge_switch_test.c: a WebSocket through the edge, and its end when the edge must end. */
#include "edge/edge_switch.h"

#include "edge/edge_test_case.h"

#define ASK                                                                                        \
    "GET /app HTTP/1.1\r\nHost: " KIT_HOST                                                         \
    "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"               \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define HELLO "\x81\x85\0\0\0\0hello" /* one whole text frame, masked with nothing */
#define HELLO_LEN 11

/* What the visitor got after the head of the answer. */
static const char *body(size_t *len) {
    const char *at = strstr(kit->out, "\r\n\r\n");
    assert_non_null(at);
    *len = kit->out_len - (size_t)(at + 4 - kit->out);
    return at + 4;
}

static void say(struct kit_tunnel *at, const char *bytes, size_t len) {
    http_stream_send(at->stream, (const uint8_t *)bytes, len);
    kit_pump(kit);
}

static struct kit_tunnel *open_websocket(void) {
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_SWITCH);
    kit_send(kit, ASK);
    assert_true(has_said("HTTP/1.1 101 "));
    assert_true(has_said("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_int_equal(kit->worker.wheel.count, 0);
    return at;
}

static void frames_go_both_ways(void **state) {
    size_t len;
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_send_bytes(kit, HELLO, HELLO_LEN);
    assert_int_equal(at->received, HELLO_LEN);
    say(at, "\x82\1x", 3);
    assert_memory_equal(body(&len), "\x82\1x", 3);
    assert_int_equal(len, 3);
    kit_pass(kit, 24 * 3600000); /* idle for a day */
    kit_send_bytes(kit, HELLO, HELLO_LEN);
    assert_int_equal(at->received, 2 * HELLO_LEN);
}

static void what_comes_before_the_101_is_held(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, ASK);
    kit_send_bytes(kit, HELLO, HELLO_LEN);
    assert_int_equal(at->received, 0);
    at->mode = KIT_SWITCH;
    kit_answer(at);
    kit_pump(kit);
    assert_int_equal(at->received, HELLO_LEN);
}

static void and_never_sent_if_there_is_none(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, ASK);
    kit_send(kit, "GET /app/smuggled HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    at->mode = KIT_ANSWER;
    kit_answer(at);
    kit_pump(kit);
    assert_true(has_said("HTTP/1.1 200 "));
    assert_int_equal(at->received, 0);
    assert_int_equal(at->request_count, 1);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
}

static void declined_is_an_ordinary_answer(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    kit_send(kit, ASK);
    assert_true(has_said("HTTP/1.1 200 "));
    assert_true(has_said("hello"));
    assert_int_equal(at->end_count, 1);
    assert_int_equal(at->tunnel.exchange_count, 0);
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n"); /* the connection lives */
    assert_int_equal(at->request_count, 2);
}

static void one_that_is_lost_is_asked_for_again(void **state) {
    (void)state;
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, ASK);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_SWITCH);
    kit_lose(first);
    kit_pump(kit);
    assert_int_equal(second->request_count, 1);
    assert_true(has_said("HTTP/1.1 101 "));
}

static void each_end_may_end_it(void **state) {
    (void)state;
    struct kit_tunnel *at = open_websocket();
    http_stream_end(at->stream, NULL);
    kit_pump(kit);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
    kit_leave(kit);
    kit_pump(kit);
    assert_null(at->stream);
    assert_int_equal(at->tunnel.exchange_count, 0);
}

#define CLOSE_TO_VISITOR "\x88\2\x03\xe9" /* 1001 */

/* After `passed` bytes: a masked Close with 1001, and the end. */
static void expect_workload_told(const struct kit_tunnel *at, size_t passed) {
    const uint8_t *close = at->body + passed;
    assert_int_equal(at->received, passed + 8);
    assert_int_equal(close[0], 0x88);
    assert_int_equal(close[1], 0x82);
    assert_int_equal((close[6] ^ close[2]) << 8 | (close[7] ^ close[3]), 1001);
    assert_int_equal(at->end_count, 1);
}

static void when_the_edge_goes_both_are_told(void **state) {
    size_t len;
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_send_bytes(kit, HELLO, HELLO_LEN);
    say(at, "\x82\1x", 3);
    edge_switch_go_away(&kit->worker);
    kit_pump(kit);
    expect_workload_told(at, HELLO_LEN);
    assert_memory_equal(body(&len), "\x82\1x" CLOSE_TO_VISITOR, 7);
    assert_int_equal(len, 7);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
}

static void but_not_in_the_middle_of_a_frame(void **state) {
    size_t len;
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_send_bytes(kit, HELLO, 8);
    say(at, "\x82\4ab", 4);
    edge_switch_go_away(&kit->worker);
    kit_pump(kit);
    assert_int_equal(at->received, 8);
    (void)body(&len);
    assert_int_equal(len, 4);
    say(at, "cd\x82\1x", 5);
    assert_memory_equal(body(&len), "\x82\4abcd" CLOSE_TO_VISITOR, 10);
    assert_int_equal(len, 10);
    kit_send_bytes(kit, &HELLO[8], HELLO_LEN - 8);
    assert_memory_equal(at->body, HELLO, HELLO_LEN);
    expect_workload_told(at, HELLO_LEN);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
}

static void a_workload_that_ends_first_is_no_break(void **state) {
    size_t len;
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_send_bytes(kit, HELLO, 8);
    edge_switch_go_away(&kit->worker);
    kit_pump(kit);
    http_stream_release(at->stream);
    at->stream = NULL;
    kit_pump(kit);
    assert_memory_equal(body(&len), CLOSE_TO_VISITOR, 4);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
}

/* Two frames in one piece: what is behind the first one is dropped. */
static void nothing_follows_the_close(void **state) {
    static const uint8_t rest_and_more[] = "llo\x81\x85\0\0\0\0again";
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_send_bytes(kit, HELLO, 8);
    edge_switch_go_away(&kit->worker);
    kit_send_bytes(kit, rest_and_more, sizeof(rest_and_more) - 1);
    assert_int_equal(at->received, HELLO_LEN + 8);
    assert_memory_equal(at->body, HELLO, HELLO_LEN);
    assert_int_equal(at->body[HELLO_LEN], 0x88);
}

static void what_is_no_websocket_is_just_ended(void **state) {
    size_t len;
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_send(kit, "not a frame at all");
    edge_switch_go_away(&kit->worker);
    kit_pump(kit);
    assert_int_equal(at->received, 18);
    assert_int_equal(at->end_count, 1);
    (void)body(&len);
    assert_int_equal(len, 4); /* that direction was in order */
}

static void a_lost_tunnel_is_the_end(void **state) {
    (void)state;
    struct kit_tunnel *at = open_websocket();
    kit_lose(at);
    kit_pump(kit);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
    assert_true(list_is_empty(&kit->worker.switched));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(frames_go_both_ways),
        TEST(what_comes_before_the_101_is_held),
        TEST(and_never_sent_if_there_is_none),
        TEST(declined_is_an_ordinary_answer),
        TEST(one_that_is_lost_is_asked_for_again),
        TEST(each_end_may_end_it),
        TEST(when_the_edge_goes_both_are_told),
        TEST(but_not_in_the_middle_of_a_frame),
        TEST(a_workload_that_ends_first_is_no_break),
        TEST(nothing_follows_the_close),
        TEST(what_is_no_websocket_is_just_ended),
        TEST(a_lost_tunnel_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
