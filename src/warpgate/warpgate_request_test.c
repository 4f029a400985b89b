/* A request through a whole agent, from a real edge to a real workload. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_test_kit.h"

static void test_a_request_goes_through_byte_for_byte(void **state) {
    (void)state;
    const struct http_field field = {STR("x-test"), STR("yes")};
    ask("GET", "Demo.Example.NET:8443", "/echo/a%20b?x=%2e%2e/&y", &field);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(exchange.error, "");
    assert_int_equal(exchange.informational_count, 1);
    assert_true(body_has("GET /echo/a%20b?x=%2e%2e/&y host=Demo.Example.NET:8443\n"));
    assert_true(body_has("x-test: yes\n"));
    assert_false(body_has("mezusphere-environment"));
    assert_string_equal(exchange.seen_field, "echo");
    assert_true(strncmp(world.authorization, "Bearer ", 7) == 0);
    assert_string_equal(world.authorization + 7, world.token.text);
}

static void test_platform_names_do_not_pass(void **state) {
    (void)state;
    static const struct http_field fields[] = {
        {STR_INIT("warpgate-user"), STR_INIT("root")},
        {STR_INIT("mezusphere-x"), STR_INIT("1")},
        {STR_INIT("x_forwarded_for"), STR_INIT("1.2.3.4")},
        {STR_INIT("forwarded"), STR_INIT("for=1.2.3.4")},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        ask("GET", WORLD_HOST, "/echo", &fields[i]);
        assert_int_equal(exchange.status, 200);
        char line[64];
        (void)snprintf(line, sizeof line, "\n%s: ", fields[i].name.at);
        assert_false(body_has(line));
    }
    const struct http_field ours = {STR("x-forwarded-for"), STR("192.0.2.1")};
    ask("GET", WORLD_HOST, "/echo", &ours);
    assert_true(body_has("x-forwarded-for: 192.0.2.1\n"));
}

static void test_the_second_line_refuses_what_the_edge_let_through(void **state) {
    (void)state;
    const struct http_field foreign = {STR(FIELD_TUNNEL_ENVIRONMENT),
                                       STR("env_01jd3m8k6vq2x7r9t4w5y6z8ab")};
    (void)snprintf(world.routes, sizeof(world.routes), "%s",
                   WORLD_ROUTE("a", "prefix", "/echo", "default"));
    world_sign(2);
    world_send_bundle(world_last_tunnel());
    assert_true(world_until(world_is_connected));
    expect_error(WORLD_HOST, "/secret", 404, "no_route");
    expect_error(WORLD_HOST, "/echo/../secret", 400, "bad_path");
    expect_error(WORLD_HOST, "/echo/%2e%2e/secret", 400, "bad_path");
    expect_error("other.example.net", "/echo", 421, "wrong_host");
    ask("GET", WORLD_HOST, "/echo", &foreign);
    assert_int_equal(exchange.status, 421);
    assert_string_equal(exchange.error, "environment_mismatch");
    world.is_enabled = false;
    world_sign(3);
    world_send_bundle(world_last_tunnel());
    assert_true(world_until(world_is_connected));
    expect_error(WORLD_HOST, "/echo", 503, "environment_disabled");
    assert_int_equal(world.conn_count,
                     1); /* the first look at the workload's health, and nothing else */
}

static void test_only_declared_upstreams_are_dialled(void **state) {
    (void)state;
    expect_error(WORLD_HOST, "/other/x", 502, "upstream_undeclared");
    expect_error(WORLD_HOST, "/dead/x", 502, "upstream_refused");
}

static bool has_sent_all(void) {
    return exchange.stream == NULL || exchange.sent_bytes >= exchange.body_bytes;
}

static void test_bodies_and_trailers_stream_both_ways(void **state) {
    (void)state;
    struct http_field field = {STR("x-sum"), STR("42")};
    const struct http_fields trailers = {.at = &field, .count = 1, .cap = 1};
    static uint8_t bytes[65536];
    const size_t total = (size_t)16 << 20;
    memset(bytes, 'x', sizeof(bytes));
    world_open(&exchange, "POST", WORLD_HOST, "/echo", NULL, false);
    exchange.keeps_body = false;
    size_t sent = 0;
    while (sent < total && exchange.stream != NULL) {
        if (sent - exchange.sent_bytes < (1u << 20)) {
            http_stream_send(exchange.stream, bytes, sizeof(bytes));
            sent += sizeof(bytes);
        }
        uv_run(loop_uv(world.loop), UV_RUN_NOWAIT);
    }
    http_stream_end(exchange.stream, &trailers);
    assert_true(world_until(is_exchange_closed));
    assert_int_equal(exchange.reason, HTTP_CLOSE_DONE);
    assert_true(exchange.body_bytes > total && exchange.body_bytes < total + 1000);
    assert_string_equal(exchange.trailer, "42");
    assert_true(has_sent_all());
}

