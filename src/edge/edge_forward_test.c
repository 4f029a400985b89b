/* edge_forward_test.c: what is sent once more, where, and what never is; and visitors that come back to the same warpgate. */
#include "edge/edge_balance.h"
#include "edge/edge_test_case.h"

#define POST_5 "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 5\r\n\r\n12345"

/* Makes the next request go there: the others have something to do. */
static void prefer(size_t index) {
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        struct kit_tunnel *at = &kit->tunnels[i];
        if (at->tunnel.session != NULL && i != index && !at->has_ballast) {
            kit_weigh_down(kit, at);
        }
    }
}

static unsigned requests_in_all(void) {
    unsigned count = 0;
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        count += kit->tunnels[i].request_count;
    }
    return count;
}

static struct kit_tunnel *connect_failing(const char *slug) {
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ERROR);
    at->slug = slug;
    return at;
}

static void refused_by_one_workload_answered_by_another(void **state) {
    (void)state;
    struct kit_tunnel *first = connect_failing("upstream_refused");
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    prefer(0);
    kit_send(kit, KIT_GET);
    assert_int_equal(first->request_count, 1);
    assert_int_equal(second->request_count, 1);
    assert_true(has_said("HTTP/1.1 200 "));
    kit->out_len = 0;
    kit_send(kit, KIT_GET); /* it is known now */
    assert_int_equal(first->request_count, 1);
    assert_true(has_said("HTTP/1.1 200 "));
}

/* The workload never saw it, and what has left of the body is still at hand. */
static void a_short_body_goes_along(void **state) {
    (void)state;
    struct kit_tunnel *first = connect_failing("upstream_refused");
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ECHO);
    prefer(0);
    kit_send(kit, POST_5);
    assert_int_equal(first->request_count, 1);
    assert_int_equal(second->received, 5);
    assert_int_equal(second->end_count, 1);
    assert_true(has_said("HTTP/1.1 200 "));
    assert_true(has_said("12345"));
    kit->out_len = 0;
    kit_send(kit,
             POST_5); /* the connection is in order: all of the first body was consumed, once */
    assert_true(has_said("HTTP/1.1 200 "));
}

static void a_body_in_pieces_goes_along(void **state) {
    (void)state;
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ECHO);
    prefer(0);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 10\r\n\r\n12345");
    assert_int_equal(first->received, 5);
    kit_refuse(kit, first);
    kit_send(kit, "67890");
    assert_int_equal(second->received, 10);
    assert_true(has_said("12345") && has_said("67890"));
}

static void a_long_body_does_not(void **state) {
    (void)state;
    static char body[EDGE_REPLAY_BYTES_MAX + 2];
    memset(body, 'x', sizeof(body) - 1);
    struct kit_tunnel *first = connect_failing("upstream_refused");
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    first->mode = KIT_HOLD;
    prefer(0);
    kit_send(kit, "POST /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nContent-Length: 16385\r\n\r\n");
    kit_send(kit, body);
    assert_int_equal(first->received, sizeof(body) - 1);
    first->mode = KIT_ERROR;
    kit_answer(first);
    kit_pump(kit);
    assert_int_equal(second->request_count, 0);
    assert_true(has_said("\"upstream_refused\""));
}

static void alone_it_is_what_it_is(void **state) {
    (void)state;
    struct kit_tunnel *at = connect_failing("upstream_refused");
    kit_send(kit, KIT_GET);
    assert_int_equal(at->request_count, 1);
    assert_true(has_said("\"upstream_refused\""));
    kit_send(kit, KIT_GET); /* put aside, but there is no other */
    assert_int_equal(at->request_count, 2);
}

static void what_a_warpgate_refuses_is_sent_elsewhere(void **state) {
    (void)state;
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    prefer(0);
    kit_send(kit, POST_5);
    assert_int_equal(first->request_count, 1);
    kit_refuse(kit, first);
    assert_int_equal(second->request_count, 1);
    assert_true(has_said("HTTP/1.1 200 "));
}

