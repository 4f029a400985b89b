/* warpgate_test_state.h: what the parts of the world around an agent under test share; see warpgate_test_kit.h. */
#ifndef WARPGATE_WARPGATE_TEST_STATE_H
#define WARPGATE_WARPGATE_TEST_STATE_H

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "http/h1_server.h"
#include "http/h2_session.h"
#include "net/front.h"
#include "net/socket.h"
#include "pki/api_key.h"
#include "pki/ca.h"
#include "pki/csr.h"
#include "pki/jws.h"
#include "pki/key.h"
#include "policy/field_policy.h"
#include "tunnel/enrolment.h"
#include "tunnel/signed_bundle.h"
#include "tunnel/tunnel_channel.h"
#include "tunnel/tunnel_message.h"
#include "warpgate/warpgate.h"

#define WORLD_DOMAIN "world.localhost"
#define WORLD_HOST "demo.example.net"
#define WORLD_TUNNELS_MAX 16
#define WORLD_BODY_MAX ((size_t)64 << 20)

struct world_tunnel {
    struct conn *conn;
    struct h2_session *session;
    struct tunnel_channel *channel;
    bool has_hello;
    bool is_gone;
    bool got_goaway;
    uint64_t applied;
    char refused[65];
    char health[16];
};

/* One request from the edge. */
struct world_exchange {
    struct http_stream *stream;
    unsigned status;
    unsigned informational_count;
    char error[64];       /* FIELD_TUNNEL_ERROR */
    char seen_field[128]; /* the response's "x-seen" */
    char trailer[64];
    struct buf body;
    size_t body_bytes; /* also those that were not kept */
    size_t sent_bytes;
    bool keeps_body;
    bool holds_back; /* does not consume */
    bool is_ended;
    bool is_closed;
    enum http_close reason;
};

struct world {
    struct loop *loop;
    struct ca *ca;
    struct front *front;
    uint16_t front_port;
    struct tls_context *control_tls;
    struct tls_context *edge_tls;
    EVP_PKEY *bundle_key;
    struct id environment;
    struct id warpgate_id;
    unsigned revision;
    char routes[2048];
    bool is_enabled;
    bool is_bare; /* requests name no environment */
    struct buf jws;
    char ca_path[64];
    /* control plane */
    unsigned enrol_count;
    unsigned renew_count;
    unsigned fail_status; /* 0: enrols */
    char fail_code[48];
    char authorization[128];
    int64_t lifetime_seconds;
    enum cert_role edge_role; /* of the edge's certificate */
    /* edge */
    struct world_tunnel tunnels[WORLD_TUNNELS_MAX];
    size_t tunnel_count;
    /* workload */
    int listener;
    uv_poll_t poll;
    uint16_t port;
    unsigned conn_count;
    unsigned open_count;
    const char *raw_answer;
    struct conn *workload_conns[64];
    /* the agent */
    struct secret token;
    struct warpgate *warpgate;
    bool has_ended;
    enum status outcome;
};

static struct world world;

/* The system's time, moved on by a test. */
static int64_t world_offset_ms;

static inline int64_t world_mono_ms(void *context) {
    (void)context;
    return clock_mono_ms(clock_system()) + world_offset_ms;
}

static inline int64_t world_wall_ms(void *context) {
    (void)context;
    return clock_wall_ms(clock_system()) + world_offset_ms;
}

static const struct clock world_clock = {.mono_ms = world_mono_ms, .wall_ms = world_wall_ms};

/* The loop, in small turns */

static inline bool world_until(bool (*is_done)(void)) {
    int64_t end_ms = clock_mono_ms(clock_system()) + 5000;
    while (!is_done()) {
        if (clock_mono_ms(clock_system()) > end_ms) {
            return false;
        }
        uv_run(loop_uv(world.loop), UV_RUN_NOWAIT);
        usleep(200);
    }
    return true;
}

static inline bool world_never(void) {
    return false;
}

static inline void world_pass(int64_t ms) {
    int64_t end_ms = clock_mono_ms(clock_system()) + ms;
    while (clock_mono_ms(clock_system()) < end_ms) {
        uv_run(loop_uv(world.loop), UV_RUN_NOWAIT);
        usleep(200);
    }
}

/* Bundles and certificates */

static inline void world_sign(unsigned revision) {
    char payload[4096];
    world.revision = revision;
    (void)snprintf(
        payload, sizeof(payload),
        "{\"format\":1,\"environment\":\"%s\",\"project\":\"prj_01jd3m8k6vq2x7r9t4w5y6z8ab\","
        "\"organization\":\"org_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"revision\":%u,"
        "\"issued_at\":\"2026-11-20T12:00:00.000Z\",\"enabled\":%s,\"hostnames\":[\"" WORLD_HOST
        "\"],"
        "\"routes\":[%s]}",
        world.environment.text, revision, world.is_enabled ? "true" : "false", world.routes);
    buf_clear(&world.jws);
    assert_int_equal(
        jws_sign(world.bundle_key, STR(SIGNED_BUNDLE_TYPE), str_from(payload), &world.jws),
        STATUS_OK);
}

static inline void world_issue(enum cert_role role, EVP_PKEY *key, struct str name,
                               int64_t lifetime, struct buf *chain) {
    static const enum id_kind kinds[] = {
        [CERT_WARPGATE] = ID_WARPGATE, [CERT_EDGE] = ID_EDGE, [CERT_CONTROL] = ID_CONTROL};
    struct ca_leaf leaf = {.role = role, .lifetime_seconds = lifetime};
    leaf.subject = role == CERT_WARPGATE ? world.warpgate_id
                                         : id_new(kinds[role], clock_system(), random_system());
    if (role == CERT_WARPGATE) {
        leaf.environment = world.environment;
    } else {
        leaf.dns_names[leaf.dns_name_count++] = name;
    }
    struct why why = {.text = ""};
    assert_int_equal(ca_issue(world.ca, &leaf, key, clock_system(), chain, NULL, &why), STATUS_OK);
}

static inline struct tls_context *world_tls(enum tls_role role, enum cert_role cert,
                                            struct str name) {
    struct tls_context *tls = tls_context_new(role);
    struct buf chain;
    struct buf key_pem;
    EVP_PKEY *key = key_new();
    buf_init(&chain, 65536);
    buf_init(&key_pem, 4096);
    world_issue(cert, key, name, 3600, &chain);
    assert_int_equal(key_private_pem(key, &key_pem), STATUS_OK);
    assert_int_equal(tls_context_set_certificate(tls, buf_str(&chain), buf_str(&key_pem), NULL),
                     STATUS_OK);
    assert_int_equal(tls_context_set_trust(tls, ca_root_pem(world.ca), NULL), STATUS_OK);
    EVP_PKEY_free(key);
    buf_fini(&chain);
    buf_fini(&key_pem);
    return tls;
}

#endif
