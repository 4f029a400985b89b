#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "warpgate/warpgate_link_test_kit.h"
#include "warpgate/warpgate_pool.h"

static struct warpgate_parts parts;
static struct warpgate_target target;
static struct warpgate_pool pool;
static size_t closed_count;

static void ignore_settled(void *context) {
    (void)context;
}

static const struct warpgate_parts_events events = {.on_settled = ignore_settled};

static void see_link(void *owner, struct warpgate_link *link) {
    (void)owner;
    (void)link;
}

static void see_failed(void *owner, struct warpgate_link *link, const struct why *why) {
    (void)owner;
    (void)why;
    warpgate_pool_put(&pool, link, WARPGATE_PLACE_NONE);
}

static void see_closed(void *owner, struct warpgate_link *link, const struct why *why) {
    see_failed(owner, link, why);
    closed_count++;
}

static const struct warpgate_link_events link_events = {
    .on_open = see_link, .on_failed = see_failed, .on_room = see_link, .on_closed = see_closed};

static int start_with(const char *text) {
    log_set_level(LOG_ERROR);
    parts = (struct warpgate_parts){.loop = loop_new(clock_system(), random_system()),
                                    .events = &events};
    dial_count = conn_total = closed_count = 0;
    alpn = "";
    assert_int_equal(warpgate_target_parse(str_from(text), &target, NULL), STATUS_OK);
    warpgate_pool_init(&pool);
    return 0;
}

static int start(void **state) {
    (void)state;
    return start_with("127.0.0.1:8080");
}

static int start_h2c(void **state) {
    (void)state;
    return start_with("h2c://127.0.0.1:8080");
}

static int stop(void **state) {
    (void)state;
    (void)warpgate_pool_clear(&pool);
    (void)end_closing();
    for (int i = 0; i < 3; i++) {
        uv_run(loop_uv(parts.loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(parts.open_count, 0);
    assert_int_equal(conn_total, 0);
    loop_free(&parts.loop);
    return 0;
}

static struct warpgate_link *dial(void) {
    const struct warpgate_link_config config = {.parts = &parts,
                                                .target = &target,
                                                .tls = &tls,
                                                .connect_ms = 1000,
                                                .events = &link_events,
                                                .owner = &pool};
    struct warpgate_link *link = warpgate_link_dial(&config);
    warpgate_pool_put(&pool, link, WARPGATE_PLACE_DIALLED_FOR_ANY);
    return link;
}

static struct warpgate_link *make_link(void) {
    struct warpgate_link *link = dial();
    establish();
    return link;
}

static void test_the_one_used_last_comes_first(void **state) {
    (void)state;
    assert_null(warpgate_pool_find(&pool));
    struct warpgate_link *first = make_link();
    struct warpgate_link *second = make_link();
    warpgate_pool_rest(&pool, first);
    warpgate_pool_rest(&pool, second);
    assert_int_equal(pool.idle_count, 2);
    assert_ptr_equal(warpgate_pool_find(&pool), second);
    assert_int_equal(second->place, WARPGATE_PLACE_NONE);
    assert_ptr_equal(warpgate_pool_find(&pool), first);
    assert_null(warpgate_pool_find(&pool));
    assert_int_equal(pool.idle_count, 0);
    warpgate_pool_close(&pool, first);
    warpgate_pool_close(&pool, second);
}

static void test_no_more_rest_than_may(void **state) {
    (void)state;
    struct warpgate_link *first = make_link();
    warpgate_pool_rest(&pool, first);
    for (int i = 0; i < WARPGATE_POOL_IDLE_MAX; i++) {
        warpgate_pool_rest(&pool, make_link());
    }
    assert_int_equal(pool.idle_count, WARPGATE_POOL_IDLE_MAX);
    assert_int_equal(first->place, WARPGATE_PLACE_NONE);
    assert_int_equal(end_closing(), 1);
    warpgate_pool_close_idlest(&pool);
    assert_int_equal(pool.idle_count, WARPGATE_POOL_IDLE_MAX - 1);
}

static void test_what_comes_back_rests_and_after_the_end_does_not(void **state) {
    (void)state;
    struct warpgate_link *link = make_link();
    warpgate_pool_put(&pool, link, WARPGATE_PLACE_RETURNED);
    assert_null(warpgate_pool_find(&pool));
    warpgate_pool_look_at_returned(&pool);
    assert_ptr_equal(warpgate_pool_find(&pool), link);
    assert_int_equal(warpgate_pool_clear(&pool), 0);
    assert_int_equal(end_closing(), 0); /* it is lent */
    warpgate_pool_put(&pool, link, WARPGATE_PLACE_RETURNED);
    warpgate_pool_look_at_returned(&pool);
    assert_int_equal(end_closing(), 1);
}

static void test_a_broken_one_is_not_found(void **state) {
    (void)state;
    struct warpgate_link *good = make_link();
    warpgate_pool_rest(&pool, good);
    struct warpgate_link *bad = make_link();
    warpgate_pool_rest(&pool, bad);
    say("unasked for");
    assert_ptr_equal(warpgate_pool_find(&pool), good);
    assert_int_equal(bad->place, WARPGATE_PLACE_NONE);
    warpgate_pool_close(&pool, good);
}

static void test_a_shared_one_stays_where_it_is(void **state) {
    (void)state;
    struct warpgate_link *link = make_link();
    say_settings(1, false);
    warpgate_pool_put(&pool, link, WARPGATE_PLACE_SHARED);
    assert_ptr_equal(warpgate_pool_find(&pool), link);
    assert_ptr_equal(warpgate_pool_find(&pool), link);
    assert_int_equal(link->place, WARPGATE_PLACE_SHARED);
}

static void test_the_end_cancels_and_closes(void **state) {
    (void)state;
    warpgate_pool_rest(&pool, make_link());
    (void)dial();
    (void)dial();
    assert_int_equal(warpgate_pool_clear(&pool), 2);
    assert_int_equal(dial_count, 0);
    assert_int_equal(end_closing(), 1);
    assert_int_equal(closed_count, 1);
    assert_true(list_is_empty(&pool.dialling) && list_is_empty(&pool.idle));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_one_used_last_comes_first),
        TEST(test_no_more_rest_than_may),
        TEST(test_what_comes_back_rests_and_after_the_end_does_not),
        TEST(test_a_broken_one_is_not_found),
        cmocka_unit_test_setup_teardown(test_a_shared_one_stays_where_it_is, start_h2c, stop),
        TEST(test_the_end_cancels_and_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
