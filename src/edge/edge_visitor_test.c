/* edge_visitor_test.c: a visitor's connection from its first byte to its last, over a plain socket. */
#include "edge/edge_visitor.h"

#include "base/memory.h"
#include "edge/edge_test_case.h"

static int fd; /* the visitor's end */
static char heard[4096];
static bool is_over;

/* Until neither end has anything more to say. */
static void settle(void) {
    size_t len = strlen(heard);
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        kit_turn(kit);
        ssize_t got;
        while ((got = recv(fd, heard + len, sizeof(heard) - len - 1, MSG_DONTWAIT)) > 0) {
            len += (size_t)got;
            quiet = 0;
        }
        is_over = is_over || got == 0;
    }
    heard[len] = '\0';
}

static void on_established(void *owner, struct conn *conn) {
    (void)conn;
    *(bool *)owner = true;
}

static struct conn *make_conn(void) {
    static const struct conn_events events = {.on_established = on_established,
                                              .on_closed = kit_on_conn_closed};
    static const struct conn_timeouts timeouts = {0};
    bool is_established = false;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    fd = fds[1];
    heard[0] = '\0';
    is_over = false;
    struct conn *conn = conn_accept(kit->loop, fds[0], NULL, &timeouts, &events, &is_established);
    for (unsigned i = 0; i < 100 && !is_established; i++) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    }
    assert_true(is_established);
    return conn;
}

static struct edge_visitor *come(void) {
    edge_visitor_accept(&kit->worker, make_conn());
    assert_int_equal(kit->worker.visitor_count, 1);
    struct edge_visitor *visitor =
        CONTAINER_OF(kit->worker.visitors.next, struct edge_visitor, node);
    visitor->server_name = STR(KIT_HOST); /* which only TLS tells */
    return visitor;
}

static void say(const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    settle();
}

static bool has_heard(const char *text) {
    return strstr(heard, text) != NULL;
}

static void assert_gone(void) {
    assert_true(is_over);
    assert_int_equal(kit->worker.visitor_count, 0);
    assert_true(list_is_empty(&kit->worker.visitors));
    (void)close(fd);
}

static void leave(void) {
    (void)shutdown(fd, SHUT_WR);
    settle();
    assert_gone();
}

static void one_request_after_the_other(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    (void)come();
    say(KIT_GET);
    assert_true(has_heard("HTTP/1.1 200 "));
    assert_false(has_heard("Connection: close"));
    say(KIT_GET);
    assert_int_equal(at->request_count, 2);
    assert_int_equal(kit->worker.visitor_count, 1);
    leave();
}

static void idle_is_who_has_nothing_here(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    struct edge_visitor *visitor = come();
    assert_true(edge_visitor_is_idle(visitor));
    say("GET /app HTTP/1.1\r\n");
    assert_false(edge_visitor_is_idle(visitor));
    say("Host: " KIT_HOST "\r\n\r\n");
    assert_false(edge_visitor_is_idle(visitor));
    at->mode = KIT_ANSWER;
    kit_answer(at);
    settle();
    assert_true(has_heard("hello"));
    assert_true(edge_visitor_is_idle(visitor));
    leave();
}

static void a_drained_one_gets_its_answer_and_no_more(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    struct edge_visitor *visitor = come();
    say(KIT_GET);
    edge_visitor_drain(visitor);
    settle();
    assert_false(is_over);
    at->mode = KIT_ANSWER;
    kit_answer(at);
    settle();
    assert_true(has_heard("Connection: close"));
    assert_true(has_heard("hello"));
    leave();
}

static void what_is_closed_takes_its_request_along(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    struct edge_visitor *visitor = come();
    say(KIT_GET);
    edge_visitor_close(visitor);
    settle();
    assert_true(is_over);
    leave();
    assert_int_equal(at->cancelled_count, 1);
}

static void nonsense_is_answered_and_closed(void **state) {
    (void)state;
    (void)come();
    say("nonsense\r\n\r\n");
    assert_true(has_heard("HTTP/1.1 400 "));
    assert_true(has_heard("application/problem+json"));
    leave();
}

static void a_worker_that_stops_answers_once(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_ANSWER);
    kit->worker.state = EDGE_WORKER_LEAVING;
    (void)come();
    say(KIT_GET);
    assert_true(has_heard("HTTP/1.1 200 "));
    assert_true(has_heard("Connection: close"));
    leave();
    kit->worker.state = EDGE_WORKER_RUNNING;
}

static void one_that_has_ended_answers_nobody(void **state) {
    (void)state;
    kit->worker.state = EDGE_WORKER_ENDED;
    edge_visitor_accept(&kit->worker, make_conn());
    settle();
    assert_gone();
    kit->worker.state = EDGE_WORKER_RUNNING;
}

static void one_too_many_is_told_so(void **state) {
    struct edge edge = {.worker_count = 1, .visitor_max = 1};
    (void)state;
    kit->worker.edge = &edge;
    kit->worker.roster = edge_roster_new(1, clock_system(), NULL, NULL);
    for (unsigned i = 0; i < 2; i++) { /* one that is elsewhere, and ours */
        (void)edge_roster_visitor_came(kit->worker.roster, 0, NULL);
    }
    assert_true(come()->is_excess);
    say(KIT_GET);
    assert_true(has_heard("HTTP/1.1 503 "));
    assert_true(has_heard("overloaded"));
    leave();
    assert_int_equal(edge_roster_visitor_count(kit->worker.roster), 1);
    edge_roster_free(&kit->worker.roster);
    kit->worker.edge = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_request_after_the_other),
        TEST(idle_is_who_has_nothing_here),
        TEST(a_drained_one_gets_its_answer_and_no_more),
        TEST(what_is_closed_takes_its_request_along),
        TEST(nonsense_is_answered_and_closed),
        TEST(a_worker_that_stops_answers_once),
        TEST(one_that_has_ended_answers_nobody),
        TEST(one_too_many_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
