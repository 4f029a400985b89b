/* edge_worker_test.c: how a worker ends: what it waits for, and for how long. Visitors are plain sockets. */
#include "edge/edge_worker.h"

#include <fcntl.h>

#include "base/memory.h"
#include "edge/edge_test_kit.h"

#define NEVER_MS 600000

static struct loop *loop;
static struct edge edge;
static struct edge_worker *worker;
static bool has_ended;
static bool has_closed;
static int fd; /* the visitor's end */

static void note(void *context) {
    *(bool *)context = true;
}

static void ignore_due(void *context) {
    (void)context;
}

/* The second of two: it does not look after the whole process. */
static int start(void **state) {
    (void)state;
    has_ended = has_closed = false;
    loop = loop_new(clock_system(), random_system());
    edge = (struct edge){.loop = loop,
                         .running = 1,
                         .worker_count = 2,
                         .closing = 1,
                         .on_ended = note,
                         .ended_context = &has_ended,
                         .on_closed = note,
                         .closed_context = &has_closed};
    edge.roster = edge_roster_new(2, clock_system(), ignore_due, NULL);
    worker = edge_worker_new(&edge, 1, loop);
    edge.workers[1] = worker;
    return 0;
}

static int stop(void **state) {
    (void)state;
    edge_worker_free(&worker);
    loop_free(&loop);
    edge_roster_free(&edge.roster);
    return 0;
}

static void run_until(const bool *is_so) {
    while (!*is_so) {
        (void)uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
}

static void run_until_state(enum edge_worker_state state) {
    while (worker->state < state) {
        (void)uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    assert_int_equal(worker->state, state);
}

static void come(void) {
    static const struct conn_events events = {.on_established = kit_on_conn_established,
                                              .on_closed = kit_on_conn_closed};
    static const struct conn_timeouts timeouts = {0};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    fd = fds[1];
    struct conn *conn = conn_accept(loop, fds[0], NULL, &timeouts, &events, NULL);
    (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(edge_roster_visitor_came(edge.roster, 1, NULL), 1);
    edge_visitor_accept(worker, conn);
}

static void with_nobody_there_it_ends_when_it_has_been_heard(void **state) {
    (void)state;
    edge_worker_stop(worker, EDGE_FAREWELL_STOP, NEVER_MS);
    edge_check_ended(worker);
    assert_int_equal(worker->state, EDGE_WORKER_LEAVING); /* what was said must get out */
    run_until(&has_ended);
    assert_int_equal(worker->state, EDGE_WORKER_ENDED);
}

static void the_last_visitor_that_goes_ends_it(void **state) {
    (void)state;
    come();
    edge_worker_stop(worker, EDGE_FAREWELL_STOP, NEVER_MS);
    run_until_state(EDGE_WORKER_FINISHING);
    edge_check_ended(worker);
    assert_int_equal(worker->state, EDGE_WORKER_FINISHING);
    (void)close(fd);
    run_until(&has_ended);
}

static void one_that_is_on_its_way_is_waited_for(void **state) {
    (void)state;
    assert_int_equal(edge_roster_visitor_came(edge.roster, 1, NULL), 1);
    edge_worker_stop(worker, EDGE_FAREWELL_STOP, NEVER_MS);
    run_until_state(EDGE_WORKER_FINISHING);
    edge_check_ended(worker);
    assert_int_equal(worker->state, EDGE_WORKER_FINISHING);
    edge_roster_visitor_left(edge.roster, 1);
    edge_check_ended(worker);
    run_until(&has_ended);
}

static void when_the_grace_is_over_visitors_are_closed(void **state) {
    char byte;
    (void)state;
    come();
    edge_worker_stop(worker, EDGE_FAREWELL_STOP, 0);
    run_until_state(EDGE_WORKER_CLOSING); /* there is no WebSocket to part with */
    (void)fcntl(fd, F_SETFL, 0);
    (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(recv(fd, &byte, 1, 0), 0); /* in an orderly way */
    (void)close(fd);
    run_until(&has_ended);
}

static void and_those_that_do_not_go_are_cut(void **state) {
    (void)state;
    come();
    edge_worker_stop(worker, EDGE_FAREWELL_STOP, 0);
    run_until(&has_ended); /* the visitor has not closed its end */
    (void)close(fd);
}

static void without_fronts_it_is_closed_at_once(void **state) {
    (void)state;
    edge_worker_close(worker);
    run_until(&has_closed);
    assert_int_equal(worker->state, EDGE_WORKER_RUNNING);
}

static void listeners_have_a_limit(void **state) {
    struct why why = {0};
    (void)state;
    worker->front_count = EDGE_LISTENERS_MAX;
    assert_int_equal(edge_worker_open(worker, -1, NULL, NULL, &why), STATUS_FAILED);
    assert_string_equal(why.slug, "listeners_full");
    worker->front_count = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(with_nobody_there_it_ends_when_it_has_been_heard),
        TEST(the_last_visitor_that_goes_ends_it),
        TEST(one_that_is_on_its_way_is_waited_for),
        TEST(when_the_grace_is_over_visitors_are_closed),
        TEST(and_those_that_do_not_go_are_cut),
        TEST(without_fronts_it_is_closed_at_once),
        TEST(listeners_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
