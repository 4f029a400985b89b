#include "edge/edge_roster.h"

#include <pthread.h>

#include "edge/edge_roster_report.h"
#include "edge/edge_roster_test_kit.h"

static void every_worker_gets_a_tunnel(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    struct edge_roster_seat *first = sit(roster, 1, 1);
    struct edge_roster_seat *second = sit(roster, 1, 1);
    struct edge_roster_seat *third = sit(roster, 1, 1);
    assert_int_equal(edge_roster_seat_worker(first), 1); /* where it is, while all are even */
    assert_int_equal(edge_roster_seat_worker(second), 0);
    assert_int_equal(edge_roster_seat_worker(third), 2);
    edge_roster_remove(&second);
    assert_null(second);
    second = sit(roster, 1, 2);
    assert_int_equal(edge_roster_seat_worker(second), 0);
    edge_roster_free(&roster);
}

static void a_tunnel_that_leaves_does_not_count(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    struct edge_roster_seat *old = sit(roster, 1, 0);
    edge_roster_update(old, EDGE_ROSTER_READY, 1, "");
    edge_roster_update(old, EDGE_ROSTER_LEAVING, 1, "");
    edge_roster_update(old, EDGE_ROSTER_READY, 1, ""); /* nobody comes back */
    assert_false(edge_roster_serves(roster, &(struct id){ENVIRONMENT}));
    assert_int_equal(edge_roster_seat_worker(sit(roster, 1, 0)), 0);
    edge_roster_free(&roster);
}

static struct edge_roster_seat *sit_ready(struct edge_roster *roster, unsigned warpgate) {
    struct edge_roster_seat *seat = sit(roster, warpgate, 0);
    edge_roster_update(seat, EDGE_ROSTER_READY, 1, "");
    return seat;
}

/* After losses two may be left on one worker, and none on another, with as many as are wanted in all. */
static void what_losses_left_uneven_is_evened(void **state) {
    struct edge_roster *roster = new_roster();
    struct edge_roster_seat *seats[WORKERS + 1];
    (void)state;
    for (unsigned i = 0; i <= WORKERS; i++) {
        seats[i] = sit_ready(roster, 1);
        assert_int_equal(edge_roster_seat_worker(seats[i]), i % WORKERS);
    }
    assert_false(edge_roster_should_move(seats[0])); /* every worker has one */
    now_ms += 2 * EDGE_ROSTER_UNEVEN_MS;
    assert_false(edge_roster_should_move(seats[0]));
    edge_roster_remove(&seats[1]);
    assert_false(edge_roster_should_move(seats[0])); /* one may be on its way */
    assert_false(edge_roster_should_move(seats[2]));
    assert_false(edge_roster_should_move(seats[3]));
    now_ms += EDGE_ROSTER_UNEVEN_MS;
    assert_false(edge_roster_should_move(seats[2])); /* alone on its worker */
    assert_true(edge_roster_should_move(seats[3]));
    assert_false(edge_roster_should_move(seats[0])); /* one at a time */
    now_ms += EDGE_ROSTER_MOVE_MS;
    assert_true(edge_roster_should_move(seats[0])); /* it has not helped */
    now_ms += EDGE_ROSTER_MOVE_MS;
    struct edge_roster_seat *next = sit(roster, 1, 0);
    assert_int_equal(edge_roster_seat_worker(next), 1);
    assert_false(edge_roster_should_move(seats[0])); /* on its way */
    edge_roster_remove(&next);
    assert_false(edge_roster_should_move(seats[0])); /* counted anew */
    edge_roster_update(seats[3], EDGE_ROSTER_LEAVING, 1, "");
    now_ms += EDGE_ROSTER_MOVE_MS;
    assert_false(edge_roster_should_move(seats[0])); /* the other one does not count any more */
    assert_false(edge_roster_should_move(NULL));
    edge_roster_free(&roster);
}

static void warpgates_of_one_environment_are_spread(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    assert_int_equal(edge_roster_seat_worker(sit(roster, 1, 0)), 0);
    assert_int_equal(edge_roster_seat_worker(sit(roster, 2, 0)), 1);
    assert_int_equal(edge_roster_seat_worker(sit(roster, 3, 0)), 2);
    edge_roster_free(&roster);
}

