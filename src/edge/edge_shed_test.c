#include "edge/edge_shed.h"

#include "edge/edge_relay.h"
#include "edge/edge_test_kit.h"

#define LIMIT ((size_t)100 << 20)
#define PERCENT(n) (LIMIT / 100 * (n))

static void pressure_rises_and_falls_apart(void **state) {
    (void)state;
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_NONE, PERCENT(84), LIMIT), EDGE_PRESSURE_NONE);
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_NONE, PERCENT(86), LIMIT), EDGE_PRESSURE_HIGH);
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_NONE, PERCENT(96), LIMIT), EDGE_PRESSURE_SEVERE);
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_SEVERE, PERCENT(90), LIMIT), EDGE_PRESSURE_HIGH);
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_HIGH, PERCENT(82), LIMIT), EDGE_PRESSURE_HIGH);
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_HIGH, PERCENT(79), LIMIT), EDGE_PRESSURE_NONE);
    assert_int_equal(edge_shed_judge(EDGE_PRESSURE_NONE, PERCENT(99), 0), EDGE_PRESSURE_NONE);
}

static struct kit *kit_under(struct edge *edge, enum edge_pressure pressure) {
    struct kit *kit = kit_new();
    *edge = (struct edge){.worker_count = 1};
    atomic_store(&edge->pressure, pressure);
    kit->worker.edge = edge;
    kit_configure(kit, 1);
    return kit;
}

static void what_is_new_is_refused(void **state) {
    struct edge edge;
    struct kit *kit = kit_under(&edge, EDGE_PRESSURE_HIGH);
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    (void)state;
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    assert_non_null(strstr(kit->out, "HTTP/1.1 503 "));
    assert_non_null(strstr(kit->out, "overloaded"));
    assert_non_null(strstr(kit->out, "retry-after: "));
    assert_int_equal(at->request_count, 0);
    atomic_store(&edge.pressure, EDGE_PRESSURE_NONE);
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    assert_int_equal(at->request_count, 1);
    kit_free(kit);
}

static void one_visitor_too_many_is_refused(void **state) {
    struct edge edge;
    struct kit *kit = kit_under(&edge, EDGE_PRESSURE_NONE);
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    (void)state;
    kit->visitor.is_excess = true;
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    assert_non_null(strstr(kit->out, "overloaded"));
    assert_int_equal(at->request_count, 0);
    kit_free(kit);
}

static void the_largest_unread_answer_is_cut(void **state) {
    struct edge edge;
    struct kit *kit = kit_under(&edge, EDGE_PRESSURE_NONE);
    (void)state;
    (void)kit_connect(kit, 0, KIT_HEAD);
    kit->is_deaf = true;
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n");
    assert_int_equal(kit->worker.unread_bytes, 5);
    edge_relay_cut_largest(&kit->worker, 0);
    assert_int_equal(kit->worker.unread_bytes, 5);
    edge_relay_cut_largest(&kit->worker, 1);
    assert_int_equal(kit->worker.unread_bytes, 0);
    kit_free(kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure_rises_and_falls_apart),
        cmocka_unit_test(what_is_new_is_refused),
        cmocka_unit_test(one_visitor_too_many_is_refused),
        cmocka_unit_test(the_largest_unread_answer_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
