/* Two control planes on one database, each with a folder and a hub of its own; the loop of the second runs as long as a test waits. */
#include "control/control_watch.h"

#include "control/control_test_kit.h"

#include "store/store_revocation.h"

#define WAIT_MS 10000

struct pair {
    struct kit *first; /* changes */
    struct kit second; /* hears */
};

static int open_pair(void **state) {
    struct pair *pair = calloc(1, sizeof(*pair));
    void *first = NULL;
    char from[128];
    char to[128];
    assert_int_equal(kit_setup(&first), 0);
    pair->first = first;
    snprintf(pair->second.folder, sizeof(pair->second.folder), "/tmp/control-test-XXXXXX");
    assert_non_null(mkdtemp(pair->second.folder));
    snprintf(from, sizeof(from), "%s/master.key", pair->first->folder);
    snprintf(to, sizeof(to), "%s/master.key", pair->second.folder);
    assert_int_equal(link(from, to), 0);
    pair->second.loop = loop_new(&kit_clock, random_system());
    pair->second.url = pair->first->url;
    kit_open(&pair->second);
    *state = pair;
    return 0;
}

static int close_pair(void **state) {
    struct pair *pair = *state;
    void *first = pair->first;
    kit_close(&pair->second);
    assert_int_equal(kit_teardown(&first), 0);
    free(pair);
    return 0;
}

/* Runs the second's loop until `is_so`. */
struct wait {
    struct loop *loop;
    bool (*is_so)(struct feed_hub *hub, const struct id *id);
    struct feed_hub *hub;
    const struct id *id;
    int64_t deadline_ms;
    bool is_done;
};

static void look(struct loop_timer *timer) {
    struct wait *wait = timer->context;
    wait->is_done = wait->is_so(wait->hub, wait->id);
    if (wait->is_done || clock_mono_ms(clock_system()) > wait->deadline_ms) {
        loop_stop(wait->loop);
        return;
    }
    loop_timer_set(timer, 1);
}

static void mark_closed(struct loop_timer *timer) {
    *(bool *)timer->context = true;
}

static bool wait_second(struct pair *pair, bool (*is_so)(struct feed_hub *hub, const struct id *id),
                        const struct id *id) {
    static struct loop_timer timer;
    bool is_closed = false;
    struct wait wait = {
        .loop = pair->second.loop,
        .is_so = is_so,
        .hub = pair->second.control->hub,
        .id = id,
        .deadline_ms = clock_mono_ms(clock_system()) + WAIT_MS,
    };
    loop_timer_init(&timer, wait.loop, look, &wait);
    loop_timer_set(&timer, 1);
    loop_run(wait.loop);
    timer.context = &is_closed;
    loop_timer_close(&timer, mark_closed);
    while (!is_closed) {
        uv_run(loop_uv(wait.loop), UV_RUN_NOWAIT);
    }
    return wait.is_done;
}

static bool knows(struct feed_hub *hub, const struct id *id) {
    return feed_hub_knows(hub, id);
}

static bool knows_not(struct feed_hub *hub, const struct id *id) {
    return !feed_hub_knows(hub, id);
}

static void remove_project(struct kit *kit, const struct id *project) {
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("projects", project, ""), &call);
    char etag[64];
    snprintf(etag, sizeof(etag), "%s", call.etag);
    call.if_match = etag;
    kit_run(kit, "DELETE", kit_path("projects", project, ""), &call);
    assert_int_equal(call.status, 204);
    kit_done(&call);
}

static void test_changes_are_heard(void **state) {
    struct pair *pair = *state;
    struct id environment;
    struct id project = kit_add_project(pair->first, "shop", &environment);
    assert_false(feed_hub_knows(pair->second.control->hub, &environment));
    assert_true(wait_second(pair, knows, &environment));
    remove_project(pair->first, &project);
    assert_true(wait_second(pair, knows_not, &environment));
}

/* What was missed while nothing could be heard is made good: what is new, and what is gone. */
static void test_a_gap_is_made_good(void **state) {
    struct pair *pair = *state;
    struct id gone;
    struct id made;
    char sql[200];
    struct id project = kit_add_project(pair->first, "gone", &gone);
    assert_true(wait_second(pair, knows, &gone));
    snprintf(sql, sizeof(sql),
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
             " WHERE application_name = '%s'",
             pair->first->database.schema);
    store_test_database_sql(store_test_database_server, sql);
    remove_project(pair->first, &project);
    (void)kit_add_project(pair->first, "made", &made);
    assert_true(wait_second(pair, knows, &made));
    assert_true(wait_second(pair, knows_not, &gone));
}

/* One of them does what is to be done once; when it ends, the other one does. */
static void test_one_leads(void **state) {
    struct pair *pair = *state;
    assert_true(control_watch_leads(pair->first->control->others));
    assert_false(control_watch_leads(pair->second.control->others));
}

static void test_alone(void **state) {
    struct kit *kit = *state;
    assert_true(control_watch_leads(kit->control->others));
    assert_true(control_watch_leads(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_alone, kit_setup, kit_teardown),
    };
    const struct CMUnitTest on_server[] = {
        cmocka_unit_test_setup_teardown(test_changes_are_heard, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_a_gap_is_made_good, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_one_leads, open_pair, close_pair),
    };
    int failed = store_test_database_run(tests);
    return failed + store_test_database_run_server(on_server);
}
