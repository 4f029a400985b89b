/* control_expiry_test.c: a warpgate ends when its key or account does, with a loop that really runs. */
#include "control/control_expiry.h"

#include "control/control_test_kit.h"

#include "store/store_revocation.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "expiring", &environment);
    return 0;
}

static size_t count_revoked(struct kit *kit) {
    struct store_page page = {.limit = 100, .order = STORE_ASCENDING};
    struct store_revocation *rows = NULL;
    struct store_tx *tx = NULL;
    struct arena arena;
    struct why why;
    size_t count = 0;
    arena_init(&arena);
    assert_int_equal(store_tx_begin(kit->control->store, STORE_READ, &why, &tx), STATUS_OK);
    assert_int_equal(store_revocation_list_any(tx, &page, &arena, &rows, &count), STATUS_OK);
    store_tx_rollback(&tx);
    arena_fini(&arena);
    return count;
}

struct stop {
    struct loop_timer timer;
    struct kit *kit;
    size_t wanted;
    unsigned looks;
};

static void look(struct loop_timer *timer) {
    struct stop *stop = timer->context;
    stop->looks++;
    if ((count_revoked(stop->kit) == stop->wanted && stop->kit->control->work_count == 0) ||
        stop->looks > 1000) {
        loop_stop(timer->loop);
        return;
    }
    loop_timer_set(timer, 10);
}

static void closed(struct loop_timer *timer) {
    free(timer->context);
}

static void run_until_revoked(struct kit *kit, size_t wanted) {
    struct stop *stop = calloc(1, sizeof(*stop));
    stop->kit = kit;
    stop->wanted = wanted;
    loop_timer_init(&stop->timer, kit->loop, look, stop);
    loop_timer_set(&stop->timer, 1);
    loop_run(kit->loop);
    assert_int_equal(count_revoked(kit), wanted);
    loop_timer_close(&stop->timer, closed);
}

static void test_an_account_that_expires(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token,
                            .body = "{\"expires_at\":\"2100-01-01T00:00:00Z\"}"};
    (void)kit_add_warpgate(kit, &project, &environment, "kept");
    (void)kit_add_warpgate(kit, &project, &environment, "doomed");
    struct id account =
        kit_first(kit, kit_path("projects", &project, "/service-accounts?name=of+doomed"));
    kit_run(kit, "PATCH", kit_path("service-accounts", &account, ""), &call);
    assert_int_equal(call.status, 200);
    kit_done(&call);
    assert_int_equal(count_revoked(kit), 0);
    kit_wall_skew_ms += INT64_C(4102444800000) - clock_wall_ms(clock_system());
    run_until_revoked(kit, 1);
    kit_wall_skew_ms = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_account_that_expires),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
