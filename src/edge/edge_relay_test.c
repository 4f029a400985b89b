/* edge_relay_test.c: bytes across, and those that nobody reads. */
#include "edge/edge_relay.h"

#include "base/memory.h"
#include "edge/edge_test_kit.h"

#define GET "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n"

static struct kit *kit;

static int start(void **state) {
    (void)state;
    kit = kit_new();
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

static void inform(struct kit_tunnel *at, unsigned status) {
    const struct http_head head = {.status = status};
    http_stream_send_head(at->stream, &head, false);
    kit_pump(kit);
}

static void interim_answers_pass(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, GET);
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
    kit_send(kit, GET);
    say(at, 30000);
    struct edge_request *request =
        CONTAINER_OF(kit->worker.unread.next, struct edge_request, unread_node);
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
    kit_send(kit, GET);
    say(at, 40000);
    struct edge_request *request =
        CONTAINER_OF(kit->worker.unread.next, struct edge_request, unread_node);
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
    kit_send(kit, GET);
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
    kit_send(kit, GET);
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
    kit_send(kit, GET);
    kit_leave(kit);
    kit_pump(kit);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(at->tunnel.exchange_count, 0);
}

static void the_largest_go_first(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, GET);
    edge_relay_cut_largest(&kit->worker, 1);
    kit_pump(kit);
    assert_int_equal(at->cancelled_count, 1);
    edge_relay_cut_largest(&kit->worker, 1); /* nothing is left */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
