/* edge_request_test.c: requests from the visitor's bytes to a warpgate's and back: all steps, and what can go wrong in each. */
#include "base/memory.h"
#include "edge/edge_test_case.h"

#define GET "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n"

static void expect_answer(unsigned status, const char *code) {
    char line[32];
    char member[64];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    (void)snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
    if (strncmp(kit->out, line, strlen(line)) != 0 || !has_said(member)) {
        fail_msg("wanted %u %s, got: %s", status, code, kit->out);
    }
}

static void a_request_goes_through(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    kit_send(kit, "GET /app/x?y=%2F HTTP/1.1\r\nHost: Demo.example.net:8443\r\nAccept: */*\r\n"
                  "X-Forwarded-For: 6.6.6.6\r\nWarpgate-User: root\r\nmezusphere_environment: x\r\n"
                  "\r\n");
    assert_non_null(strstr(at->text, "GET Demo.example.net:8443 /app/x?y=%2F accept */* "
                                     "x-forwarded-for 192.0.2.1 warpgate-request-id req_"));
    assert_non_null(strstr(at->text, "mezusphere-environment " KIT_ENVIRONMENT));
    assert_null(strstr(at->text, "6.6.6.6"));
    assert_null(strstr(at->text, "root"));
    assert_true(has_said("HTTP/1.1 200 "));
    assert_true(has_said("content-type: text/plain"));
    assert_true(has_said("hello"));
    assert_false(has_said("forged"));
    assert_int_equal(at->tunnel.waiting_count, 0);
}

static void requests_follow_each_other(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    kit_send(kit, GET "\r\n" GET "\r\n");
    assert_int_equal(at->request_count, 2);
}

static void bodies_and_trailers_stream_both_ways(void **state) {
    (void)state;
    static char body[300000];
    char head[256];
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ECHO);
    memset(body, 'x', sizeof(body) - 1);
    (void)snprintf(head, sizeof(head),
                   "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "%zx\r\n",
                   strlen(body));
    kit_send(kit, head);
    assert_int_equal(at->request_count, 1); /* before any of the body */
    for (size_t i = 0; i < strlen(body); i += 4096) {
        struct str part = str_sub(str_from(body), i, 4096);
        kit->engine->ops->feed(kit->engine, (const uint8_t *)part.at, part.len);
        kit_pump(kit);
    }
    kit_send(kit, "\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    assert_int_equal(at->received, strlen(body));
    assert_int_equal(at->end_count, 1);
    assert_true(kit->out_len > strlen(body));
    assert_true(has_said("x-sum: 1"));
    assert_false(has_said("6.6.6.6"));
}

static void the_edge_answers_expectations(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST
                  "\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_true(has_said("HTTP/1.1 100 "));
    assert_null(strstr(at->text, "expect"));
}

static void policy_refuses(void **state) {
    (void)state;
    static const struct {
        const char *request;
        unsigned status;
        const char *code;
    } cases[] = {
        {"GET /app HTTP/1.1\r\nHost: other.example.net\r\n\r\n", 421, "host_not_served"},
        {"GET /app HTTP/1.1\r\nHost: a..b\r\n\r\n", 400, "bad_request"},
        {"TRACE /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n", 501, "method_unsupported"},
        {"GET /app//x HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n", 400, "bad_path"},
        {"GET /api HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n", 404, "no_route"},
    };
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        kit->out_len = 0;
        kit_send(kit, cases[i].request);
        expect_answer(cases[i].status, cases[i].code);
    }
    assert_int_equal(at->request_count, 0);
}

static void a_refused_body_is_taken_in(void **state) {
    (void)state;
    kit_send(kit, "POST /api HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 5\r\n\r\n12345" GET
                  "\r\n");
    expect_answer(404, "no_route");
}

static void an_environment_may_be_off_or_gone(void **state) {
    (void)state;
    struct why why = {0};
    assert_int_equal(kit_offer(kit, KIT_HOST, 2, false, &why), STATUS_OK);
    kit_send(kit, GET "\r\n");
    expect_answer(503, "environment_disabled");
    edge_environment_remove(kit_environment(kit));
    kit->out_len = 0;
    kit_send(kit, GET "\r\n");
    expect_answer(421, "host_not_served");
}

static void no_warpgate_no_service(void **state) {
    (void)state;
    kit_send(kit, GET "\r\n");
    expect_answer(503, "no_warpgate");
    assert_true(has_said("retry-after: "));
}

static void warpgates_answer_in_their_own_name(void **state) {
    (void)state;
    static const struct {
        const char *slug;
        unsigned status;
        const char *code;
    } cases[] = {
        {"upstream_refused", 502, "upstream_refused"},
        {"upstream_busy", 503, "upstream_busy"},
        {"upstream_timeout", 504, "upstream_timeout"},
        {"environment_mismatch", 403, "second_line_refused"},
        {"wrong_host", 421, "host_not_served"},
        {"of_a_later_version", 502, "warpgate_lost"},
    };
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ERROR);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        kit->out_len = 0;
        at->slug = cases[i].slug;
        kit_send(kit, GET "\r\n");
        expect_answer(cases[i].status, cases[i].code);
        assert_int_equal(at->request_count, i + 1); /* none of these is tried again */
    }
    assert_false(has_said("mezusphere-error"));
}

