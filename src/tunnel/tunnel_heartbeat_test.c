#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/conn_progress.h"
#include "tunnel/tunnel_heartbeat.h"

/* The heartbeat's surroundings, played by the test: one timer, one connection, one session, a path, and time. */
static struct {
    int64_t now_ms;
    int64_t last_read_ms;
    uint64_t read_bytes;
    int64_t fire_at_ms;
    struct conn_progress progress;
    unsigned ping_count;
    unsigned set_count;
    unsigned dead_count;
    int64_t dead_at_ms;
} world;

/* What the path does with our bytes, and the peer with our PINGs. */
enum peer {
    PEER_ANSWERS,
    PEER_STOPPED,    /* its system acknowledges, and nobody answers */
    PEER_BLACK_HOLE, /* nothing comes back */
    PEER_SLOW,       /* PINGs wait behind other bytes, which are being acknowledged */
};

struct loop *conn_loop(struct conn *conn) {
    (void)conn;
    return NULL;
}

int64_t conn_last_read_ms(const struct conn *conn) {
    (void)conn;
    return world.last_read_ms;
}

uint64_t conn_bytes_read(const struct conn *conn) {
    (void)conn;
    return world.read_bytes;
}

struct conn_progress conn_progress(const struct conn *conn) {
    (void)conn;
    return world.progress;
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
    world.dead_at_ms = world.now_ms;
    world.fire_at_ms = 0;
}

static struct tunnel_heartbeat heartbeat;

static int start(void **state) {
    (void)state;
    memset(&world, 0, sizeof(world));
    world.now_ms = world.last_read_ms = 1000000;
    tunnel_heartbeat_start(&heartbeat, NULL, NULL, see_death, NULL);
    return 0;
}

static void read_byte(void) {
    world.last_read_ms = world.now_ms;
    world.read_bytes++;
}

static void play(enum peer peer, bool was_pinged) {
    if (peer == PEER_SLOW) {
        world.progress.is_outstanding = true;
        world.progress.acked_bytes += 10;
    }
    if (!was_pinged) {
        return;
    }
    world.progress.is_outstanding = peer == PEER_BLACK_HOLE || peer == PEER_SLOW;
    world.progress.acked_bytes += peer == PEER_ANSWERS || peer == PEER_STOPPED ? 39 : 0;
    if (peer == PEER_ANSWERS) {
        read_byte();
    }
}

static void pass(int64_t for_ms, enum peer peer) {
    int64_t end_ms = world.now_ms + for_ms;
    for (; world.now_ms < end_ms; world.now_ms += 10) {
        unsigned before = world.ping_count;
        if (world.fire_at_ms != 0 && world.now_ms >= world.fire_at_ms) {
            heartbeat.timer.fire(&heartbeat.timer);
        }
        play(peer, world.ping_count > before);
    }
}

/* Lets the peer be what it is, until it is given up: how long that took. */
static int64_t time_to_death(enum peer peer, int64_t at_most_ms) {
    int64_t from_ms = world.now_ms;
    pass(at_most_ms, peer);
    assert_int_equal(world.dead_count, 1);
    return world.dead_at_ms - from_ms;
}

static void test_an_idle_black_hole_is_noticed_in_five_seconds(void **state) {
    (void)state;
    pass(60000, PEER_ANSWERS);
    read_byte();
    assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 4000, 5000);
}

static void test_a_black_hole_is_noticed_in_two_seconds_with_requests_waiting(void **state) {
    (void)state;
    /* at every place of the idle cycle */
    for (int64_t offset_ms = 0; offset_ms < 2400; offset_ms += 170) {
        (void)start(state);
        pass(10000 + offset_ms, PEER_ANSWERS);
        tunnel_heartbeat_expect(&heartbeat, 3);
        assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 900, 2000);
    }
}

static void test_a_request_that_comes_while_a_ping_is_out(void **state) {
    (void)state;
    pass(3000, PEER_BLACK_HOLE);
    assert_true(world.ping_count > 0);
    tunnel_heartbeat_expect(&heartbeat, 1);
    assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 0, 1000);
}

static void test_a_stopped_peer_is_noticed_in_five_seconds(void **state) {
    (void)state;
    for (size_t waiting = 0; waiting < 2; waiting++) {
        (void)start(state);
        tunnel_heartbeat_expect(&heartbeat, waiting);
        pass(10000, PEER_ANSWERS);
        read_byte();
        assert_in_range(time_to_death(PEER_STOPPED, 10000), 4700, 5000);
    }
}

static void test_an_answering_peer_lives(void **state) {
    (void)state;
    pass(60000, PEER_ANSWERS);
    assert_int_equal(world.dead_count, 0);
    assert_in_range(world.ping_count, 22, 26);
}

static void test_traffic_spares_the_pings(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        read_byte();
        pass(1000, PEER_BLACK_HOLE);
    }
    assert_int_equal(world.ping_count, 0);
    assert_int_equal(world.dead_count, 0);
}

