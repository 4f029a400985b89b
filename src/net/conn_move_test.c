/* Connections that change their thread: none is lost, none is told twice, and every byte arrives. */
#include "net/conn.h"

#include <pthread.h>
#include <stdatomic.h>

#include "net/conn_test_kit.h"

#define CROWD 120
#define ECHO_BYTES 100000

/* The thread that connections move to. Its loop and its ends are touched by it alone, but for the counters. */
struct other {
    struct loop *loop;
    struct loop *home;
    pthread_t thread;
    atomic_int arrived_count;
    atomic_int closed_count;
    atomic_int misplaced_count; /* things that came on the wrong thread */
};

/* One end on a server, from accept on. */
struct far {
    struct other *other;
    struct kit_engine engine;
    int hops;
    bool is_engaged;
};

static _Thread_local bool is_there;

static void *run_other(void *context) {
    struct other *other = context;
    is_there = true;
    loop_run(other->loop);
    return NULL;
}

static void check_thread(struct other *other, bool is_expected_there) {
    if (is_there != is_expected_there) {
        atomic_fetch_add(&other->misplaced_count, 1);
    }
}

static void on_far_closed(void *owner, struct conn *conn, const struct why *why) {
    struct far *far = owner;
    (void)why;
    check_thread(far->other, conn_loop(conn) == far->other->loop);
    atomic_fetch_add(&far->other->closed_count, 1);
    if (!far->is_engaged) {
        far->engine.is_lost = true;
    }
    memory_free(far);
}

static const struct conn_events far_events = {NULL, on_far_closed};

static void arrive(void *context, struct conn *conn) {
    struct far *far = context;
    struct other *other = far->other;
    check_thread(other, conn_loop(conn) == other->loop);
    if (far->hops > 0) {
        far->hops--;
        conn_move(conn, conn_loop(conn) == other->loop ? other->home : other->loop, arrive, far);
        return;
    }
    conn_set_events(conn, &far_events, far);
    kit_engine_init(&far->engine, conn_loop(conn));
    far->engine.is_echo = true;
    far->is_engaged = true;
    atomic_fetch_add(&other->arrived_count, 1);
    conn_set_engine(conn, &far->engine.engine);
}

static void on_far_established(void *owner, struct conn *conn) {
    struct far *far = owner;
    conn_move(conn, far->other->loop, arrive, far);
}

static void on_lost_in_handshake(void *owner, struct conn *conn, const struct why *why) {
    struct far *far = owner;
    (void)conn;
    (void)why;
    atomic_fetch_add(&far->other->arrived_count, 1);
    atomic_fetch_add(&far->other->closed_count, 1);
    memory_free(far);
}

static const struct conn_events near_events = {on_far_established, on_lost_in_handshake};

struct crowd {
    struct bench bench;
    struct other other;
    struct kit_side clients[CROWD];
};

static void crowd_accept(struct crowd *crowd, int hops) {
    int fd = bench_accept_fd(&crowd->bench);
    struct far *far = MEMORY_NEW(struct far);
    far->other = &crowd->other;
    far->hops = hops;
    conn_accept(crowd->bench.loop, fd, crowd->bench.server_tls, &no_timeouts, &near_events, far);
}

static void crowd_connect(struct crowd *crowd, struct kit_side *client) {
    struct conn_connect_config config = {
        .address = crowd->bench.address, .tls = crowd->bench.client_tls, .server_name = "a.test"};
    kit_side_init(client, crowd->bench.loop);
    client->conn = conn_connect(crowd->bench.loop, &config, &kit_side_events, client);
}

static struct crowd *crowd_new(bool is_tls) {
    struct crowd *crowd = MEMORY_NEW(struct crowd);
    bench_init(&crowd->bench, is_tls);
    crowd->other.loop = kit_loop();
    crowd->other.home = crowd->bench.loop;
    return crowd;
}

static void crowd_start(struct crowd *crowd) {
    assert_int_equal(pthread_create(&crowd->other.thread, NULL, run_other, &crowd->other), 0);
}

static bool all_have_gone(void *context) {
    struct crowd *crowd = context;
    if (atomic_load(&crowd->other.closed_count) < CROWD) {
        return false;
    }
    for (int i = 0; i < CROWD; i++) {
        if (!crowd->clients[i].is_closed) {
            return false;
        }
    }
    return true;
}

static void crowd_free(struct crowd *crowd) {
    for (int i = 0; i < CROWD; i++) {
        if (crowd->clients[i].engine.pattern != NULL) {
            kit_side_fini(&crowd->clients[i]);
        }
    }
    bench_fini(&crowd->bench);
    memory_free(crowd);
}

static void check_crowd(bool is_tls, int hops) {
    struct crowd *crowd = crowd_new(is_tls);
    crowd_start(crowd);
    for (int i = 0; i < CROWD; i++) {
        struct kit_side *client = &crowd->clients[i];
        crowd_connect(crowd, client);
        if (i % 4 == 3) {
            client->aborts_on_established = true; /* gone while its other end is on the way */
        }
        client->engine.to_send = ECHO_BYTES; /* in flight with the end of the handshake */
        client->engine.done_at = ECHO_BYTES;
        crowd_accept(crowd, hops);
    }
    kit_until(crowd->bench.loop, all_have_gone, crowd);
    loop_stop(crowd->other.loop);
    pthread_join(crowd->other.thread, NULL);
    kit_loop_free(crowd->other.loop);
    assert_int_equal(crowd->other.arrived_count, CROWD);
    assert_int_equal(crowd->other.closed_count, CROWD);
    assert_int_equal(crowd->other.misplaced_count, 0);
    for (int i = 0; i < CROWD; i++) {
        if (i % 4 != 3) {
            assert_int_equal(crowd->clients[i].engine.received, ECHO_BYTES);
            assert_false(crowd->clients[i].engine.is_pattern_broken);
        }
    }
    crowd_free(crowd);
}

