#include "edge/edge_test_kit.h"

static void expect_in_force(struct kit *kit, unsigned revision) {
    assert_int_equal(kit_environment(kit)->bundle->revision, revision);
}

static void the_first_bundle_is_in_force_at_once(void **state) {
    struct kit *kit = kit_new();
    (void)state;
    assert_null(kit_environment(kit));
    kit_configure(kit, 7);
    expect_in_force(kit, 7);
    assert_ptr_equal(edge_environment_of_host(&kit->worker, STR(KIT_HOST)), kit_environment(kit));
    assert_null(edge_environment_of_host(&kit->worker, STR("other.example.net")));
    kit_free(kit);
}

static void old_and_foreign_bundles_change_nothing(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    EVP_PKEY *ours = kit->key;
    (void)state;
    kit_configure(kit, 7);
    assert_int_equal(kit_offer(kit, "new.example.net", 7, true, &why), STATUS_CONFLICT);
    assert_string_equal(why.slug, "bundle_not_newer");
    assert_int_equal(kit_offer(kit, "new.example.net", 6, true, &why), STATUS_CONFLICT);
    assert_string_equal(why.slug, "bundle_rollback");
    kit->key = key_new();
    assert_int_not_equal(kit_offer(kit, "new.example.net", 8, true, &why), STATUS_OK);
    assert_string_equal(why.slug, "jws_unknown_key");
    EVP_PKEY_free(kit->key);
    kit->key = ours;
    expect_in_force(kit, 7);
    assert_null(edge_environment_of_host(&kit->worker, STR("new.example.net")));
    kit_free(kit);
}

static void a_change_waits_for_the_warpgates(void **state) {
    struct kit *kit = kit_new();
    (void)state;
    kit_configure(kit, 1);
    struct kit_tunnel *first = kit_connect(kit, 0, KIT_HOLD);
    struct kit_tunnel *second = kit_connect(kit, 1, KIT_HOLD);
    kit_configure(kit, 2);
    expect_in_force(kit, 1);
    first->tunnel.applied_revision = 2;
    edge_environment_tunnel_changed(kit_environment(kit));
    expect_in_force(kit, 1);
    second->tunnel.refused_revision = 2; /* its last good one stays with it: no reason to wait */
    edge_environment_tunnel_changed(kit_environment(kit));
    expect_in_force(kit, 2);
    kit_free(kit);
}

static void only_the_newest_of_two_changes_comes(void **state) {
    struct kit *kit = kit_new();
    (void)state;
    kit_configure(kit, 1);
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    kit_configure(kit, 2);
    kit_configure(kit, 3);
    at->tunnel.applied_revision = 2;
    edge_environment_tunnel_changed(kit_environment(kit));
    expect_in_force(kit, 1);
    at->tunnel.applied_revision = 3;
    edge_environment_tunnel_changed(kit_environment(kit));
    expect_in_force(kit, 3);
    kit_free(kit);
}

static void switching_off_does_not_wait(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    (void)state;
    kit_configure(kit, 1);
    (void)kit_connect(kit, 0, KIT_HOLD);
    assert_int_equal(kit_offer(kit, KIT_HOST, 2, false, &why), STATUS_OK);
    expect_in_force(kit, 2);
    assert_false(kit_environment(kit)->bundle->is_enabled);
    kit_free(kit);
}

static void a_laggard_is_not_waited_for_long(void **state) {
    struct kit *kit = kit_new();
    (void)state;
    kit_configure(kit, 1);
    (void)kit_connect(kit, 0, KIT_HOLD);
    int64_t before_ms = loop_now_ms(kit->loop);
    kit_configure(kit, 2);
    while (kit_environment(kit)->bundle->revision == 1) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
    assert_true(loop_now_ms(kit->loop) - before_ms >= EDGE_APPLY_WAIT_MS - 1);
    kit_free(kit);
}

static void a_host_follows_the_bundle(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    (void)state;
    kit_configure(kit, 1);
    assert_int_equal(kit_offer(kit, "new.example.net", 2, true, &why), STATUS_OK);
    assert_null(edge_environment_of_host(&kit->worker, STR(KIT_HOST)));
    assert_non_null(edge_environment_of_host(&kit->worker, STR("new.example.net")));
    kit_free(kit);
}

static void removal_ends_tunnels(void **state) {
    struct kit *kit = kit_new();
    (void)state;
    kit_configure(kit, 1);
    struct kit_tunnel *at = kit_connect(kit, 0, KIT_HOLD);
    edge_environment_remove(kit_environment(kit));
    assert_int_equal(at->tunnel.state, EDGE_TUNNEL_CLOSED);
    assert_null(at->tunnel.environment);
    assert_null(kit_environment(kit));
    assert_null(edge_environment_of_host(&kit->worker, STR(KIT_HOST)));
    kit_free(kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_bundle_is_in_force_at_once),
        cmocka_unit_test(old_and_foreign_bundles_change_nothing),
        cmocka_unit_test(a_change_waits_for_the_warpgates),
        cmocka_unit_test(only_the_newest_of_two_changes_comes),
        cmocka_unit_test(switching_off_does_not_wait),
        cmocka_unit_test(a_laggard_is_not_waited_for_long),
        cmocka_unit_test(a_host_follows_the_bundle),
        cmocka_unit_test(removal_ends_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