static void test_a_visitor_that_does_not_read_holds_the_workload_back(void **state) {
    (void)state;
    static uint8_t bytes[65536];
    world_open(&exchange, "POST", WORLD_HOST, "/echo", NULL, false);
    exchange.keeps_body = false;
    exchange.holds_back = true;
    size_t sent = 0;
    for (int i = 0; i < 3000 && sent < ((size_t)32 << 20); i++) {
        if (sent - exchange.sent_bytes < (1u << 20)) {
            http_stream_send(exchange.stream, bytes, sizeof(bytes));
            sent += sizeof(bytes);
        }
        uv_run(loop_uv(world.loop), UV_RUN_NOWAIT);
    }
    assert_true(exchange.body_bytes <= (512u << 10));
    assert_true(exchange.sent_bytes < ((size_t)12 << 20));
    http_stream_release(exchange.stream);
    exchange.stream = NULL;
}

static void test_connections_are_kept_alive(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        ask("GET", WORLD_HOST, "/count", NULL);
        assert_int_equal(exchange.status, 200);
    }
    /* The probe at start, and one that carried all of them. */
    assert_int_equal(world.conn_count, 2);
}

static void test_an_early_answer_costs_the_connection(void **state) {
    (void)state;
    static const uint8_t bytes[1000];
    world_open(&exchange, "POST", WORLD_HOST, "/early", NULL, false);
    http_stream_send(exchange.stream, bytes, sizeof(bytes));
    assert_true(world_until(is_exchange_answered));
    assert_int_equal(exchange.status, 200);
    unsigned count = world.conn_count;
    http_stream_send(exchange.stream, bytes, sizeof(bytes));
    http_stream_end(exchange.stream, NULL);
    assert_true(world_until(is_exchange_closed));
    ask("GET", WORLD_HOST, "/count", NULL);
    assert_int_equal(world.conn_count, count + 1);
}

static void test_a_closed_kept_alive_connection_is_told_as_stale(void **state) {
    (void)state;
    ask("GET", WORLD_HOST, "/count", NULL);
    /* Cut, and asked again before the agent can have noticed. */
    world_cut_workload_conns();
    ask("GET", WORLD_HOST, "/count", NULL);
    if (exchange.status != 200) {
        assert_int_equal(exchange.status, 502);
        assert_string_equal(exchange.error, "upstream_stale");
    }
    ask("GET", WORLD_HOST, "/count", NULL);
    assert_int_equal(exchange.status, 200);
}

static void test_a_silent_workload_is_given_up(void **state) {
    (void)state;
    world_open(&exchange, "GET", WORLD_HOST, "/hang", NULL, true);
    world_pass(100);
    world_offset_ms += 61000;
    assert_true(world_until(is_exchange_closed));
    assert_int_equal(exchange.status, 504);
    assert_string_equal(exchange.error, "upstream_timeout");
}

static void test_hostile_answers_are_malformed(void **state) {
    (void)state;
    static const char *const answers[] = {
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        world.raw_answer = answers[i];
        expect_error(WORLD_HOST, "/raw", 502, "upstream_malformed");
    }
    world.raw_answer = "";
    expect_error(WORLD_HOST, "/raw", 502, "upstream_closed");
    world.raw_answer = NULL;
    ask("GET", WORLD_HOST, "/echo", NULL);
    assert_int_equal(exchange.status, 200);
}

static void test_a_broken_body_resets(void **state) {
    (void)state;
    world.raw_answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort";
    ask("GET", WORLD_HOST, "/raw", NULL);
    assert_int_equal(exchange.status, 200);
    assert_false(exchange.is_ended);
    assert_int_not_equal(exchange.reason, HTTP_CLOSE_DONE);
}

static void test_a_second_response_does_not_reach_anybody(void **state) {
    (void)state;
    world.raw_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 "
                       "OK\r\nContent-Length: 4\r\n\r\nevil";
    ask("GET", WORLD_HOST, "/raw", NULL);
    assert_int_equal(exchange.status, 200);
    assert_false(body_has("evil"));
    world.raw_answer = NULL;
    ask("GET", WORLD_HOST, "/echo", NULL);
    assert_false(body_has("evil"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CONNECTED(test_a_request_goes_through_byte_for_byte),
        CONNECTED(test_platform_names_do_not_pass),
        CONNECTED(test_the_second_line_refuses_what_the_edge_let_through),
        CONNECTED(test_only_declared_upstreams_are_dialled),
        CONNECTED(test_bodies_and_trailers_stream_both_ways),
        CONNECTED(test_a_visitor_that_does_not_read_holds_the_workload_back),
        CONNECTED(test_connections_are_kept_alive),
        CONNECTED(test_an_early_answer_costs_the_connection),
        CONNECTED(test_a_closed_kept_alive_connection_is_told_as_stale),
        CONNECTED(test_a_silent_workload_is_given_up),
        CONNECTED(test_hostile_answers_are_malformed),
        CONNECTED(test_a_broken_body_resets),
        CONNECTED(test_a_second_response_does_not_reach_anybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
