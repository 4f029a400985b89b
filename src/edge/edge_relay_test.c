/* edge_relay_test.c: bytes across, and those that nobody reads. */
#include "edge/edge_relay.h"

#include "base/memory.h"
#include "edge/edge_test_case.h"

static void inform(struct kit_tunnel *at, unsigned status) {
    const struct http_head head = {.status = status};
    http_stream_send_head(at->stream, &head, false);
    kit_pump(kit);
}

static void interim_answers_pass(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, KIT_GET);
    inform(at, 100);
    assert_int_equal(kit->out_len, 0); /* the edge's own business */
    inform(at, 103);
    assert_true(has_said("HTTP/1.1 103 "));
    at->mode = KIT_ANSWER;
    kit_answer(at);
    kit_pump(kit);
    assert_true(has_said("HTTP/1.1 200 "));
}

static void old_visitors_know_no_interim_answers(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, "GET /app HTTP/1.0\r\nHost: " KIT_HOST "\r\n\r\n");
    inform(at, 103);
    assert_int_equal(kit->out_len, 0);
    at->mode = KIT_ANSWER;
    kit_answer(at);
    kit_pump(kit);
    assert_true(has_said(" 200 "));
    assert_true(has_said("hello"));
}

static void say(struct kit_tunnel *at, size_t len) {
    static const uint8_t bytes[65536];
    assert_true(len <= sizeof(bytes));
    http_stream_send(at->stream, bytes, len);
    kit_pump(kit);
}

static void a_byte_now_and_then_is_not_reading(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, KIT_GET);
    say(at, 30000);
    struct edge_request *request =
        CONTAINER_OF(kit->worker.unread.next, struct edge_request, unread.node);
    for (unsigned i = 0; i < 5; i++) {
        edge_relay_visitor_events.on_sent(request, 1);
        kit_pass(kit, EDGE_STALL_MS / 6);
    }
    assert_int_equal(at->cancelled_count, 0);
    kit_pass(kit, EDGE_STALL_MS / 6);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(kit->visitor.unread_bytes, 0);
    assert_int_equal(kit->worker.unread_bytes, 0);
}

static void slow_reading_is(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, KIT_GET);
    say(at, 40000);
    struct edge_request *request =
        CONTAINER_OF(kit->worker.unread.next, struct edge_request, unread.node);
    for (unsigned i = 0; i < 8; i++) {
        edge_relay_visitor_events.on_sent(request, 4096);
        kit_pass(kit, EDGE_STALL_MS - 1000);
    }
    assert_int_equal(at->cancelled_count, 0);
}

static void much_on_one_connection_is_held_for_less_time(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, KIT_GET);
    kit->visitor.unread_bytes += EDGE_VISITOR_UNREAD_BYTES_MAX; /* in other streams */
    kit_pass(kit, EDGE_STALL_HEAVY_MS - 500);
    assert_int_equal(at->cancelled_count, 0);
    kit_pass(kit, 500);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(kit->visitor.unread_bytes, EDGE_VISITOR_UNREAD_BYTES_MAX);
    kit->visitor.unread_bytes = 0;
}

static void under_pressure_for_the_least(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, KIT_GET);
    kit->worker.unread_bytes += EDGE_UNREAD_BYTES_MAX;
    kit_pass(kit, EDGE_STALL_PRESSED_MS - 500);
    assert_int_equal(at->cancelled_count, 0);
    kit_pass(kit, 500);
    assert_int_equal(at->cancelled_count, 1);
    kit->worker.unread_bytes -= EDGE_UNREAD_BYTES_MAX;
}

static void what_a_visitor_gives_up_is_given_up(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit_send(kit, KIT_GET);
    kit_leave(kit);
    kit_pump(kit);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(at->tunnel.exchange_count, 0);
}

static void the_largest_go_first(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, KIT_GET);
    edge_relay_cut_largest(&kit->worker, 1);
    kit_pump(kit);
    assert_int_equal(at->cancelled_count, 1);
    edge_relay_cut_largest(&kit->worker, 1); /* nothing is left */
}

/* Visitors of HTTP/2 */

