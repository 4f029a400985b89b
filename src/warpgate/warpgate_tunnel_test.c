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

/* The edge's own question is answered without the workload; what a visitor asks under the same name is not. */
static void test_probes_are_answered(void **state) {
    (void)state;
    size_t conn_count = world.conn_count;
    const struct http_field foreign = {STR(FIELD_TUNNEL_ENVIRONMENT),
                                       STR("env_01jd3m8k6vq2x7r9t4w5y6z8ab")};
    world.is_bare = true;
    ask("GET", TUNNEL_CONTROL_AUTHORITY, TUNNEL_PROBE_PATH, NULL);
    assert_int_equal(exchange.status, 204);
    assert_string_equal(exchange.error, "");
    assert_int_equal(world.conn_count, conn_count);
    ask("POST", TUNNEL_CONTROL_AUTHORITY, TUNNEL_PROBE_PATH, NULL);
    assert_int_equal(exchange.status, 421);
    ask("GET", WORLD_HOST, TUNNEL_PROBE_PATH, NULL);
    assert_int_equal(exchange.status, 421);
    ask("GET", TUNNEL_CONTROL_AUTHORITY, TUNNEL_PROBE_PATH, &foreign);
    assert_int_equal(exchange.status, 421);
    world.is_bare = false;
    ask("GET", TUNNEL_CONTROL_AUTHORITY, TUNNEL_PROBE_PATH, NULL);
    assert_int_equal(exchange.status, 421);
    assert_string_equal(exchange.error, "wrong_host");
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
        CONNECTED(test_forged_bundles_are_refused),    ALONE(test_health_is_reported),
        CONNECTED(test_probes_are_answered),           CONNECTED(test_revoked_is_the_end),
        ALONE(test_an_edge_needs_the_role_of_an_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
