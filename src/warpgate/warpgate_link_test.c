#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_link_test_kit.h"

static struct warpgate_parts parts;
static struct warpgate_target target;
static struct warpgate_link *link;
static unsigned open_count;
static unsigned closed_count;
static char failed_slug[48];

static void see_open(void *owner, struct warpgate_link *opened) {
    (void)owner;
    assert_ptr_equal(opened, link);
    open_count++;
}

static void see_failed(void *owner, struct warpgate_link *failed, const struct why *why) {
    (void)owner;
    assert_ptr_equal(failed, link);
    (void)snprintf(failed_slug, sizeof(failed_slug), "%s", why->slug);
}

static void see_closed(void *owner, struct warpgate_link *closed, const struct why *why) {
    (void)owner;
    (void)closed;
    (void)why;
    closed_count++;
}

static const struct warpgate_link_events events = {
    .on_open = see_open, .on_failed = see_failed, .on_closed = see_closed};

static void see_settled(void *context) {
    (void)context;
}

static const struct warpgate_parts_events parts_events = {.on_settled = see_settled};

static void dial_to(const char *text, bool is_http1_only) {
    assert_int_equal(warpgate_target_parse(str_from(text), &target, NULL), STATUS_OK);
    const struct warpgate_link_config config = {.parts = &parts,
                                                .target = &target,
                                                .tls = &tls,
                                                .connect_ms = 1000,
                                                .is_http1_only = is_http1_only,
                                                .events = &events};
    link = warpgate_link_dial(&config);
    assert_int_equal(link->state, WARPGATE_LINK_DIALLING);
    assert_false(warpgate_link_has_room(link));
}

static int start(void **state) {
    (void)state;
    log_set_level(LOG_ERROR);
    parts = (struct warpgate_parts){.loop = loop_new(clock_system(), random_system()),
                                    .events = &parts_events};
    tls.any = tls_context_new(TLS_HTTPS_CLIENT);
    tls.http1 = tls_context_new(TLS_HTTPS_CLIENT);
    dial_count = dialled_count = conn_total = 0;
    open_count = closed_count = 0;
    failed_slug[0] = '\0';
    alpn = "";
    return 0;
}

static int stop(void **state) {
    (void)state;
    while (conn_total > 0) {
        end_conn(conns[0]);
    }
    assert_int_equal(parts.open_count, 0);
    tls_context_unref(&tls.any);
    tls_context_unref(&tls.http1);
    loop_free(&parts.loop);
    return 0;
}

struct seen {
    unsigned status;
    bool is_closed;
    bool may_be_stale;
    enum http_close reason;
};

static void see_head(void *owner, const struct http_head *head, bool is_end) {
    struct seen *seen = owner;
    (void)is_end;
    seen->status = head->status;
}

static void see_data(void *owner, const uint8_t *bytes, size_t len) {
    (void)owner;
    (void)bytes;
    (void)len;
}

static void see_end(void *owner, const struct http_fields *trailers) {
    (void)owner;
    (void)trailers;
}

static void see_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void see_stream_closed(void *owner, enum http_close reason) {
    struct seen *seen = owner;
    seen->is_closed = true;
    seen->reason = reason;
    seen->may_be_stale = warpgate_link_may_be_stale(link);
}

static const struct http_stream_events stream_events = {.on_head = see_head,
                                                        .on_data = see_data,
                                                        .on_end = see_end,
                                                        .on_sent = see_sent,
                                                        .on_closed = see_stream_closed};

static struct http_stream *ask(struct seen *seen) {
    const struct http_head head = {
        .method = STR("GET"), .scheme = STR("http"), .authority = STR("a.test"), .path = STR("/")};
    *seen = (struct seen){.status = 0};
    struct http_stream *stream = warpgate_link_open(link, &head, true, &stream_events, seen);
    flush(conns[0]);
    return stream;
}