struct answer {
    struct http_stream *stream;
    unsigned status;
    char body[4096];
    size_t len;
    bool is_ended, is_closed;
    enum http_close reason;
};

static void on_head(void *owner, const struct http_head *head, bool is_end) {
    (void)is_end;
    ((struct answer *)owner)->status = head->status;
}

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct answer *answer = owner;
    assert_true(answer->len + len < sizeof(answer->body));
    memcpy(answer->body + answer->len, bytes, len);
    answer->len += len;
    http_stream_consumed(answer->stream, len);
}

static void on_end(void *owner, const struct http_fields *trailers) {
    (void)trailers;
    ((struct answer *)owner)->is_ended = true;
}

static void on_closed(void *owner, enum http_close reason) {
    ((struct answer *)owner)->is_closed = true;
    ((struct answer *)owner)->reason = reason;
}

static void ask(struct answer *answer, const char *protocol) {
    static const struct http_stream_events events = {
        .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_closed = on_closed};
    const struct http_head head = {.method = STR("GET"),
                                   .scheme = STR("https"),
                                   .authority = STR(KIT_HOST),
                                   .path = STR("/app"),
                                   .protocol = str_from(protocol)};
    *answer = (struct answer){0};
    answer->stream = h2_session_open(kit->client, &head, protocol[0] == '\0', &events, answer);
    assert_non_null(answer->stream);
    kit_pump(kit);
}

static void who_cancels_too_often_loses_the_connection(void **state) {
    struct answer answer;
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_speak_h2(kit);
    ask(&answer, "");
    http_stream_release(answer.stream);
    kit_pump(kit);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_not_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
    while (edge_offence_charge(&kit->worker.offences, kit->visitor.ip_address,
                               loop_now_ms(kit->loop))) {
        /* by other connections of the same address */
    }
    ask(&answer, "");
    http_stream_release(answer.stream);
    kit_pump(kit);
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
    assert_int_equal(at->tunnel.exchange_count, 0);
}

static void answers_that_came_are_no_offence(void **state) {
    struct answer answer;
    (void)state;
    (void)kit_connect(kit, 0, KIT_ANSWER);
    kit_speak_h2(kit);
    while (edge_offence_charge(&kit->worker.offences, kit->visitor.ip_address,
                               loop_now_ms(kit->loop))) {
    }
    for (unsigned i = 0; i < 5; i++) {
        ask(&answer, "");
        assert_int_equal(answer.status, 200);
        assert_true(answer.is_ended && answer.is_closed);
        assert_int_equal(answer.reason, HTTP_CLOSE_DONE);
    }
}

/* A 2xx would mean yes. */
static void a_declined_upgrade_is_an_error_over_http2(void **state) {
    struct answer answer;
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    kit_speak_h2(kit);
    ask(&answer, "websocket");
    assert_int_equal(answer.status, 502);
    answer.body[answer.len] = '\0';
    assert_non_null(strstr(answer.body, "upgrade_declined"));
    assert_true(answer.is_ended);
    assert_int_equal(at->tunnel.exchange_count, 0);
}

static void a_websocket_over_http2_ends_with_its_tunnel(void **state) {
    struct answer answer;
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_SWITCH);
    kit_speak_h2(kit);
    ask(&answer, "websocket");
    assert_int_equal(answer.status, 101);
    kit_lose(at);
    kit_pump(kit);
    assert_true(answer.is_closed);
    assert_memory_equal(answer.body, "\x88\x02\x03\xe9", 4);
    assert_true(list_is_empty(&kit->worker.switched));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(interim_answers_pass),
        TEST(old_visitors_know_no_interim_answers),
        TEST(a_byte_now_and_then_is_not_reading),
        TEST(slow_reading_is),
        TEST(much_on_one_connection_is_held_for_less_time),
        TEST(under_pressure_for_the_least),
        TEST(what_a_visitor_gives_up_is_given_up),
        TEST(the_largest_go_first),
        TEST(who_cancels_too_often_loses_the_connection),
        TEST(answers_that_came_are_no_offence),
        TEST(a_declined_upgrade_is_an_error_over_http2),
        TEST(a_websocket_over_http2_ends_with_its_tunnel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