/* F06: never a POST twice where nobody knows. */
static void a_post_whose_tunnel_is_lost_is_not_repeated(void **state) {
    (void)state;
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    prefer(0);
    kit_send(kit, POST_5);
    kit_lose(first);
    kit_pump(kit);
    assert_int_equal(second->request_count, 0);
    assert_true(has_said("HTTP/1.1 502 "));
    assert_true(has_said("\"warpgate_lost\""));
}

static void once_is_enough(void **state) {
    (void)state;
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        kit_connect(kit, i, KIT_ERROR)->slug = "upstream_refused";
    }
    kit_send(kit, KIT_GET);
    assert_int_equal(requests_in_all(), 2);
    assert_true(has_said("\"upstream_refused\""));
}

/* F25: every try fails, at two warpgates. */
static void when_everything_fails_there_is_no_storm(void **state) {
    (void)state;
    kit_connect(kit, 0, KIT_ERROR)->slug = "upstream_refused";
    kit_connect(kit, 1, KIT_ERROR)->slug = "upstream_refused";
    for (unsigned i = 0; i < 2000; i++) {
        kit->out_len = 0;
        kit_send(kit, KIT_GET);
        assert_true(has_said("\"upstream_refused\""));
    }
    assert_in_range(requests_in_all(), 2150, 2200 + EDGE_RETRY_LEAST);
}

static void what_was_not_begun_is_begun_again(void **state) {
    (void)state;
    struct kit_tunnel *at = connect_failing("upstream_unprocessed");
    kit_send(kit, POST_5);
    assert_int_equal(at->request_count, 2);
    assert_true(has_said("\"upstream_closed\""));
}

/* Sticky routes */

static void make_sticky(void) {
    kit->timeouts = ",\"sticky\":true";
    kit_configure(kit, 2);
}

static void a_visitor_is_told_where_it_was(void **state) {
    char line[128];
    char request[512];
    (void)state;
    make_sticky();
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_ANSWER);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_ANSWER);
    prefer(1);
    kit_send(kit, KIT_GET);
    (void)snprintf(line, sizeof(line), "set-cookie: " EDGE_AFFINITY_COOKIE "=%s; Path=/; Secure",
                   second->tunnel.warpgate->affinity);
    assert_true(has_said(line));
    /* Back to it, though it has more to do now; the cookie stays here. */
    kit_weigh_down(kit, second);
    kit_weigh_down(kit, second);
    kit->out_len = 0;
    (void)snprintf(request, sizeof(request),
                   "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nCookie: a=1; " EDGE_AFFINITY_COOKIE
                   "=%s; b=2\r\n\r\n",
                   second->tunnel.warpgate->affinity);
    kit_send(kit, request);
    assert_true(has_said("HTTP/1.1 200 "));
    assert_false(has_said("set-cookie"));
    assert_non_null(strstr(second->text, "cookie a=1; b=2 "));
    assert_null(strstr(second->text, "affinity"));
    /* It goes: another, and a new cookie. */
    kit_lose(second);
    kit->out_len = 0;
    kit_send(kit, request);
    assert_true(has_said("HTTP/1.1 200 "));
    assert_true(has_said(first->tunnel.warpgate->affinity));
}

static void other_routes_do_not_stick_and_hide_the_cookie_all_the_same(void **state) {
    (void)state;
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_ANSWER);
    kit_send(kit, "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\nCookie: " EDGE_AFFINITY_COOKIE
                  "=x\r\n\r\n");
    assert_false(has_said("set-cookie"));
    assert_null(strstr(at->text, "cookie"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(refused_by_one_workload_answered_by_another),
        TEST(a_short_body_goes_along),
        TEST(a_body_in_pieces_goes_along),
        TEST(a_long_body_does_not),
        TEST(alone_it_is_what_it_is),
        TEST(what_a_warpgate_refuses_is_sent_elsewhere),
        TEST(a_post_whose_tunnel_is_lost_is_not_repeated),
        TEST(once_is_enough),
        TEST(when_everything_fails_there_is_no_storm),
        TEST(what_was_not_begun_is_begun_again),
        TEST(a_visitor_is_told_where_it_was),
        TEST(other_routes_do_not_stick_and_hide_the_cookie_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