static void test_http1_carries_one_at_a_time(void **state) {
    (void)state;
    struct seen seen;
    dial_to("127.0.0.1:80", false);
    establish();
    assert_int_equal(open_count, 1);
    assert_false(warpgate_link_is_shared(link));
    assert_true(warpgate_link_has_room(link));
    warpgate_link_borrow(link);
    assert_non_null(ask(&seen));
    assert_null(ask(&seen));
    assert_false(warpgate_link_has_room(link));
    say("HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(seen.status, 204);
    assert_true(seen.is_closed);
    warpgate_link_return(link);
    assert_true(warpgate_link_has_room(link));
    assert_false(warpgate_link_is_leaving(link));
}

static void test_what_may_be_stale(void **state) {
    (void)state;
    struct seen seen;
    dial_to("127.0.0.1:80", false);
    establish();
    warpgate_link_borrow(link);
    (void)ask(&seen);
    say("HTTP/1.1 204 No Content\r\n\r\n");
    warpgate_link_return(link);
    warpgate_link_borrow(link);
    (void)ask(&seen);
    conns[0]->engine->ops->feed_end(conns[0]->engine);
    assert_true(seen.may_be_stale);
    assert_int_equal(seen.reason, HTTP_CLOSE_LOST);
    warpgate_link_return(link);
}

static void test_a_first_exchange_is_never_stale(void **state) {
    (void)state;
    struct seen seen;
    dial_to("127.0.0.1:80", false);
    establish();
    (void)ask(&seen);
    conns[0]->engine->ops->feed_end(conns[0]->engine);
    assert_true(seen.is_closed);
    assert_false(seen.may_be_stale);
}

static void test_h2c_opens_with_the_settings(void **state) {
    (void)state;
    struct seen first;
    struct seen second;
    dial_to("h2c://127.0.0.1:80", false);
    establish();
    assert_int_equal(open_count, 0);
    assert_int_equal(link->state, WARPGATE_LINK_GREETING);
    say_settings(2, true);
    assert_int_equal(open_count, 1);
    assert_true(warpgate_link_is_shared(link));
    assert_true(warpgate_link_takes_websocket(link));
    struct http_stream *one = ask(&first);
    struct http_stream *two = ask(&second);
    assert_non_null(one);
    assert_non_null(two);
    assert_false(warpgate_link_has_room(link));
    http_stream_release(one);
    http_stream_release(two);
}

static void test_https_speaks_what_was_chosen(void **state) {
    (void)state;
    alpn = "h2";
    dial_to("https://127.0.0.1", false);
    assert_false(was_http1_only);
    establish();
    assert_int_equal(link->state, WARPGATE_LINK_GREETING);
    say_settings(100, false);
    assert_true(warpgate_link_is_shared(link));
    assert_false(warpgate_link_takes_websocket(link));
    end_conn(conns[0]);
    assert_int_equal(closed_count, 1);
    alpn = "http/1.1";
    dial_to("https://127.0.0.1", true);
    assert_true(was_http1_only);
    establish();
    assert_false(warpgate_link_is_shared(link));
    assert_true(warpgate_link_takes_websocket(link));
}

static void test_who_does_not_greet_in_http2(void **state) {
    (void)state;
    dial_to("h2c://127.0.0.1:80", false);
    establish();
    say("HTTP/1.1 400 Bad Request\r\n\r\n");
    end_conn(conns[0]);
    assert_string_equal(failed_slug, "not_http2");
    assert_int_equal(closed_count, 0);
}

static void test_a_failed_dial(void **state) {
    (void)state;
    dial_to("127.0.0.1:80", false);
    refuse();
    assert_string_equal(failed_slug, "tcp_connect");
}

static void test_cancelled_while_dialling_and_greeting(void **state) {
    (void)state;
    dial_to("127.0.0.1:80", false);
    warpgate_link_cancel(&link);
    assert_null(link);
    assert_int_equal(dial_count, 0);
    dial_to("h2c://127.0.0.1:80", false);
    establish();
    warpgate_link_cancel(&link);
    assert_true(conns[0]->is_closing);
    end_conn(conns[0]);
    assert_int_equal(closed_count, 0);
    assert_string_equal(failed_slug, "");
}

static void test_the_memory_outlives_the_connection_for_those_who_borrowed(void **state) {
    (void)state;
    struct seen seen;
    dial_to("127.0.0.1:80", false);
    establish();
    warpgate_link_borrow(link);
    (void)ask(&seen);
    end_conn(conns[0]);
    assert_int_equal(closed_count, 1);
    assert_int_equal(seen.reason, HTTP_CLOSE_LOST);
    assert_int_equal(link->state, WARPGATE_LINK_GONE);
    assert_null(warpgate_link_open(link, NULL, true, NULL, NULL));
    assert_int_equal(parts.open_count, 1);
    warpgate_link_return(link);
    assert_int_equal(parts.open_count, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_http1_carries_one_at_a_time),
        CASE(test_what_may_be_stale),
        CASE(test_a_first_exchange_is_never_stale),
        CASE(test_h2c_opens_with_the_settings),
        CASE(test_https_speaks_what_was_chosen),
        CASE(test_who_does_not_greet_in_http2),
        CASE(test_a_failed_dial),
        CASE(test_cancelled_while_dialling_and_greeting),
        CASE(test_the_memory_outlives_the_connection_for_those_who_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
