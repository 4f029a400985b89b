#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tunnel/tunnel_heartbeat.h"

/* The heartbeat's surroundings, played by the test: one timer, one connection, one session, and time. */
static struct {
    int64_t now_ms;
    int64_t last_read_ms;
    int64_t fire_at_ms;
    unsigned ping_count;
    unsigned set_count;
    unsigned dead_count;
} world;

struct loop *conn_loop(struct conn *conn) {
    (void)conn;
    return NULL;
}

int64_t conn_last_read_ms(const struct conn *conn) {
    (void)conn;
    return world.last_read_ms;
}

int64_t loop_now_ms(struct loop *loop) {
    (void)loop;
    return world.now_ms;
}

void h2_session_ping(struct h2_session *session, const uint8_t payload[8]) {
    (void)session;
    (void)payload;
    world.ping_count++;
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*fire)(struct loop_timer *timer), void *context) {
    timer->loop = loop;
    timer->fire = fire;
    timer->context = context;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms) {
    (void)timer;
    world.set_count++;
    world.fire_at_ms = world.now_ms + delay_ms;
}

void loop_timer_close(struct loop_timer *timer, void (*closed)(struct loop_timer *timer)) {
    world.fire_at_ms = 0;
    if (closed != NULL) {
        closed(timer);
    }
}

static void see_death(void *owner) {
    (void)owner;
    world.dead_count++;
    world.fire_at_ms = 0;
}

static struct tunnel_heartbeat heartbeat;

static int start(void **state) {
    (void)state;
    world.now_ms = world.last_read_ms = 1000000;
    world.ping_count = world.set_count = world.dead_count = 0;
    tunnel_heartbeat_start(&heartbeat, NULL, NULL, see_death, NULL);
    return 0;
}

/* Lets time pass; the peer answers every ping at once, or nothing. */
static void pass(int64_t for_ms, bool answers) {
    int64_t end_ms = world.now_ms + for_ms;
    for (; world.now_ms < end_ms; world.now_ms += 10) {
        if (world.fire_at_ms != 0 && world.now_ms >= world.fire_at_ms) {
            unsigned before = world.ping_count;
            heartbeat.timer.fire(&heartbeat.timer);
            if (answers && world.ping_count > before) {
                world.last_read_ms = world.now_ms;
            }
        }
    }
}

static void test_a_silent_peer_is_dead_after_ten_seconds(void **state) {
    (void)state;
    pass(9900, false);
    assert_int_equal(world.ping_count, 1);
    assert_int_equal(world.dead_count, 0);
    pass(200, false);
    assert_int_equal(world.dead_count, 1);
}

static void test_an_answering_peer_lives(void **state) {
    (void)state;
    pass(60000, true);
    assert_int_equal(world.dead_count, 0);
    assert_in_range(world.ping_count, 10, 12);
}

static void test_traffic_spares_the_pings(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        world.last_read_ms = world.now_ms;
        pass(1000, false);
    }
    assert_int_equal(world.ping_count, 0);
    assert_int_equal(world.dead_count, 0);
}

static void test_waiting_requests_make_it_quick(void **state) {
    (void)state;
    pass(500, false);
    tunnel_heartbeat_expect(&heartbeat, 3);
    pass(1100, false);
    assert_int_equal(world.ping_count, 1);
    pass(1100, false);
    assert_int_equal(world.dead_count, 1);
}

static void test_requests_that_come_and_go_set_few_timers(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        tunnel_heartbeat_expect(&heartbeat, 1);
        tunnel_heartbeat_expect(&heartbeat, 0);
    }
    assert_true(world.set_count <= 2);
}

static void test_a_frozen_process_asks_again(void **state) {
    (void)state;
    pass(6000, false);
    assert_int_equal(world.ping_count, 1);
    world.now_ms += 3600000;
    pass(20, false);
    assert_int_equal(world.dead_count, 0);
    assert_int_equal(world.ping_count, 2);
    pass(6000, false);
    assert_int_equal(world.dead_count, 1);
}

static void test_a_stopped_heartbeat_is_silent(void **state) {
    (void)state;
    tunnel_heartbeat_stop(&heartbeat, NULL);
    pass(60000, false);
    assert_int_equal(world.ping_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_silent_peer_is_dead_after_ten_seconds, start),
        cmocka_unit_test_setup(test_an_answering_peer_lives, start),
        cmocka_unit_test_setup(test_traffic_spares_the_pings, start),
        cmocka_unit_test_setup(test_waiting_requests_make_it_quick, start),
        cmocka_unit_test_setup(test_requests_that_come_and_go_set_few_timers, start),
        cmocka_unit_test_setup(test_a_frozen_process_asks_again, start),
        cmocka_unit_test_setup(test_a_stopped_heartbeat_is_silent, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
