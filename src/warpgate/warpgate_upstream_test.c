#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "warpgate/warpgate_link_test_kit.h"
#include "warpgate/warpgate_pool.h"
#include "warpgate/warpgate_upstream.h"

/* The surroundings */

static struct warpgate_parts parts;
static struct warpgate_upstream *upstream;
static unsigned health_count;

static void see_health(void *context) {
    (void)context;
    health_count++;
}

static void see_settled(void *context) {
    (void)context;
}

static const struct warpgate_parts_events events = {.on_health = see_health,
                                                    .on_settled = see_settled};

struct waiting {
    struct warpgate_waiter waiter;
    struct warpgate_link *link;
    unsigned failed_count;
    unsigned order;
};

static unsigned ready_order;

static void see_ready(struct warpgate_waiter *waiter, struct warpgate_link *link) {
    struct waiting *waiting = CONTAINER_OF(waiter, struct waiting, waiter);
    waiting->link = link;
    waiting->order = ++ready_order;
}

static void see_failed(struct warpgate_waiter *waiter, const struct why *why) {
    assert_string_equal(why->slug, "tcp_connect");
    CONTAINER_OF(waiter, struct waiting, waiter)->failed_count++;
}

static void see_no_websocket(struct warpgate_waiter *waiter, const struct why *why) {
    assert_string_equal(why->slug, "no_websocket");
    CONTAINER_OF(waiter, struct waiting, waiter)->failed_count++;
}

static void see_not_http2(struct warpgate_waiter *waiter, const struct why *why) {
    assert_string_equal(why->slug, "not_http2");
    CONTAINER_OF(waiter, struct waiting, waiter)->failed_count++;
}

static void turn(void) {
    for (int i = 0; i < 3; i++) {
        uv_run(loop_uv(parts.loop), UV_RUN_NOWAIT);
    }
}

static enum status take(struct waiting *waiting) {
    *waiting = (struct waiting){.waiter = {.on_ready = see_ready, .on_failed = see_failed}};
    list_init(&waiting->waiter.node);
    return warpgate_upstream_take(upstream, &waiting->waiter, &waiting->link);
}

static int start_with(const char *target_text) {
    struct warpgate_target target;
    log_set_level(LOG_ERROR);
    parts = (struct warpgate_parts){.loop = loop_new(clock_system(), random_system()),
                                    .events = &events};
    dial_count = dialled_count = conn_total = 0;
    health_count = ready_order = 0;
    alpn = "";
    tls.any = tls_context_new(TLS_HTTPS_CLIENT);
    tls.http1 = tls_context_new(TLS_HTTPS_CLIENT);
    assert_int_equal(warpgate_target_parse(str_from(target_text), &target, NULL), STATUS_OK);
    upstream = warpgate_upstream_new(&parts, &target, &tls);
    while (dial_count == 0) { /* the first look */
        turn();
    }
    assert_int_equal(dial_count, 1);
    return 0;
}

static int start(void **state) {
    (void)state;
    return start_with("127.0.0.1:8080");
}

static int start_https(void **state) {
    (void)state;
    return start_with("https://127.0.0.1:8443");
}

static int start_h2c(void **state) {
    (void)state;
    return start_with("h2c://127.0.0.1:8080");
}

static int stop(void **state) {
    (void)state;
    warpgate_upstream_free(&upstream);
    (void)end_closing();
    turn();
    assert_int_equal(parts.open_count, 0);
    assert_int_equal(dial_count, 0);
    assert_int_equal(conn_total, 0);
    tls_context_unref(&tls.any);
    tls_context_unref(&tls.http1);
    loop_free(&parts.loop);
    return 0;
}

static void establish_h2(uint8_t most) {
    establish();
    say_settings(most, false);
}

static void see_stream_closed(void *owner, enum http_close reason) {
    (void)owner;
    (void)reason;
}

static const struct http_stream_events stream_events = {.on_closed = see_stream_closed};

static struct http_stream *open_on(struct warpgate_link *link) {
    const struct http_head head = {
        .method = STR("GET"), .scheme = STR("http"), .authority = STR("a.test"), .path = STR("/")};
    return warpgate_link_open(link, &head, true, &stream_events, NULL);
}

static void test_the_first_look_tells_health_and_leaves_nothing(void **state) {
    (void)state;
    assert_int_equal(warpgate_upstream_health(upstream), WARPGATE_HEALTH_UNKNOWN);
    establish();
    assert_int_equal(warpgate_upstream_health(upstream), WARPGATE_HEALTH_UP);
    assert_int_equal(health_count, 1);
    assert_int_equal(end_closing(), 1);
}

