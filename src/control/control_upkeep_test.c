/* control_upkeep_test.c: what is done by the clock, with a loop that really runs. */
#include "control/control_upkeep.h"

#include "base/memory.h"
#include "control/control_test_kit.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "kept", &environment);
    return 0;
}

struct wait {
    struct loop_timer timer;
    bool (*is_done)(struct kit *kit, void *context);
    struct kit *kit;
    void *context;
    unsigned looks;
};

static void look(struct loop_timer *timer) {
    struct wait *wait = timer->context;
    if (wait->is_done(wait->kit, wait->context) || wait->looks++ > 1000) {
        loop_stop(timer->loop);
        return;
    }
    loop_timer_set(timer, 10);
}

static void free_wait(struct loop_timer *timer) {
    memory_free(CONTAINER_OF(timer, struct wait, timer));
}

/* Runs the loop until it is so, and no thread works any more. */
static void run_until(struct kit *kit, bool (*is_done)(struct kit *kit, void *context),
                      void *context) {
    struct wait *wait = MEMORY_NEW(struct wait);
    wait->is_done = is_done;
    wait->kit = kit;
    wait->context = context;
    loop_timer_init(&wait->timer, kit->loop, look, wait);
    loop_timer_set(&wait->timer, 1);
    loop_run(kit->loop);
    loop_timer_close(&wait->timer, free_wait);
    assert_true(is_done(kit, context));
}

static struct store_tx *begin(struct kit *kit, enum store_tx_mode mode) {
    static struct why why;
    struct store_tx *tx = NULL;
    assert_int_equal(store_tx_begin(kit->control->store, mode, &why, &tx), STATUS_OK);
    return tx;
}

static bool is_idle(const struct kit *kit) {
    return kit->control->work_count == 0;
}

static bool is_kept(struct kit *kit, void *context) {
    const struct id *gate = context;
    struct store_warpgate row;
    struct arena arena;
    arena_init(&arena);
    struct store_tx *tx = begin(kit, STORE_READ);
    enum status status = store_warpgate_get(tx, &kit->organization, gate, &arena, &row);
    store_tx_rollback(&tx);
    bool is_so = status == STATUS_OK && row.applied_revision == 1 && row.last_seen_at_ms > 0 &&
                 str_eq(row.ip_address, STR("192.0.2.77")) && str_eq(row.version, STR("9.9"));
    arena_fini(&arena);
    return is_so && is_idle(kit);
}

/* What edges report is kept, so that it is known after a restart. */
static void test_reports_are_kept(void **state) {
    struct kit *kit = *state;
    struct id gate = kit_add_warpgate(kit, &project, &environment, "box");
    presence_edge_up(kit->control->presence, &kit_edge);
    kit_report(kit, &gate, &environment, 1, 1, "up");
    run_until(kit, is_kept, &gate);
}

/* Why this token opens nothing. */
static void ask_why(struct kit *kit, const char *token, char code[48]) {
    struct kit_call call = {.token = token};
    kit_run(kit, "GET", "/v1/me", &call);
    snprintf(code, 48, "%s", call.code);
    kit_done(&call);
}

static bool is_gone(struct kit *kit, void *context) {
    char code[48];
    ask_why(kit, context, code);
    return str_eq(str_from(code), STR("session_invalid")) && is_idle(kit);
}

/* At the first tick, and then each hour. */
static void test_what_has_expired_is_thrown_away(void **state) {
    struct kit *kit = *state;
    char token[64];
    char code[48];
    kit_add_member(kit, "away@example.net", &kit->organization, STORE_ROLE_VIEWER, token);
    ask_why(kit, token, code);
    assert_string_equal(code, "");
    struct id gate = kit_add_warpgate(kit, &project, &environment, "stale");
    kit->control->warpgate_keep_ms = IDENTITY_SESSION_IDLE_MS; /* --warpgate-retention */
    kit_wall_skew_ms += IDENTITY_SESSION_IDLE_MS + 60000;
    for (int i = 0; i < 2; i++) { /* looking does not throw it away */
        ask_why(kit, token, code);
        assert_string_equal(code, "session_expired");
    }
    run_until(kit, is_gone, token);
    kit_sign_in(kit); /* it had gone, too */
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("warpgates", &gate, ""), &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_has_expired_is_thrown_away),
        cmocka_unit_test(test_reports_are_kept),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