static void test_a_crowd_moves_with_bytes_in_flight(void **state) {
    (void)state;
    check_crowd(true, 0);
    check_crowd(false, 0);
}

static void test_there_and_back_again(void **state) {
    (void)state;
    check_crowd(true, 5); /* ends where it began */
    check_crowd(true, 6);
}

struct small_move {
    struct crowd *crowd;
    struct far *far;
    struct conn *conn;
    bool is_established;
};

static void note_established(void *owner, struct conn *conn) {
    struct small_move *move = owner;
    move->conn = conn;
    move->is_established = true;
}

static void fail_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    fail_msg("told of an end on the way: %s", why->slug);
}

static const struct conn_events note_events = {note_established, fail_closed};

static void small_move_open(struct small_move *move, struct crowd *crowd) {
    *move = (struct small_move){.crowd = crowd, .far = MEMORY_NEW(struct far)};
    move->far->other = &crowd->other;
    crowd_connect(crowd, &crowd->clients[0]);
    int fd = bench_accept_fd(&crowd->bench);
    conn_accept(crowd->bench.loop, fd, crowd->bench.server_tls, &no_timeouts, &note_events, move);
    kit_until_true(crowd->bench.loop, &move->is_established);
    kit_until_true(crowd->bench.loop, &crowd->clients[0].is_established);
}

/* Where it was to arrive has ended, before the post and after it: the peer is told, nothing is left. */
static void test_the_loop_ends_before_the_arrival(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct crowd *crowd = crowd_new(true);
        struct small_move move;
        small_move_open(&move, crowd);
        conn_move(move.conn, crowd->other.loop, arrive, move.far);
        if (i == 0) {
            kit_run_for(crowd->bench.loop, 5); /* it is in the mailbox */
        }
        loop_free(&crowd->other.loop);
        kit_until_true(crowd->bench.loop, &crowd->clients[0].is_closed);
        assert_true(crowd->clients[0].engine.has_end); /* with close_notify */
        assert_int_equal(crowd->other.arrived_count, 0);
        memory_free(move.far);
        crowd_free(crowd);
    }
}

/* The owner closed it, and then moves it all the same. */
static void test_what_has_ended_is_told_where_it_arrives(void **state) {
    (void)state;
    struct crowd *crowd = crowd_new(true);
    struct small_move move;
    small_move_open(&move, crowd);
    conn_abort(move.conn);
    conn_move(move.conn, crowd->other.loop, arrive, move.far);
    kit_run_for(crowd->bench.loop, 5);
    assert_int_equal(crowd->other.arrived_count, 0);
    crowd_start(crowd);
    kit_until_true(crowd->bench.loop, &crowd->clients[0].is_closed);
    loop_stop(crowd->other.loop);
    pthread_join(crowd->other.thread, NULL);
    kit_loop_free(crowd->other.loop);
    assert_int_equal(crowd->other.arrived_count, 1);
    assert_int_equal(crowd->other.closed_count, 1);
    assert_int_equal(crowd->other.misplaced_count, 0);
    crowd_free(crowd);
}

/* A request that came with the end of the handshake lies in OpenSSL, where no poller sees it. */
static void test_bytes_that_tls_has_read_go_along(void **state) {
    (void)state;
    struct crowd *crowd = crowd_new(true);
    struct small_move move = {.crowd = crowd, .far = MEMORY_NEW(struct far)};
    move.far->other = &crowd->other;
    struct kit_side *client = &crowd->clients[0];
    crowd_connect(crowd, client);
    client->engine.to_send = 3000;
    client->engine.done_at = 3000;
    int fd = bench_accept_fd(&crowd->bench);
    conn_accept(crowd->bench.loop, fd, crowd->bench.server_tls, &no_timeouts, &note_events, &move);
    kit_until_true(crowd->bench.loop, &move.is_established);
    kit_until_true(crowd->bench.loop, &client->is_established);
    kit_run_for(crowd->bench.loop, 20);
    crowd_start(crowd);
    conn_move(move.conn, crowd->other.loop, arrive, move.far);
    kit_until_true(crowd->bench.loop, &client->is_closed);
    assert_int_equal(client->engine.received, 3000);
    loop_stop(crowd->other.loop);
    pthread_join(crowd->other.thread, NULL);
    kit_loop_free(crowd->other.loop);
    crowd_free(crowd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crowd_moves_with_bytes_in_flight),
        cmocka_unit_test(test_there_and_back_again),
        cmocka_unit_test(test_the_loop_ends_before_the_arrival),
        cmocka_unit_test(test_what_has_ended_is_told_where_it_arrives),
        cmocka_unit_test(test_bytes_that_tls_has_read_go_along),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