static void test_a_failed_dial_fails_one_request(void **state) {
    (void)state;
    struct waiting first;
    struct waiting second;
    refuse();
    assert_int_equal(warpgate_upstream_health(upstream), WARPGATE_HEALTH_DOWN);
    assert_int_equal(take(&first), STATUS_AGAIN);
    assert_int_equal(take(&second), STATUS_AGAIN);
    assert_int_equal(dial_count, 2);
    refuse();
    assert_int_equal(first.failed_count, 1);
    assert_int_equal(second.failed_count, 0);
    establish();
    assert_non_null(second.link);
    assert_int_equal(health_count, 2);
    warpgate_upstream_give_back(&second.link);
    turn();
}

static void test_the_last_used_link_is_lent_first(void **state) {
    (void)state;
    struct waiting a;
    struct waiting b;
    struct waiting c;
    establish();
    assert_int_equal(take(&a), STATUS_AGAIN);
    assert_int_equal(take(&b), STATUS_AGAIN);
    establish();
    establish();
    struct warpgate_link *last = b.link;
    warpgate_upstream_give_back(&a.link);
    warpgate_upstream_give_back(&b.link);
    assert_int_equal(take(&c), STATUS_OK);
    assert_ptr_equal(c.link, last);
    warpgate_upstream_give_back(&c.link);
    turn();
}

static void test_whoever_came_first_is_served_first(void **state) {
    (void)state;
    struct waiting a;
    struct waiting b;
    struct waiting c;
    establish();
    assert_int_equal(take(&a), STATUS_AGAIN);
    establish();
    assert_int_equal(take(&b), STATUS_AGAIN);
    assert_int_equal(take(&c), STATUS_AGAIN);
    warpgate_upstream_give_back(&a.link);
    turn();
    assert_non_null(b.link);
    assert_null(c.link);
    establish();
    assert_non_null(c.link);
    establish(); /* nobody waits for this one any more */
    assert_int_equal(end_closing(), 2);
    warpgate_upstream_give_back(&b.link);
    warpgate_upstream_give_back(&c.link);
    turn();
}

static void test_one_that_left_is_not_served(void **state) {
    (void)state;
    struct waiting a;
    establish();
    assert_int_equal(take(&a), STATUS_AGAIN);
    warpgate_upstream_leave(&a.waiter);
    warpgate_upstream_leave(&a.waiter);
    establish();
    assert_null(a.link);
    assert_int_equal(end_closing(), 2);
}

static void test_a_lost_link_is_not_lent(void **state) {
    (void)state;
    struct waiting a;
    establish();
    (void)end_closing();
    assert_int_equal(take(&a), STATUS_AGAIN);
    establish();
    warpgate_upstream_give_back(&a.link);
    turn();
    end_conn(conns[0]);
    assert_int_equal(take(&a), STATUS_AGAIN);
    establish();
    /* Lost while it is lent: given back all the same. */
    end_conn(conns[0]);
    warpgate_upstream_give_back(&a.link);
    turn();
}

static void test_connections_and_the_queue_are_bounded(void **state) {
    (void)state;
    static struct waiting all[WARPGATE_UPSTREAM_LINKS_MAX + WARPGATE_UPSTREAM_WAITING_MAX];
    struct waiting surplus;
    size_t count = 0;
    establish();
    (void)end_closing();
    for (; count < WARPGATE_UPSTREAM_LINKS_MAX; count++) {
        assert_int_equal(take(&all[count]), STATUS_AGAIN);
        establish();
    }
    size_t dialled = dialled_count;
    for (; count < WARPGATE_UPSTREAM_LINKS_MAX + WARPGATE_UPSTREAM_WAITING_MAX; count++) {
        assert_int_equal(take(&all[count]), STATUS_AGAIN);
    }
    assert_int_equal(dialled_count, dialled);
    assert_int_equal(take(&surplus), STATUS_UNAVAILABLE);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(all[i].link);
        warpgate_upstream_give_back(&all[i].link);
        turn();
    }
    /* All but the most recently used go. */
    assert_int_equal(end_closing(), WARPGATE_UPSTREAM_LINKS_MAX - WARPGATE_POOL_IDLE_MAX);
}

