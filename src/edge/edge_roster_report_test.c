#include "edge/edge_roster_report.h"

#include "edge/edge_roster_test_kit.h"

static unsigned told_count;
static struct feed_message told[32];
static char told_text[32][64];

static void note_told(void *context, const struct feed_message *message) {
    (void)context;
    assert_true(told_count < 32);
    told[told_count] = *message;
    (void)snprintf(told_text[told_count], sizeof told_text[0], "%.*s/%.*s/%.*s",
                   STR_ARG(message->name), STR_ARG(message->version), STR_ARG(message->code));
    told_count++;
}

static void report(struct edge_roster *roster) {
    told_count = 0;
    edge_roster_report(roster, note_told, NULL);
}

static void one_is_reported_at_once_and_then_now_and_then(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    struct edge_roster_seat *seat = sit(roster, 1, 0);
    report(roster);
    assert_int_equal(told_count, 0); /* nothing to say of it yet */
    edge_roster_describe(seat, "1.2.3", "shop");
    edge_roster_update(seat, EDGE_ROSTER_READY, 7, "");
    edge_roster_update(seat, EDGE_ROSTER_READY, 8, "");
    assert_int_equal(due_count, 1);
    report(roster);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].type, FEED_MESSAGE_WARPGATE);
    assert_int_equal(told[0].tunnels, 1);
    assert_int_equal(told[0].revision, 8);
    assert_string_equal(told_text[0], "shop/1.2.3/");
    edge_roster_update(seat, EDGE_ROSTER_READY, 8, "bundle_rollback");
    assert_int_equal(due_count, 1); /* later */
    report(roster);
    assert_int_equal(told_count, 0);
    now_ms += EDGE_ROSTER_REPORT_MS;
    report(roster);
    assert_int_equal(told_count, 1);
    assert_string_equal(told_text[0], "shop/1.2.3/bundle_rollback");
    edge_roster_free(&roster);
}

static void the_last_tunnel_is_reported_gone_and_forgotten(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    struct edge_roster_seat *first = sit(roster, 1, 0);
    struct edge_roster_seat *second = sit(roster, 1, 0);
    edge_roster_update(first, EDGE_ROSTER_READY, 7, "");
    edge_roster_update(second, EDGE_ROSTER_READY, 8, "");
    report(roster);
    assert_int_equal(told[0].tunnels, 2);
    assert_int_equal(told[0].revision, 8);
    edge_roster_remove(&first);
    edge_roster_remove(&second);
    now_ms += EDGE_ROSTER_REPORT_MS;
    report(roster);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].tunnels, 0);
    assert_int_equal(told[0].revision, 8);
    edge_roster_report_all(roster);
    report(roster);
    assert_int_equal(told_count, 0);
    edge_roster_free(&roster);
}

static void what_does_not_answer_is_not_counted(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    struct edge_roster_seat *first = sit(roster, 1, 0);
    struct edge_roster_seat *second = sit(roster, 1, 0);
    edge_roster_update(first, EDGE_ROSTER_READY, 7, "");
    edge_roster_update(second, EDGE_ROSTER_READY, 7, "");
    report(roster);
    edge_roster_prove(first, false);
    now_ms += EDGE_ROSTER_REPORT_MS;
    report(roster);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].tunnels, 1);
    edge_roster_prove(second, false);
    now_ms += EDGE_ROSTER_REPORT_MS;
    report(roster);
    assert_int_equal(told[0].tunnels, 0);
    assert_int_equal(edge_roster_ready_count(roster), 2); /* they stand all the same */
    edge_roster_prove(first, true);
    now_ms += EDGE_ROSTER_REPORT_MS;
    report(roster);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].tunnels, 1);
    assert_int_equal(told[0].revision, 7);
    edge_roster_prove(NULL, true);
    edge_roster_free(&roster);
}

static void an_environment_is_as_far_as_its_slowest_worker(void **state) {
    struct edge_roster *roster = new_roster();
    const struct id environment = {ENVIRONMENT};
    (void)state;
    edge_roster_applied(roster, 0, &environment, 5);
    edge_roster_applied(roster, 1, &environment, 5);
    assert_int_equal(due_count, 0);
    edge_roster_applied(roster, 2, &environment, 4);
    report(roster);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].type, FEED_MESSAGE_APPLIED);
    assert_int_equal(told[0].revision, 4);
    edge_roster_applied(roster, 2, &environment, 5);
    report(roster);
    assert_int_equal(told[0].revision, 5);
    edge_roster_report_all(roster);
    report(roster);
    assert_int_equal(told_count, 1); /* for a control plane that has just begun to listen */
    for (unsigned i = 0; i < WORKERS; i++) {
        edge_roster_forget(roster, i, &environment);
    }
    edge_roster_report_all(roster);
    report(roster);
    assert_int_equal(told_count, 0);
    edge_roster_free(&roster);
}

static void health_is_told_when_it_changes(void **state) {
    struct edge_roster *roster = new_roster();
    struct upstream_state states[2] = {{.name = STR("default"), .is_up = true, .is_known = true},
                                       {.name = STR("other")}};
    (void)state;
    struct edge_roster_seat *seat = sit(roster, 1, 0);
    edge_roster_update(seat, EDGE_ROSTER_READY, 1, "");
    edge_roster_health(seat, states, 2);
    report(roster);
    assert_int_equal(told[0].upstream_count, 2);
    now_ms += EDGE_ROSTER_REPORT_MS;
    edge_roster_health(seat, states, 2);
    report(roster);
    assert_int_equal(told_count, 0);
    states[0].is_up = false;
    edge_roster_health(seat, states, 2);
    report(roster);
    assert_int_equal(told_count, 1);
    assert_false(told[0].upstreams[0].is_up);
    edge_roster_free(&roster);
}

static void more_than_a_batch_is_told(void **state) {
    struct edge_roster *roster = new_roster();
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        edge_roster_update(sit(roster, i, 0), EDGE_ROSTER_READY, 1, "");
    }
    report(roster);
    assert_int_equal(told_count, 20);
    edge_roster_free(&roster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_reported_at_once_and_then_now_and_then),
        cmocka_unit_test(the_last_tunnel_is_reported_gone_and_forgotten),
        cmocka_unit_test(what_does_not_answer_is_not_counted),
        cmocka_unit_test(an_environment_is_as_far_as_its_slowest_worker),
        cmocka_unit_test(health_is_told_when_it_changes),
        cmocka_unit_test(more_than_a_batch_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
