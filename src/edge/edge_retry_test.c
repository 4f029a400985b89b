#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/edge_request.h"

#define BEGIN_MS 1000000

static unsigned spend_all(struct edge_retry_budget *budget, int64_t now_ms) {
    unsigned count = 0;
    while (edge_retry_spend(budget, now_ms)) {
        count++;
    }
    return count;
}

static void a_few_are_free(void **state) {
    struct edge_retry_budget budget = {0};
    (void)state;
    edge_retry_earn(&budget, BEGIN_MS);
    assert_int_equal(spend_all(&budget, BEGIN_MS), EDGE_RETRY_LEAST);
    assert_int_equal(spend_all(&budget, BEGIN_MS + EDGE_RETRY_WINDOW_MS - 1), 0);
    assert_int_equal(spend_all(&budget, BEGIN_MS + EDGE_RETRY_WINDOW_MS), EDGE_RETRY_LEAST);
}

/* F25: everything fails, and everything would like to be sent again. */
static void a_storm_is_at_most_a_tenth(void **state) {
    struct edge_retry_budget budget = {0};
    unsigned retries = 0;
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        int64_t now_ms = BEGIN_MS + i; /* 1,000 a second */
        edge_retry_earn(&budget, now_ms);
        retries += edge_retry_spend(&budget, now_ms) ? 1 : 0;
    }
    assert_in_range(retries, 9990, 10000 + EDGE_RETRY_LEAST);
}

static void what_was_saved_up_carries_a_lost_tunnel(void **state) {
    struct edge_retry_budget budget = {0};
    int64_t now_ms = BEGIN_MS;
    (void)state;
    for (unsigned i = 0; i < 60000; i++, now_ms++) {
        edge_retry_earn(&budget, now_ms);
    }
    unsigned saved = spend_all(&budget, now_ms);
    assert_in_range(saved, 990, 2000); /* of 10 to 20 seconds */
}

static void savings_do_not_outlast_the_traffic(void **state) {
    struct edge_retry_budget budget = {0};
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        edge_retry_earn(&budget, BEGIN_MS);
    }
    assert_int_equal(spend_all(&budget, BEGIN_MS + 10 * EDGE_RETRY_WINDOW_MS), EDGE_RETRY_LEAST);
}

static void only_what_cannot_happen_twice(void **state) {
    (void)state;
    static const struct {
        const char *method;
        bool is_ended, is_upgrade, is_body_forwarded, is_body_gone;
        unsigned tries;
        bool may_if_lost, may_if_unprocessed;
    } cases[] = {
        {"GET", true, false, false, false, 1, true, true},
        {"GET", false, false, false, false, 1, false, true},
        {"GET", true, false, false, false, 2, false, false},
        {"GET", false, true, false, false, 1, true, true},
        {"PUT", true, false, true, false, 1, false, true},
        {"PUT", true, false, true, true, 1, false, false},
        {"POST", true, false, false, false, 1, false, true},
        {"POST", true, false, true, false, 1, false, true},
        {"POST", false, false, true, true, 1, false, false},
        {"PATCH", true, false, false, false, 1, false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct http_head head = {.method = str_from(cases[i].method)};
        const struct edge_request request = {.head = &head,
                                             .body.is_ended = cases[i].is_ended,
                                             .is_upgrade = cases[i].is_upgrade,
                                             .body.is_forwarded = cases[i].is_body_forwarded,
                                             .body.is_gone = cases[i].is_body_gone,
                                             .tries = cases[i].tries};
        assert_int_equal(edge_retry_may(&request, false), cases[i].may_if_lost);
        assert_int_equal(edge_retry_may(&request, true), cases[i].may_if_unprocessed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_are_free),
        cmocka_unit_test(a_storm_is_at_most_a_tenth),
        cmocka_unit_test(what_was_saved_up_carries_a_lost_tunnel),
        cmocka_unit_test(savings_do_not_outlast_the_traffic),
        cmocka_unit_test(only_what_cannot_happen_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
