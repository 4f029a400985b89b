#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "warpgate/warpgate_dial.h"
#include "warpgate/warpgate_upstream.h"

/* Dials and connections, played by the test: a dial succeeds or fails when the test says so. */

struct warpgate_dial {
    warpgate_dialled_fn done;
    void *context;
};

struct conn {
    const struct conn_events *events;
    void *owner;
    struct engine *engine;
    bool is_closing;
};

#define CONNS_MAX 2048
static struct warpgate_dial *dials[CONNS_MAX];
static size_t dial_count; /* running */
static size_t dialled_count;
static struct conn *conns[CONNS_MAX];
static size_t conn_total;

struct warpgate_dial *warpgate_dial_start(struct warpgate_parts *parts,
                                          const struct warpgate_dial_config *config,
                                          warpgate_dialled_fn done, void *context) {
    struct warpgate_dial *dial = MEMORY_NEW(struct warpgate_dial);
    (void)parts;
    assert_string_equal(config->host, "127.0.0.1");
    dial->done = done;
    dial->context = context;
    dials[dial_count++] = dial;
    dialled_count++;
    return dial;
}

static struct warpgate_dial *take_dial(size_t index) {
    struct warpgate_dial *dial = dials[index];
    dial_count--;
    for (size_t i = index; i < dial_count; i++) {
        dials[i] = dials[i + 1];
    }
    return dial;
}

void warpgate_dial_cancel(struct warpgate_dial **at) {
    for (size_t i = 0; i < dial_count; i++) {
        if (dials[i] == *at) {
            memory_free(take_dial(i));
            break;
        }
    }
    *at = NULL;
}

void conn_set_events(struct conn *conn, const struct conn_events *events, void *owner) {
    conn->events = events;
    conn->owner = owner;
}

void conn_set_engine(struct conn *conn, struct engine *engine) {
    conn->engine = engine;
}

void conn_close(struct conn *conn) {
    conn->is_closing = true;
}

void conn_abort(struct conn *conn) {
    conn->is_closing = true;
}

static const struct why closed_why = {"closed", "closed"};
static const struct why refused_why = {"tcp_connect", "connection refused"};

static void end_conn(struct conn *conn) {
    for (size_t i = 0; i < conn_total; i++) {
        if (conns[i] == conn) {
            conns[i] = conns[--conn_total];
            break;
        }
    }
    conn->engine->ops->lost(conn->engine);
    conn->engine->ops->free(conn->engine);
    conn->events->on_closed(conn->owner, conn, &closed_why);
    memory_free(conn);
}

/* Connections that were asked to close do. */
static size_t end_closing(void) {
    size_t count = 0;
    for (size_t i = conn_total; i > 0; i--) {
        if (conns[i - 1]->is_closing) {
            end_conn(conns[i - 1]);
            count++;
        }
    }
    return count;
}

static void establish(void) {
    struct warpgate_dial *dial = take_dial(0);
    struct conn *conn = MEMORY_NEW(struct conn);
    conns[conn_total++] = conn;
    dial->done(dial->context, conn, NULL);
    memory_free(dial);
}

static void refuse(void) {
    struct warpgate_dial *dial = take_dial(0);
    dial->done(dial->context, NULL, &refused_why);
    memory_free(dial);
}

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

static int start(void **state) {
    (void)state;
    struct warpgate_target target;
    log_set_level(LOG_ERROR);
    parts = (struct warpgate_parts){.loop = loop_new(clock_system(), random_system()),
                                    .events = &events};
    dial_count = dialled_count = conn_total = 0;
    health_count = ready_order = 0;
    assert_int_equal(warpgate_target_parse(STR("127.0.0.1:8080"), &target, NULL), STATUS_OK);
    upstream = warpgate_upstream_new(&parts, &target);
    while (dial_count == 0) { /* the first look */
        turn();
    }
    assert_int_equal(dial_count, 1);
    return 0;
}

static int stop(void **state) {
    (void)state;
    warpgate_upstream_free(&upstream);
    (void)end_closing();
    turn();
    assert_int_equal(parts.open_count, 0);
    assert_int_equal(dial_count, 0);
    assert_int_equal(conn_total, 0);
    loop_free(&parts.loop);
    return 0;
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
    assert_false(warpgate_upstream_is_reused(a.link));
    struct warpgate_link *last = b.link;
    warpgate_upstream_give_back(&a.link);
    warpgate_upstream_give_back(&b.link);
    assert_int_equal(take(&c), STATUS_OK);
    assert_ptr_equal(c.link, last);
    assert_true(warpgate_upstream_is_reused(c.link));
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
    assert_int_equal(end_closing(), WARPGATE_UPSTREAM_LINKS_MAX - WARPGATE_UPSTREAM_IDLE_MAX);
}

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
