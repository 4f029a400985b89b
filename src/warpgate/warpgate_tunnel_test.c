/* What an edge says on a tunnel of a whole agent, and what it is told. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "warpgate/warpgate_test_kit.h"

static void test_forged_bundles_are_refused(void **state) {
    (void)state;
    EVP_PKEY *ours = world.bundle_key;
    world.bundle_key = key_new();
    world_sign(9);
    EVP_PKEY_free(world.bundle_key);
    world.bundle_key = ours;
    world_send_bundle(world_last_tunnel());
    world_pass(100);
    assert_string_equal(world_last_tunnel()->refused, "jws_unknown_key");
    ask("GET", WORLD_HOST, "/echo", NULL);
    assert_int_equal(exchange.status, 200);
}

static void test_health_is_reported(void **state) {
    (void)world_setup(state);
    world_start_warpgate();
    assert_true(world_until(world_is_connected));
    world_pass(100);
    assert_string_equal(world_last_tunnel()->health, "down");
    expect_error(WORLD_HOST, "/echo", 502, "upstream_refused");
    world_open_workload();
    ask("GET", WORLD_HOST, "/echo", NULL);
    assert_int_equal(exchange.status, 200);
    world_pass(50);
    assert_string_equal(world_last_tunnel()->health, "up");
}

static void test_revoked_is_the_end(void **state) {
    (void)state;
    const struct tunnel_message revoked = {.type = TUNNEL_MESSAGE_REVOKED,
                                           .reason = STR("key_revoked")};
    world_send(&world.tunnels[0], &revoked);
    assert_true(world_until(world_has_ended));
    assert_int_equal(world.outcome, STATUS_DENIED);
    assert_true(secret_is_empty(&world.token));
}

static void test_an_edge_needs_the_role_of_an_edge(void **state) {
    (void)world_setup(state);
    tls_context_unref(&world.edge_tls);
    world.edge_tls = world_tls(TLS_TUNNEL_SERVER, CERT_CONTROL, STR("edge." WORLD_DOMAIN));
    world_start_warpgate();
    world_pass(500);
    for (size_t i = 0; i < world.tunnel_count; i++) {
        assert_false(world.tunnels[i].has_hello);
    }
    assert_int_equal(world.enrol_count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CONNECTED(test_forged_bundles_are_refused),
        ALONE(test_health_is_reported),
        CONNECTED(test_revoked_is_the_end),
        ALONE(test_an_edge_needs_the_role_of_an_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