static void a_warpgate_has_a_limit(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    for (unsigned i = 0; i < EDGE_ROSTER_SEATS_MAX; i++) {
        assert_non_null(sit(roster, 1, 0));
    }
    assert_null(sit(roster, 1, 0));
    assert_non_null(sit(roster, 2, 0));
    edge_roster_free(&roster);
}

static void visitors_go_where_tunnels_are(void **state) {
    struct edge_roster *roster = new_roster();
    const struct id environment = {ENVIRONMENT};
    (void)state;
    assert_int_equal(edge_roster_visitor_came(roster, 0, NULL), 0);
    assert_int_equal(edge_roster_visitor_came(roster, 2, &environment), 2); /* there is none */
    struct edge_roster_seat *seat = sit(roster, 1, 1);
    assert_int_equal(edge_roster_visitor_came(roster, 2, &environment), 2); /* not ready yet */
    edge_roster_update(seat, EDGE_ROSTER_READY, 1, "");
    assert_true(edge_roster_serves(roster, &environment));
    assert_int_equal(edge_roster_visitor_came(roster, 0, &environment), 1);
    assert_int_equal(edge_roster_visitor_came(roster, 2, &environment), 1);
    assert_int_equal(edge_roster_visitors_on(roster, 1), 2);
    assert_int_equal(edge_roster_visitor_count(roster), 5);
    edge_roster_remove(&seat);
    assert_false(edge_roster_serves(roster, &environment));
    edge_roster_free(&roster);
}

static void visitors_are_spread_where_all_have_tunnels(void **state) {
    struct edge_roster *roster = new_roster();
    const struct id environment = {ENVIRONMENT};
    unsigned counts[WORKERS] = {0};
    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        edge_roster_update(sit(roster, 1, 0), EDGE_ROSTER_READY, 1, "");
    }
    for (unsigned i = 0; i < 9; i++) {
        counts[edge_roster_visitor_came(roster, 0, &environment)]++; /* one accepts them all */
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_in_range(counts[i], 2, 4);
    }
    edge_roster_free(&roster);
}

struct crowd {
    struct edge_roster *roster;
    unsigned worker;
};

static void *run_crowd(void *context) {
    const struct crowd *crowd = context;
    const struct id environment = {ENVIRONMENT};
    for (unsigned i = 0; i < 2000; i++) {
        struct edge_roster_seat *seat = sit(crowd->roster, crowd->worker, crowd->worker);
        edge_roster_update(seat, EDGE_ROSTER_READY, i + 1, "");
        edge_roster_applied(crowd->roster, crowd->worker, &environment, i + 1);
        edge_roster_visitor_left(
            crowd->roster, edge_roster_visitor_came(crowd->roster, crowd->worker, &environment));
        edge_roster_remove(&seat);
    }
    return NULL;
}

static void note_nothing(void *context) {
    (void)context;
}

static void tell_nothing(void *context, const struct feed_message *message) {
    (void)context;
    (void)message;
}

static void workers_do_not_disturb_each_other(void **state) {
    struct edge_roster *roster = edge_roster_new(WORKERS, clock_system(), note_nothing, NULL);
    struct crowd crowds[WORKERS];
    pthread_t threads[WORKERS];
    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        crowds[i] = (struct crowd){roster, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_crowd, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        edge_roster_report(roster, tell_nothing, NULL);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(edge_roster_visitor_count(roster), 0);
    assert_false(edge_roster_serves(roster, &(struct id){ENVIRONMENT}));
    edge_roster_free(&roster);
}

static void no_roster_is_needed(void **state) {
    struct edge_roster_seat *none = NULL;
    (void)state;
    edge_roster_update(NULL, EDGE_ROSTER_READY, 1, "");
    edge_roster_remove(&none);
    edge_roster_applied(NULL, 0, &(struct id){ENVIRONMENT}, 1);
    assert_int_equal(edge_roster_visitor_came(NULL, 2, NULL), 2);
    assert_int_equal(edge_roster_visitors_on(NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_worker_gets_a_tunnel),
        cmocka_unit_test(a_tunnel_that_leaves_does_not_count),
        cmocka_unit_test(what_losses_left_uneven_is_evened),
        cmocka_unit_test(warpgates_of_one_environment_are_spread),
        cmocka_unit_test(a_warpgate_has_a_limit),
        cmocka_unit_test(visitors_go_where_tunnels_are),
        cmocka_unit_test(visitors_are_spread_where_all_have_tunnels),
        cmocka_unit_test(workers_do_not_disturb_each_other),
        cmocka_unit_test(no_roster_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