static void test_a_timeout_is_the_requests_own_to_tell(void **state) {
    (void)state;
    static const struct why late = {"timeout_handshake", "late"};
    struct waiting a;
    establish();
    assert_int_equal(take(&a), STATUS_AGAIN);
    struct warpgate_dial *first = take_dial(0);
    first->done(first->context, NULL, &late);
    memory_free(first);
    assert_int_equal(a.failed_count, 0);
    turn();
    assert_int_equal(dial_count, 1); /* tried again as long as somebody waits */
    establish();
    assert_non_null(a.link);
    warpgate_upstream_give_back(&a.link);
    turn();
}

static void test_two_failures_take_it_down(void **state) {
    (void)state;
    struct waiting a;
    establish();
    assert_int_equal(health_count, 1);
    assert_int_equal(take(&a), STATUS_AGAIN);
    refuse();
    assert_int_equal(a.failed_count, 1);
    assert_int_equal(warpgate_upstream_health(upstream), WARPGATE_HEALTH_UP);
    while (dial_count == 0) { /* looks again by itself */
        turn();
    }
    refuse();
    assert_int_equal(warpgate_upstream_health(upstream), WARPGATE_HEALTH_DOWN);
    assert_int_equal(health_count, 2);
}

static void test_a_websocket_gets_a_new_link(void **state) {
    (void)state;
    struct waiting a;
    struct waiting b;
    establish();
    assert_int_equal(take(&a), STATUS_AGAIN);
    establish();
    warpgate_upstream_give_back(&a.link);
    turn();
    b = (struct waiting){
        .waiter = {.is_websocket = true, .on_ready = see_ready, .on_failed = see_failed}};
    list_init(&b.waiter.node);
    assert_int_equal(warpgate_upstream_take(upstream, &b.waiter, &b.link), STATUS_AGAIN);
    assert_int_equal(dial_count, 1);
    establish();
    assert_non_null(b.link);
    warpgate_upstream_give_back(&b.link);
    turn();
}

static void test_https_speaks_what_was_agreed(void **state) {
    (void)state;
    struct waiting all[3];
    struct waiting socket;
    refuse(); /* nothing is known about it */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(take(&all[i]), STATUS_AGAIN);
    }
    assert_int_equal(dial_count, 1); /* one might serve them all */
    establish();
    assert_non_null(all[0].link);
    assert_int_equal(dial_count, 2); /* it does not */
    establish();
    establish();
    assert_false(was_http1_only);
    socket = (struct waiting){
        .waiter = {.is_websocket = true, .on_ready = see_ready, .on_failed = see_failed}};
    list_init(&socket.waiter.node);
    assert_int_equal(warpgate_upstream_take(upstream, &socket.waiter, &socket.link), STATUS_AGAIN);
    assert_true(was_http1_only);
    establish();
    assert_non_null(socket.link);
    warpgate_upstream_give_back(&socket.link);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(all[i].link);
        warpgate_upstream_give_back(&all[i].link);
    }
    turn();
}

static void test_one_http2_link_carries_many(void **state) {
    (void)state;
    struct waiting all[4];
    struct http_stream *streams[4];
    alpn = "h2";
    establish_h2(100);
    assert_int_equal(end_closing(), 1);
    assert_int_equal(take(&all[0]), STATUS_AGAIN);
    establish_h2(2);
    streams[0] = open_on(all[0].link);
    assert_int_equal(take(&all[1]), STATUS_OK);
    assert_ptr_equal(all[1].link, all[0].link);
    streams[1] = open_on(all[1].link);
    assert_int_equal(take(&all[2]), STATUS_AGAIN); /* it is full: another */
    assert_int_equal(dial_count, 1);
    establish_h2(2);
    assert_ptr_not_equal(all[2].link, all[0].link);
    streams[2] = open_on(all[2].link);
    assert_int_equal(take(&all[3]), STATUS_OK);
    assert_ptr_equal(all[3].link, all[2].link);
    streams[3] = open_on(all[3].link);
    for (size_t i = 0; i < 4; i++) {
        http_stream_release(streams[i]);
        warpgate_upstream_give_back(&all[i].link);
    }
    turn();
}

