/* warpgate_test_kit.h: everything around an agent, in one process and on loopback, for its tests: a control plane that enrols,
 * an edge that may forward whatever a test wants (also what policy forbids), and a workload that answers by the path.
 *
 * Real TLS, real sockets, the real loop; world_until runs the loop until a condition holds or five seconds have passed.
 *   /echo       200 with method, path, host and fields as text, then the body
 *   /early      200 at once, without reading the body
 *   /hang       nothing
 *   /count      200 with the number of connections so far
 *   everything else: a canned raw answer, set by the test, and then the connection closes
 */
#ifndef WARPGATE_WARPGATE_TEST_KIT_H
#define WARPGATE_WARPGATE_TEST_KIT_H

#include "warpgate/warpgate_test_platform.h"
#include "warpgate/warpgate_test_workload.h"

/* The agent */

static inline void world_on_ended(void *context, enum status status) {
    (void)context;
    world.has_ended = true;
    world.outcome = status;
}

static inline bool world_has_ended(void) {
    return world.has_ended;
}

static inline void world_start_warpgate(void) {
    char upstream[32];
    char url[64];
    const char *upstreams[] = {upstream, "dead=127.0.0.1:1"};
    struct why why = {.text = ""};
    (void)snprintf(upstream, sizeof(upstream), "127.0.0.1:%u", world.port);
    (void)snprintf(url, sizeof(url), "https://api." WORLD_DOMAIN ":%u", world.front_port);
    const struct warpgate_config config = {
        .token = &world.token,
        .upstreams = upstreams,
        .upstream_count = 2,
        .control_url = url,
        .ca_file = world.ca_path,
    };
    assert_int_equal(warpgate_new(world.loop, &config, &world.warpgate, &why), STATUS_OK);
    warpgate_start(world.warpgate, world_on_ended, NULL);
}

#define WORLD_ROUTE(n, match, path, upstream)                                                      \
    "{\"id\":\"rt_01jd3m8k6vq2x7r9t4w5y6z8a" n "\",\"match\":\"" match "\",\"path\":\"" path       \
    "\",\"upstream\":\"" upstream "\"}"

static inline int world_setup(void **state) {
    (void)state;
    memset(&world, 0, sizeof(world));
    world_offset_ms = 0;
    world.loop = loop_new(&world_clock, random_system());
    world.environment = id_new(ID_ENVIRONMENT, clock_system(), random_system());
    world.warpgate_id = id_new(ID_WARPGATE, clock_system(), random_system());
    world.lifetime_seconds = 86400;
    world.edge_role = CERT_EDGE;
    world.is_enabled = true;
    (void)snprintf(world.routes, sizeof(world.routes), "%s",
                   WORLD_ROUTE("a", "prefix", "/", "default") "," WORLD_ROUTE(
                       "b", "prefix", "/dead/", "dead") "," WORLD_ROUTE("c", "prefix", "/other/",
                                                                        "undeclared"));
    world.bundle_key = key_new();
    buf_init(&world.jws, 1 << 20);
    world_sign(1);
    assert_int_equal(ca_new(STR(WORLD_DOMAIN), clock_system(), &world.ca, NULL), STATUS_OK);
    world.control_tls = world_tls(TLS_CONTROL_SERVER, CERT_CONTROL, STR("api." WORLD_DOMAIN));
    world.edge_tls = world_tls(TLS_TUNNEL_SERVER, CERT_EDGE, STR("edge." WORLD_DOMAIN));
    (void)snprintf(world.ca_path, sizeof(world.ca_path), "/tmp/warpgate_test_ca.%d", (int)getpid());
    FILE *file = fopen(world.ca_path, "w");
    assert_non_null(file);
    assert_true(fwrite(ca_root_pem(world.ca).at, ca_root_pem(world.ca).len, 1, file) == 1);
    (void)fclose(file);
    struct address address;
    int fd;
    assert_int_equal(address_from_ip(STR("127.0.0.1"), 0, &address), STATUS_OK);
    assert_int_equal(socket_listen(&address, &fd, NULL), STATUS_OK);
    socket_local_address(fd, &address);
    world.front_port = address_port(&address);
    assert_int_equal(front_adopt(world.loop, fd, &world.front, NULL), STATUS_OK);
    const struct front_service control = {.name = "control",
                                          .wants = world_wants_control,
                                          .tls = world_control_tls,
                                          .accept = world_accept_control};
    const struct front_service edge = {.name = "edge",
                                       .wants = world_wants_tunnel,
                                       .tls = world_edge_tls,
                                       .accept = world_accept_tunnel,
                                       .timeouts = {.idle_ms = -1}};
    front_add(world.front, &control);
    front_add(world.front, &edge);
    world_bind_workload(0);
    api_key_new(random_system(), &world.token);
    return 0;
}

static inline bool world_is_quiet(void) {
    for (size_t i = 0; i < world.tunnel_count; i++) {
        if (!world.tunnels[i].is_gone) {
            return false;
        }
    }
    return world.open_count == 0;
}

static inline int world_teardown(void **state) {
    (void)state;
    if (world.warpgate != NULL && !world.has_ended) {
        warpgate_stop(world.warpgate);
        warpgate_stop(world.warpgate);
        assert_true(world_until(world_has_ended));
    }
    warpgate_free(&world.warpgate);
    world_cut_workload_conns();
    assert_true(world_until(world_is_quiet));
    front_free(&world.front);
    world_pass(20);
    loop_free(&world.loop);
    (void)close(world.listener);
    (void)unlink(world.ca_path);
    tls_context_unref(&world.control_tls);
    tls_context_unref(&world.edge_tls);
    ca_free(&world.ca);
    EVP_PKEY_free(world.bundle_key);
    buf_fini(&world.jws);
    secret_fini(&world.token);
    return 0;
}

/* What most tests ask of it */

static struct world_exchange exchange;

static inline bool is_exchange_closed(void) {
    return exchange.is_closed;
}

static inline bool is_exchange_answered(void) {
    return exchange.status != 0;
}

static inline int connect_world(void **state) {
    (void)world_setup(state);
    world_open_workload();
    world_start_warpgate();
    assert_true(world_until(world_is_connected));
    return 0;
}

static inline int disconnect_world(void **state) {
    buf_fini(&exchange.body);
    exchange.body = (struct buf){.max = 0};
    return world_teardown(state);
}

/* Forwards one request without a body and waits for its end. */
static inline void ask(const char *method, const char *authority, const char *path,
                       const struct http_field *extra) {
    buf_fini(&exchange.body);
    world_open(&exchange, method, authority, path, extra, true);
    assert_true(world_until(is_exchange_closed));
}

static inline void expect_error(const char *authority, const char *path, unsigned status,
                                const char *slug) {
    ask("GET", authority, path, NULL);
    assert_int_equal(exchange.status, status);
    assert_string_equal(exchange.error, slug);
    assert_int_equal(exchange.reason, HTTP_CLOSE_DONE);
    assert_int_equal(exchange.body_bytes, 0);
}

static inline bool body_has(const char *text) {
    return memmem(buf_bytes(&exchange.body), buf_len(&exchange.body), text, strlen(text)) != NULL;
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_world, disconnect_world)
#define ALONE(test) cmocka_unit_test_teardown(test, disconnect_world)

#endif