/* 1 Mbit/s, and megabytes of an upload before the PING: nothing is read for many seconds. */
static void test_a_slow_path_is_not_dead(void **state) {
    (void)state;
    tunnel_heartbeat_expect(&heartbeat, 1);
    pass(29000, PEER_SLOW);
    assert_int_equal(world.dead_count, 0);
    read_byte();
    pass(29000, PEER_SLOW);
    assert_int_equal(world.dead_count, 0);
    pass(2000, PEER_SLOW);
    assert_int_equal(world.dead_count, 1);
}

static void test_a_slow_path_that_breaks_is_dead(void **state) {
    (void)state;
    tunnel_heartbeat_expect(&heartbeat, 1);
    pass(10000, PEER_SLOW);
    assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 900, 2000);
}

/* Another's traffic fills the line's queue: an acknowledgement takes 700 ms, an answer as long. */
static void test_a_long_round_trip_gets_its_time(void **state) {
    (void)state;
    tunnel_heartbeat_expect(&heartbeat, 1);
    world.progress.round_trip_ms = 700;
    pass(2500, PEER_BLACK_HOLE);
    assert_int_equal(world.dead_count, 0);
    world.progress.is_outstanding = false;
    read_byte();
    assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 2900, 3300);
}

static void test_a_path_that_loses_the_first_ping(void **state) {
    (void)state;
    tunnel_heartbeat_expect(&heartbeat, 1);
    pass(1000, PEER_BLACK_HOLE);
    assert_int_equal(world.ping_count, 1);
    pass(5000, PEER_ANSWERS); /* the second one comes through */
    assert_int_equal(world.dead_count, 0);
}

static void test_bytes_that_do_not_leave_are_noticed(void **state) {
    (void)state;
    tunnel_heartbeat_carry(&heartbeat, true);
    pass(10000, PEER_ANSWERS);
    unsigned pings = world.ping_count;
    assert_true(pings < 6); /* watching costs nothing on the wire */
    read_byte();
    world.progress.acked_bytes++;
    world.progress.is_outstanding = true;
    assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 900, 2200);
}

/* The peer sends and takes nothing: that is for the windows and the write timeout to judge. */
static void test_a_talking_peer_that_takes_nothing_lives(void **state) {
    (void)state;
    tunnel_heartbeat_carry(&heartbeat, true);
    world.progress.is_outstanding = true;
    for (int i = 0; i < 100; i++) {
        read_byte();
        pass(500, PEER_BLACK_HOLE);
    }
    assert_int_equal(world.dead_count, 0);
}

static void test_requests_that_come_and_go_set_few_timers(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        tunnel_heartbeat_expect(&heartbeat, 1);
        tunnel_heartbeat_carry(&heartbeat, true);
        tunnel_heartbeat_carry(&heartbeat, false);
        tunnel_heartbeat_expect(&heartbeat, 0);
    }
    assert_true(world.set_count <= 3);
}

static void test_a_frozen_process_asks_again(void **state) {
    (void)state;
    pass(3000, PEER_BLACK_HOLE);
    assert_int_equal(world.ping_count, 1);
    world.now_ms += 3600000;
    pass(20, PEER_BLACK_HOLE);
    assert_int_equal(world.dead_count, 0);
    assert_int_equal(world.ping_count, 2);
    assert_in_range(time_to_death(PEER_BLACK_HOLE, 10000), 2000, 5000);
}

static void test_a_frozen_process_finds_its_peer_alive(void **state) {
    (void)state;
    tunnel_heartbeat_expect(&heartbeat, 1);
    for (int i = 0; i < 10; i++) {
        world.now_ms += 60000;
        pass(1000, PEER_ANSWERS);
    }
    assert_int_equal(world.dead_count, 0);
}

static void test_a_stopped_heartbeat_is_silent(void **state) {
    (void)state;
    tunnel_heartbeat_stop(&heartbeat, NULL);
    pass(60000, PEER_BLACK_HOLE);
    assert_int_equal(world.ping_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_idle_black_hole_is_noticed_in_five_seconds, start),
        cmocka_unit_test_setup(test_a_black_hole_is_noticed_in_two_seconds_with_requests_waiting,
                               start),
        cmocka_unit_test_setup(test_a_request_that_comes_while_a_ping_is_out, start),
        cmocka_unit_test_setup(test_a_stopped_peer_is_noticed_in_five_seconds, start),
        cmocka_unit_test_setup(test_an_answering_peer_lives, start),
        cmocka_unit_test_setup(test_traffic_spares_the_pings, start),
        cmocka_unit_test_setup(test_a_slow_path_is_not_dead, start),
        cmocka_unit_test_setup(test_a_slow_path_that_breaks_is_dead, start),
        cmocka_unit_test_setup(test_a_long_round_trip_gets_its_time, start),
        cmocka_unit_test_setup(test_a_path_that_loses_the_first_ping, start),
        cmocka_unit_test_setup(test_bytes_that_do_not_leave_are_noticed, start),
        cmocka_unit_test_setup(test_a_talking_peer_that_takes_nothing_lives, start),
        cmocka_unit_test_setup(test_requests_that_come_and_go_set_few_timers, start),
        cmocka_unit_test_setup(test_a_frozen_process_asks_again, start),
        cmocka_unit_test_setup(test_a_frozen_process_finds_its_peer_alive, start),
        cmocka_unit_test_setup(test_a_stopped_heartbeat_is_silent, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
