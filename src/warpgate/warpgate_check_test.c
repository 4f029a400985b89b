#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_check.h"
#include "warpgate/warpgate_link_test_kit.h"

static struct warpgate_parts parts;
static struct warpgate_target target;
static struct warpgate_check *check;
static unsigned result_count;
static char last_slug[48]; /* "" when it passed */

static const struct bundle_health_check what = {.upstream = STR_INIT("default"),
                                                .path = STR_INIT("/healthz"),
                                                .interval_ms = 1000,
                                                .timeout_ms = 200};

static void see_result(void *context, const struct why *why) {
    (void)context;
    result_count++;
    (void)snprintf(last_slug, sizeof(last_slug), "%s", why != NULL ? why->slug : "");
}

static void see_settled(void *context) {
    (void)context;
}

static const struct warpgate_parts_events parts_events = {.on_settled = see_settled};

static int start(void **state) {
    (void)state;
    log_set_level(LOG_ERROR);
    parts = (struct warpgate_parts){.loop = loop_new(clock_system(), random_system()),
                                    .events = &parts_events};
    dial_count = dialled_count = conn_total = 0;
    result_count = 0;
    (void)snprintf(last_slug, sizeof(last_slug), "none");
    assert_int_equal(warpgate_target_parse(STR("127.0.0.1:8080"), &target, NULL), STATUS_OK);
    const struct warpgate_check_config config = {
        .parts = &parts, .target = &target, .tls = &tls, .on_result = see_result};
    check = warpgate_check_new(&config, &what);
    return 0;
}

static int stop(void **state) {
    (void)state;
    warpgate_check_free(&check);
    while (conn_total > 0) {
        end_conn(conns[0]);
    }
    for (int i = 0; i < 3; i++) {
        uv_run(loop_uv(parts.loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(parts.open_count, 0);
    loop_free(&parts.loop);
    return 0;
}

static void wait_dial(void) {
    while (dial_count == 0) {
        uv_run(loop_uv(parts.loop), UV_RUN_ONCE);
    }
}

static void wait_result(unsigned count) {
    while (result_count < count) {
        uv_run(loop_uv(parts.loop), UV_RUN_ONCE);
    }
}

static void expect_answer(const char *answer, const char *slug) {
    unsigned count = result_count;
    wait_dial();
    establish();
    flush(conns[conn_total - 1]);
    say(answer);
    assert_int_equal(result_count, count + 1);
    assert_string_equal(last_slug, slug);
    (void)end_closing();
    assert_int_equal(conn_total, 0);
}

static void test_what_passes(void **state) {
    (void)state;
    expect_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "");
    int64_t begun_ms = loop_now_ms(parts.loop);
    expect_answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 302 Found\r\n\r\n", "");
    assert_in_range(loop_now_ms(parts.loop) - begun_ms, 895, 1300);
}

static void test_what_it_asks(void **state) {
    (void)state;
    const uint8_t *bytes;
    static const char wanted[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                                 "user-agent: warpgate-health\r\n\r\n";
    wait_dial();
    establish();
    struct engine *engine = conns[0]->engine;
    size_t len = engine->ops->peek(engine, &bytes);
    assert_int_equal(len, sizeof(wanted) - 1);
    assert_memory_equal(bytes, wanted, len);
}

static void test_what_fails(void **state) {
    (void)state;
    expect_answer("HTTP/1.1 503 Service Unavailable\r\n\r\n", "check_status");
    expect_answer("HTTP/1.1 404 Not Found\r\n\r\n", "check_status");
}

static void test_no_answer_that_is_http(void **state) {
    (void)state;
    expect_answer("nonsense\r\n\r\n", "check_closed");
}

static void test_nobody_there(void **state) {
    (void)state;
    wait_dial();
    refuse();
    assert_int_equal(result_count, 1);
    assert_string_equal(last_slug, "tcp_connect");
    wait_dial(); /* and again, after the interval */
}

static void test_silence_is_a_failure(void **state) {
    (void)state;
    wait_dial();
    int64_t begun_ms = loop_now_ms(parts.loop);
    establish();
    wait_result(1);
    assert_string_equal(last_slug, "check_timeout");
    assert_in_range(loop_now_ms(parts.loop) - begun_ms, 195, 400);
    assert_true(conns[0]->is_closing);
}

static void test_a_dial_that_takes_too_long(void **state) {
    (void)state;
    wait_dial();
    wait_result(1);
    assert_string_equal(last_slug, "check_timeout");
    assert_int_equal(dial_count, 0);
}

static void test_freed_in_the_middle(void **state) {
    (void)state;
    wait_dial();
    establish();
    warpgate_check_free(&check);
    assert_true(conns[0]->is_closing);
    assert_int_equal(result_count, 0);
}

static void test_it_knows_what_it_asks_for(void **state) {
    (void)state;
    struct bundle_health_check other = what;
    assert_true(warpgate_check_is(check, &what));
    other.path = STR("/other");
    assert_false(warpgate_check_is(check, &other));
    other = what;
    other.interval_ms++;
    assert_false(warpgate_check_is(check, &other));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_what_passes),
        CASE(test_what_it_asks),
        CASE(test_what_fails),
        CASE(test_no_answer_that_is_http),
        CASE(test_nobody_there),
        CASE(test_silence_is_a_failure),
        CASE(test_a_dial_that_takes_too_long),
        CASE(test_freed_in_the_middle),
        CASE(test_it_knows_what_it_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
