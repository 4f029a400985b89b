#include "edge/edge_spread.h"

#include "edge/edge_test_kit.h"

#define PARKING_IS_OVER_MS 60000

static void ignore_due(void *context) {
    (void)context;
}

/* A worker without a tunnel, one of two. */
static struct kit *kit_one_of_two(void) {
    struct kit *kit = kit_new();
    kit->worker.roster = edge_roster_new(2, clock_system(), ignore_due, NULL);
    kit->worker.started_ms -= PARKING_IS_OVER_MS;
    kit->visitor.conn = kit->conn;
    kit_configure(kit, 1);
    return kit;
}

static void end(struct kit *kit) {
    struct edge_roster *roster = kit->worker.roster;
    kit_free(kit);
    edge_roster_free(&roster);
}

static struct edge_roster_seat *sit_elsewhere(struct kit *kit) {
    const struct cert_identity identity = {.subject = {"wg_01jd3m8k6vq2x7r9t4w5y6z8ab"},
                                           .environment = {KIT_ENVIRONMENT}};
    struct edge_roster_seat *seat = edge_roster_add(kit->worker.roster, 1, &identity, "192.0.2.7");
    assert_int_equal(edge_roster_seat_worker(seat), 1);
    edge_roster_update(seat, EDGE_ROSTER_READY, 1, "");
    return seat;
}

static void ask(struct kit *kit) {
    kit_send(kit, KIT_GET);
    assert_non_null(strstr(kit->out, "no_warpgate"));
}

static void a_visitor_is_sent_to_the_worker_that_has_a_tunnel(void **state) {
    struct kit *kit = kit_one_of_two();
    (void)state;
    struct edge_roster_seat *seat = sit_elsewhere(kit);
    ask(kit);
    assert_non_null(strstr(kit->out, "Connection: close"));
    edge_roster_remove(&seat);
    end(kit);
}

/* The request that is here already waits here: its own worker may have one again soon. */
static void nor_does_the_next_request_wait_here(void **state) {
    struct kit *kit = kit_one_of_two();
    (void)state;
    (void)kit_connect(kit, 0, KIT_ANSWER);
    kit_lose(&kit->tunnels[0]);
    struct edge_roster_seat *seat = sit_elsewhere(kit);
    kit_send(kit, KIT_GET);
    assert_int_equal(kit->worker.parked_count, 1);
    (void)kit_connect(kit, 1, KIT_ANSWER);
    kit_turn(kit);
    assert_non_null(strstr(kit->out, "HTTP/1.1 200 "));
    assert_non_null(strstr(kit->out, "Connection: close"));
    edge_roster_remove(&seat);
    end(kit);
}

static void where_nobody_has_one_it_stays(void **state) {
    struct kit *kit = kit_one_of_two();
    (void)state;
    ask(kit);
    assert_null(strstr(kit->out, "Connection: close"));
    end(kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visitor_is_sent_to_the_worker_that_has_a_tunnel),
        cmocka_unit_test(nor_does_the_next_request_wait_here),
        cmocka_unit_test(where_nobody_has_one_it_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
