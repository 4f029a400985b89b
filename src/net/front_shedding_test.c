/* Who gets in when descriptors are scarce. */
#include <sys/resource.h>
#include <unistd.h>

#include "net/descriptor_budget.h"
#include "net/front_test_kit.h"

#define CROWD 64

struct crowd {
    struct stage stage;
    struct kit_side clients[CROWD];
    struct conn *held[CROWD]; /* the visitors' other ends */
    int held_count;
    int strangers[CROWD]; /* sockets that were open before the limit */
    size_t missing_count; /* what on_pressure said last */
    int pressed_count;
    struct rlimit former;
};

static void note_pressure(void *context, size_t missing_count) {
    struct crowd *crowd = context;
    crowd->missing_count = missing_count;
    crowd->pressed_count++;
}

static void ignore_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    (void)why;
}

static const struct conn_events held_events = {NULL, ignore_closed};

static void hold(void *context, struct conn *conn) {
    struct crowd *crowd = context;
    conn_set_events(conn, &held_events, NULL);
    crowd->held[crowd->held_count++] = conn;
}

static bool crowd_wants(void *context, struct str name, const struct front_hello *hello) {
    return service_wants(&((struct crowd *)context)->stage.visitors, name, hello);
}

static struct tls_context *crowd_tls(void *context) {
    return ((struct crowd *)context)->stage.visitors.tls;
}

/* So many descriptors may be open above what is now, besides a reserve of half of all. */
static struct crowd *crowd_new(int stranger_count, int spare_count) {
    struct crowd *crowd = MEMORY_NEW(struct crowd);
    for (int i = 0; i < stranger_count; i++) {
        crowd->strangers[i] = socket(AF_INET, SOCK_STREAM, 0);
    }
    struct stage *stage = &crowd->stage;
    stage_init(stage);
    front_free(&stage->front);
    stage->front = stage_front(stage, stage->loop);
    stage_add(stage, &stage->tunnels, "tunnels", 0);
    const struct front_service visitors = {.name = "visitors",
                                           .wants = crowd_wants,
                                           .tls = crowd_tls,
                                           .accept = hold,
                                           .context = crowd,
                                           .is_sheddable = true};
    front_add(stage->front, &visitors);
    front_set_on_pressure(stage->front, note_pressure, crowd);
    getrlimit(RLIMIT_NOFILE, &crowd->former);
    size_t limit = 2 * (descriptor_budget_now().used + (size_t)spare_count);
    assert_true(limit <= 2 * DESCRIPTOR_BUDGET_RESERVE_MIN);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit, crowd->former.rlim_max});
    descriptor_budget_read_limit();
    return crowd;
}

static void crowd_free(struct crowd *crowd) {
    for (int i = 0; i < CROWD; i++) {
        if (crowd->clients[i].conn != NULL) {
            conn_abort(crowd->clients[i].conn);
        }
    }
    for (int i = 0; i < crowd->held_count; i++) {
        conn_abort(crowd->held[i]);
    }
    setrlimit(RLIMIT_NOFILE, &crowd->former);
    descriptor_budget_read_limit();
    kit_run_for(crowd->stage.loop, 5);
    for (int i = 0; i < CROWD; i++) {
        kit_side_fini(&crowd->clients[i]);
    }
    stage_fini(&crowd->stage);
    memory_free(crowd);
}

static void crowd_visit(struct crowd *crowd, struct kit_side *client) {
    stage_connect(&crowd->stage, crowd->stage.visitor_tls, "a.test", client);
    struct kit_side *sides[2] = {client, client};
    kit_until(crowd->stage.loop, kit_both_are_established, sides);
}

/* Visitors are shed before the last descriptor is gone; a tunnel still gets in; when some have left, others may come. */
static void test_visitors_give_way_to_tunnels(void **state) {
    (void)state;
    struct crowd *crowd = crowd_new(0, 10);
    struct stage *stage = &crowd->stage;
    int count = 0;
    do {
        assert_true(count < CROWD);
        crowd_visit(crowd, &crowd->clients[count++]);
    } while (!crowd->clients[count - 1].is_closed);
    assert_in_range(count, 5, 7); /* two descriptors each: both ends are ours */
    assert_non_null(strstr(crowd->clients[count - 1].why.text, "internal_error"));
    assert_true(crowd->pressed_count > 0);
    assert_in_range(crowd->missing_count, 1, 4);

    struct kit_side tunnel;
    stage_connect(stage, stage->tunnel_tls, "edge.test", &tunnel);
    until_served(stage, &tunnel, &stage->tunnels.side);
    close_client(stage, &tunnel);

    int held_count = crowd->held_count;
    for (int i = 0; i < 3; i++) {
        conn_abort(crowd->held[--crowd->held_count]);
    }
    kit_run_for(stage->loop, 20);
    crowd_visit(crowd, &crowd->clients[count]);
    assert_true(crowd->clients[count].is_established);
    kit_run_for(stage->loop, 5);
    assert_int_equal(crowd->held_count, held_count - 2);
    crowd_free(crowd);
}

/* Half-open handshakes do not use up what is kept for tunnels. */
static void test_silent_strangers_do_not_use_up_the_reserve(void **state) {
    (void)state;
    enum { STRANGERS = 36 };
    struct crowd *crowd = crowd_new(STRANGERS, 4);
    struct stage *stage = &crowd->stage;
    size_t reserve = descriptor_budget_now().reserve;
    const struct address *address = &stage->address;
    assert_true(reserve / 2 + 1 < STRANGERS);
    for (int i = 0; i < STRANGERS; i++) {
        assert_int_equal(
            connect(crowd->strangers[i], (const struct sockaddr *)&address->storage, address->len),
            0);
        kit_run_for(stage->loop, 1);
    }
    kit_run_for(stage->loop, 20);
    assert_in_range(front_handshake_count(stage->front), 4, reserve / 2 + 1);
    struct kit_side tunnel;
    stage_connect(stage, stage->tunnel_tls, "edge.test", &tunnel);
    until_served(stage, &tunnel, &stage->tunnels.side);
    close_client(stage, &tunnel);
    for (int i = 0; i < STRANGERS; i++) {
        close(crowd->strangers[i]);
    }
    crowd_free(crowd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visitors_give_way_to_tunnels),
        cmocka_unit_test(test_silent_strangers_do_not_use_up_the_reserve),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