static void stale_connections_are_tried_once_more(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ERROR);
    at->slug = "upstream_stale";
    kit_send(kit, GET "\r\n");
    expect_answer(502, "upstream_closed");
    assert_int_equal(at->request_count, 2);
    kit->out_len = 0;
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 0\r\n\r\n");
    expect_answer(502, "upstream_closed");
    assert_int_equal(at->request_count, 3);
}

static void a_lost_tunnel_is_replaced_by_another(void **state) {
    (void)state;
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, GET "\r\n");
    assert_int_equal(first->request_count, 1);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    kit_lose(first);
    kit_pump(kit);
    assert_int_equal(second->request_count, 1);
    assert_true(has_said("hello"));
}

static void what_may_have_happened_is_not_repeated(void **state) {
    (void)state;
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 0\r\n\r\n");
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    kit_lose(first);
    kit_pump(kit);
    expect_answer(502, "warpgate_lost");
    assert_int_equal(second->request_count, 0);
}

/* The tunnel stands: it was this answer, and it would be so again. */
static void an_exchange_that_the_warpgate_resets_is_not_repeated(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, GET "\r\n");
    struct http_stream *stream = at->stream;
    at->stream = NULL;
    http_stream_release(stream);
    kit_pump(kit);
    expect_answer(502, "upstream_closed");
    assert_int_equal(at->request_count, 1);
}

/* It is most likely being restarted. */
static void the_last_tunnel_is_lost(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, GET "\r\n");
    kit_lose(at);
    kit_pump(kit);
    assert_int_equal(kit->out_len, 0);
    at = kit_connect(kit, 1, KIT_ANSWER);
    kit_turn(kit);
    assert_int_equal(at->request_count, 1);
    assert_true(has_said("hello"));
}

static void a_broken_response_is_seen_to_be_broken(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit_send(kit, GET "\r\n");
    assert_true(has_said("hello"));
    kit_lose(at);
    kit_pump(kit);
    assert_false(has_said("0\r\n\r\n"));
    assert_int_equal(kit->engine->ops->phase(kit->engine), ENGINE_DONE);
}

static void silence_ends_in_504(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, GET "\r\n");
    kit_pass(kit, BUNDLE_CONNECT_MS + BUNDLE_FIRST_BYTE_MS + EDGE_DEADLINE_SLACK_MS - 100);
    assert_int_equal(kit->out_len, 0);
    kit_pass(kit, 300);
    expect_answer(504, "upstream_timeout");
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(kit->worker.wheel.count, 0);
}

static void visitors_that_go_are_not_waited_for(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_send(kit, GET "\r\n");
    assert_int_equal(at->tunnel.waiting_count, 1);
    kit_leave(kit);
    kit_pump(kit);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(at->tunnel.waiting_count, 0);
    assert_int_equal(at->tunnel.exchange_count, 0);
    assert_int_equal(kit->worker.wheel.count, 0);
}

static void answers_that_nobody_reads_are_cut(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, GET "\r\n");
    assert_int_equal(kit->worker.unread_bytes, 5);
    kit_pass(kit, EDGE_STALL_MS - 1000);
    assert_int_equal(at->cancelled_count, 0);
    kit_pass(kit, 1000);
    assert_int_equal(at->cancelled_count, 1);
    assert_int_equal(kit->worker.unread_bytes, 0);
    assert_true(list_is_empty(&kit->worker.unread));
}

static void what_was_read_does_not_count(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_HEAD);
    kit_send(kit, GET "\r\n");
    assert_int_equal(kit->worker.unread_bytes, 0);
    assert_true(list_is_empty(&kit->worker.unread));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_request_goes_through),
        TEST(requests_follow_each_other),
        TEST(bodies_and_trailers_stream_both_ways),
        TEST(the_edge_answers_expectations),
        TEST(policy_refuses),
        TEST(a_refused_body_is_taken_in),
        TEST(an_environment_may_be_off_or_gone),
        TEST(no_warpgate_no_service),
        TEST(warpgates_answer_in_their_own_name),
        TEST(stale_connections_are_tried_once_more),
        TEST(a_lost_tunnel_is_replaced_by_another),
        TEST(what_may_have_happened_is_not_repeated),
        TEST(an_exchange_that_the_warpgate_resets_is_not_repeated),
        TEST(the_last_tunnel_is_lost),
        TEST(a_broken_response_is_seen_to_be_broken),
        TEST(silence_ends_in_504),
        TEST(visitors_that_go_are_not_waited_for),
        TEST(answers_that_nobody_reads_are_cut),
        TEST(what_was_read_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