static void test_who_waits_gets_the_room_of_a_cancelled_exchange(void **state) {
    (void)state;
    static struct waiting all[WARPGATE_UPSTREAM_SHARED_MAX];
    static struct http_stream *streams[WARPGATE_UPSTREAM_SHARED_MAX];
    struct waiting last;
    establish_h2(1);
    assert_int_equal(end_closing(), 1);
    for (size_t i = 0; i < WARPGATE_UPSTREAM_SHARED_MAX; i++) {
        assert_int_equal(take(&all[i]), STATUS_AGAIN);
        establish_h2(1);
        streams[i] = open_on(all[i].link);
    }
    assert_true(warpgate_upstream_is_full(upstream));
    assert_int_equal(take(&last), STATUS_AGAIN);
    assert_int_equal(dial_count, 0);
    http_stream_release(streams[0]);
    warpgate_upstream_give_back(&all[0].link);
    turn();
    assert_null(last.link); /* its stream counts until the reset is on its way */
    for (size_t i = 0; i < conn_total; i++) {
        flush(conns[i]);
    }
    turn();
    assert_non_null(last.link);
    warpgate_upstream_give_back(&last.link);
    for (size_t i = 1; i < WARPGATE_UPSTREAM_SHARED_MAX; i++) {
        http_stream_release(streams[i]);
        warpgate_upstream_give_back(&all[i].link);
    }
    turn();
}

static void test_goaway_takes_a_link_out_of_use(void **state) {
    (void)state;
    static const uint8_t goaway[] = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    struct waiting a;
    struct waiting b;
    establish_h2(100);
    assert_int_equal(end_closing(), 1);
    assert_int_equal(take(&a), STATUS_AGAIN);
    establish_h2(100);
    struct http_stream *stream = open_on(a.link);
    flush(conns[0]);
    conns[0]->engine->ops->feed(conns[0]->engine, goaway, sizeof(goaway));
    assert_int_equal(take(&b), STATUS_AGAIN);
    assert_int_equal(dial_count, 1);
    establish_h2(100);
    assert_ptr_not_equal(a.link, b.link);
    http_stream_release(stream);
    warpgate_upstream_give_back(&a.link);
    warpgate_upstream_give_back(&b.link);
    flush(conns[0]);
    assert_int_equal(conns[0]->engine->ops->phase(conns[0]->engine), ENGINE_DONE);
    end_conn(conns[0]);
    turn();
}

static enum status take_websocket(struct waiting *waiting) {
    *waiting = (struct waiting){
        .waiter = {.is_websocket = true, .on_ready = see_ready, .on_failed = see_no_websocket}};
    list_init(&waiting->waiter.node);
    return warpgate_upstream_take(upstream, &waiting->waiter, &waiting->link);
}

static void test_h2c_takes_websockets_if_it_says_so(void **state) {
    (void)state;
    struct waiting a;
    struct waiting b;
    refuse();
    assert_int_equal(take_websocket(&a), STATUS_AGAIN);
    establish_h2(100);
    assert_int_equal(a.failed_count, 1);
    assert_int_equal(take_websocket(&b), STATUS_UNSUPPORTED);
    end_conn(conns[0]);
    assert_int_equal(take_websocket(&a), STATUS_AGAIN);
    establish();
    say_settings(100, true);
    assert_non_null(a.link);
    warpgate_upstream_give_back(&a.link);
    turn();
}

static void test_who_does_not_speak_http2_is_told(void **state) {
    (void)state;
    struct waiting a;
    refuse();
    assert_int_equal(take(&a), STATUS_AGAIN);
    a.waiter.on_failed = see_not_http2;
    establish();
    assert_null(a.link);
    end_conn(conns[0]);
    assert_int_equal(a.failed_count, 1);
    assert_int_equal(warpgate_upstream_health(upstream), WARPGATE_HEALTH_DOWN);
}

#define CASE_OF(test, first) cmocka_unit_test_setup_teardown(test, first, stop)
#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_the_first_look_tells_health_and_leaves_nothing),
        CASE(test_a_failed_dial_fails_one_request),
        CASE(test_the_last_used_link_is_lent_first),
        CASE(test_whoever_came_first_is_served_first),
        CASE(test_one_that_left_is_not_served),
        CASE(test_a_lost_link_is_not_lent),
        CASE(test_connections_and_the_queue_are_bounded),
        CASE(test_a_timeout_is_the_requests_own_to_tell),
        CASE(test_two_failures_take_it_down),
        CASE(test_a_websocket_gets_a_new_link),
        CASE_OF(test_https_speaks_what_was_agreed, start_https),
        CASE_OF(test_one_http2_link_carries_many, start_https),
        CASE_OF(test_who_waits_gets_the_room_of_a_cancelled_exchange, start_h2c),
        CASE_OF(test_goaway_takes_a_link_out_of_use, start_h2c),
        CASE_OF(test_h2c_takes_websockets_if_it_says_so, start_h2c),
        CASE_OF(test_who_does_not_speak_http2_is_told, start_h2c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
