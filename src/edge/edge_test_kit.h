/* edge_test_kit.h: for tests: an edge without sockets. Visitors' bytes go straight into an HTTP/1 engine, and each tunnel is a
 * pair of HTTP/2 sessions in memory, at whose far end a warpgate does what the test tells it.
 */
#ifndef EDGE_EDGE_TEST_KIT_H
#define EDGE_EDGE_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/edge_deadline.h"
#include "edge/edge_environment.h"
#include "edge/edge_park.h"
#include "edge/edge_relay.h"
#include "edge/edge_request.h"
#include "edge/edge_tunnel.h"
#include "pki/key.h"
#include "policy/field_policy.h"
#include "tunnel/signed_bundle.h"

#define KIT_ENVIRONMENT "env_01jd3m8k6vq2x7r9t4w5y6z8ab"
#define KIT_HOST "demo.example.net"
#define KIT_GET "GET /app HTTP/1.1\r\nHost: " KIT_HOST "\r\n\r\n"
#define KIT_TUNNELS 4
#define KIT_BALLAST "/ballast"
#define KIT_OUT_BYTES (1 << 20)

/* What the warpgate at the far end does with a request. */
enum kit_mode {
    KIT_ANSWER, /* 200 "hello" at once */
    KIT_HEAD,   /* 200 and a part of the body, and no more */
    KIT_ECHO,   /* 200, and the body back */
    KIT_ERROR,  /* answers in its own name, with `slug` */
    KIT_HOLD,   /* nothing */
    KIT_SWITCH, /* 101, and takes what comes */
};

struct kit_tunnel {
    struct edge_tunnel tunnel;
    struct h2_session *far;
    enum kit_mode mode;
    const char *slug;
    bool is_full;     /* takes nothing of a body */
    bool has_ballast; /* a request of nobody's, from the edge's end */
    unsigned stream_count;
    struct http_stream *stream; /* the last one, while it is open */
    char text[4096];            /* of the last request: method, authority, path, fields */
    size_t received;            /* body bytes */
    uint8_t body[256];          /* the first of them */
    size_t body_len;
    unsigned request_count;
    unsigned end_count;
    unsigned cancelled_count;
};

struct kit {
    struct loop *loop;
    struct clock clock;
    int64_t passed_ms; /* by kit_pass, besides the time that really passes */
    struct edge_worker worker;
    EVP_PKEY *key;
    struct buf jws;
    struct edge_visitor visitor;
    uint32_t far_streams;      /* at a warpgate at a time; 0: as many as usual */
    const char *timeouts;      /* and other options of the route, as JSON members behind a comma */
    struct engine *engine;     /* the visitor's; NULL once it is gone */
    bool is_deaf;              /* the visitor reads nothing */
    struct h2_session *client; /* of a visitor that speaks HTTP/2, after kit_speak_h2; else NULL */
    char out[KIT_OUT_BYTES];
    size_t out_len;
    struct kit_tunnel tunnels[KIT_TUNNELS];
    struct conn *conn; /* for heartbeats alone: nothing is sent on it */
    int peer_fd;
};

/* Configuration */

static inline enum status kit_offer(struct kit *kit, const char *hostname, unsigned revision,
                                    bool is_enabled, struct why *why) {
    char payload[1024];
    (void)snprintf(payload, sizeof(payload),
                   "{\"format\":1,\"environment\":\"" KIT_ENVIRONMENT "\","
                   "\"project\":\"prj_01jd3m8k6vq2x7r9t4w5y6z8ab\","
                   "\"organization\":\"org_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"revision\":%u,"
                   "\"issued_at\":\"2026-11-20T12:00:00.000Z\",\"enabled\":%s,"
                   "\"hostnames\":[\"%s\"],\"routes\":[{\"id\":\"rt_01jd3m8k6vq2x7r9t4w5y6z8ab\","
                   "\"match\":\"prefix\",\"path\":\"/app\",\"upstream\":\"default\"%s}]}",
                   revision, is_enabled ? "true" : "false", hostname,
                   kit->timeouts != NULL ? kit->timeouts : "");
    buf_clear(&kit->jws);
    assert_int_equal(jws_sign(kit->key, STR(SIGNED_BUNDLE_TYPE), str_from(payload), &kit->jws),
                     STATUS_OK);
    return edge_environment_offer(&kit->worker, buf_str(&kit->jws), 1, why);
}

static inline void kit_configure(struct kit *kit, unsigned revision) {
    struct why why = {0};
    assert_int_equal(kit_offer(kit, KIT_HOST, revision, true, &why), STATUS_OK);
}

static inline struct edge_environment *kit_environment(struct kit *kit) {
    const struct id id = {KIT_ENVIRONMENT};
    return edge_environment_find(&kit->worker, &id);
}

/* The far end */

static inline void kit_note(struct kit_tunnel *at, struct str text) {
    size_t len = strlen(at->text);
    (void)snprintf(at->text + len, sizeof(at->text) - len, "%.*s ", STR_ARG(text));
}

static inline void kit_on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct kit_tunnel *at = owner;
    at->received += len;
    if (at->is_full) {
        return;
    }
    for (size_t i = 0; i < len && at->body_len < sizeof(at->body); i++) {
        at->body[at->body_len++] = bytes[i];
    }
    if (at->mode == KIT_ECHO) {
        http_stream_send(at->stream, bytes, len); /* consumed when it has left again */
        return;
    }
    http_stream_consumed(at->stream, len);
}

static inline void kit_on_end(void *owner, const struct http_fields *trailers) {
    struct kit_tunnel *at = owner;
    at->end_count++;
    if (at->mode == KIT_ECHO || at->mode == KIT_SWITCH) {
        http_stream_end(at->stream, trailers);
    }
}

static inline void kit_on_sent(void *owner, size_t len) {
    struct kit_tunnel *at = owner;
    if (at->mode == KIT_ECHO) {
        http_stream_consumed(at->stream, len);
    }
}

static inline void kit_on_closed(void *owner, enum http_close reason) {
    struct kit_tunnel *at = owner;
    at->stream = NULL;
    at->cancelled_count += reason == HTTP_CLOSE_CANCELLED ? 1 : 0;
}

static inline void kit_ignore_closed(void *owner, enum http_close reason) {
    (void)owner;
    (void)reason;
}

static inline void kit_answer(struct kit_tunnel *at) {
    struct http_field ours[] = {{STR("content-type"), STR("text/plain")},
                                {STR("warpgate-user"), STR("forged")},
                                {STR("mezusphere-x"), STR("forged")}};
    struct http_field error[] = {{STR(FIELD_TUNNEL_ERROR), str_from(at->slug)}};
    struct http_head head = {.status = 200, .fields = {ours, 3, 3}};
    switch (at->mode) {
    case KIT_ERROR:
        head = (struct http_head){.status = 502, .fields = {error, 1, 1}};
        http_stream_send_head(at->stream, &head, true);
        return;
    case KIT_HOLD:
        return;
    case KIT_ECHO:
        http_stream_send_head(at->stream, &head, false);
        return;
    case KIT_SWITCH:
        head = (struct http_head){.status = 101};
        http_stream_send_head(at->stream, &head, false);
        return;
    case KIT_ANSWER:
    case KIT_HEAD:
        http_stream_send_head(at->stream, &head, false);
        http_stream_send(at->stream, (const uint8_t *)"hello", 5);
        if (at->mode == KIT_ANSWER) {
            http_stream_end(at->stream, NULL);
        }
        return;
    }
}

static inline void kit_on_request(void *context, struct http_stream *stream,
                                  const struct http_head *head, bool is_end) {
    static const struct http_stream_events events = {.on_data = kit_on_data,
                                                     .on_end = kit_on_end,
                                                     .on_sent = kit_on_sent,
                                                     .on_closed = kit_on_closed};
    static const struct http_stream_events ballast_events = {.on_closed = kit_ignore_closed};
    struct kit_tunnel *at = context;
    (void)is_end;
    at->stream_count++;
    if (str_eq(head->path, STR(KIT_BALLAST))) {
        http_stream_attach(stream, &ballast_events, at);
        return;
    }
    at->stream = stream;
    at->request_count++;
    at->text[0] = '\0';
    kit_note(at, head->method);
    kit_note(at, head->authority);
    kit_note(at, head->path);
    for (size_t i = 0; i < head->fields.count; i++) {
        kit_note(at, head->fields.at[i].name);
        kit_note(at, head->fields.at[i].value);
    }
    http_stream_attach(stream, &events, at);
    kit_answer(at);
}

/* Bytes */

static inline bool kit_move(struct engine *from, struct engine *to) {
    const uint8_t *bytes;
    size_t len = from->ops->peek(from, &bytes);
    if (len > 0) {
        to->ops->feed(to, bytes, len);
        from->ops->wrote(from, len);
    }
    return len > 0;
}

static inline bool kit_write_visitor(struct kit *kit) {
    if (kit->client != NULL && kit->engine != NULL) {
        bool has_asked = kit_move(h2_session_engine(kit->client), kit->engine);
        return kit_move(kit->engine, h2_session_engine(kit->client)) || has_asked;
    }
    const uint8_t *bytes;
    size_t len = kit->engine != NULL ? kit->engine->ops->peek(kit->engine, &bytes) : 0;
    if (len > 0) {
        assert_true(kit->out_len + len < KIT_OUT_BYTES);
        memcpy(kit->out + kit->out_len, bytes, len);
        kit->out_len += len;
        kit->engine->ops->wrote(kit->engine, len);
    }
    kit->out[kit->out_len] = '\0';
    return len > 0;
}

/* Until nothing has anything to say. */
static inline void kit_pump(struct kit *kit) {
    for (bool has_moved = true; has_moved;) {
        has_moved = !kit->is_deaf && kit_write_visitor(kit);
        for (size_t i = 0; i < KIT_TUNNELS; i++) {
            struct kit_tunnel *at = &kit->tunnels[i];
            if (at->tunnel.session != NULL) {
                struct engine *near = h2_session_engine(at->tunnel.session);
                struct engine *far = h2_session_engine(at->far);
                has_moved |= kit_move(near, far);
                has_moved |= kit_move(far, near);
            }
        }
    }
}

static inline void kit_send_bytes(struct kit *kit, const void *bytes, size_t len) {
    kit->engine->ops->feed(kit->engine, bytes, len);
    kit_pump(kit);
}

static inline void kit_send(struct kit *kit, const char *text) {
    kit_send_bytes(kit, text, strlen(text));
}

/* Tunnels */

static inline void kit_on_dead(void *owner) {
    (void)owner;
    fail_msg("a tunnel was taken for dead");
}

static const char *const kit_warpgates[KIT_TUNNELS] = {
    "wg_01jd3m8k6vq2x7r9t4w5y6z8a0", "wg_01jd3m8k6vq2x7r9t4w5y6z8a1",
    "wg_01jd3m8k6vq2x7r9t4w5y6z8a2", "wg_01jd3m8k6vq2x7r9t4w5y6z8a3"};

/* Every warpgate declares "default". */
static inline void kit_declare(struct kit *kit, struct kit_tunnel *at, size_t warpgate) {
    const struct tunnel_message hello = {.upstreams = {{.name = STR("default")}},
                                         .upstream_count = 1};
    struct cert_identity *identity = &at->tunnel.identity;
    (void)snprintf(identity->subject.text, ID_SIZE, "%s", kit_warpgates[warpgate]);
    identity->environment = kit_environment(kit)->id;
    list_init(&at->tunnel.warpgate_node);
    list_init(&at->tunnel.environment_node);
    edge_cancel_init(&at->tunnel.cancels, loop_now_ms(kit->loop));
    at->tunnel.warpgate = edge_warpgate_join(&kit_environment(kit)->warpgates,
                                             &identity->environment, &identity->subject);
    edge_warpgate_declare(at->tunnel.warpgate, &hello);
}

/* A tunnel that stands and has applied the newest bundle. */
static inline struct kit_tunnel *kit_connect_as(struct kit *kit, size_t index, size_t warpgate,
                                                enum kit_mode mode) {
    struct kit_tunnel *at = &kit->tunnels[index];
    struct edge_environment *environment = kit_environment(kit);
    const struct h2_config near = {.role = H2_CLIENT,
                                   .profile = H2_TUNNEL,
                                   .pool = loop_block_pool(kit->loop),
                                   .clock = loop_clock(kit->loop),
                                   .context = at};
    struct h2_config far = near;
    far.role = H2_SERVER;
    far.max_streams = kit->far_streams;
    far.server = (struct http_server){kit_on_request, at};
    *at = (struct kit_tunnel){.mode = mode, .far = h2_session_new(&far), .slug = ""};
    at->tunnel.worker = &kit->worker;
    at->tunnel.environment = environment;
    kit_declare(kit, at, warpgate);
    at->tunnel.session = h2_session_new(&near);
    at->tunnel.applied_revision = environment->newest_revision;
    tunnel_heartbeat_start(&at->tunnel.heartbeat, kit->conn, at->tunnel.session, kit_on_dead, at);
    list_append(&kit->worker.tunnels, &at->tunnel.node);
    at->tunnel.state = EDGE_TUNNEL_READY;
    edge_environment_add_tunnel(environment, &at->tunnel);
    kit_pump(kit);
    return at;
}

static inline struct kit_tunnel *kit_connect(struct kit *kit, size_t index, enum kit_mode mode) {
    return kit_connect_as(kit, index, index, mode);
}

/* A request that stays open at it, so that another one is preferred. */
static inline void kit_weigh_down(struct kit *kit, struct kit_tunnel *at) {
    static const struct http_stream_events events = {.on_closed = kit_ignore_closed};
    const struct http_head head = {.method = STR_INIT("GET"),
                                   .scheme = STR_INIT("https"),
                                   .authority = STR_INIT(KIT_HOST),
                                   .path = STR_INIT(KIT_BALLAST)};
    at->has_ballast = true;
    assert_non_null(h2_session_open(at->tunnel.session, &head, true, &events, at));
    kit_pump(kit);
}

/* RST_STREAM with REFUSED_STREAM for the last request: it has not been processed. */
static inline void kit_refuse(struct kit *kit, struct kit_tunnel *at) {
    uint8_t frame[] = {0, 0, 4, 3, 0, 0, 0, 0, (uint8_t)(2 * at->stream_count - 1), 0, 0, 0, 7};
    struct engine *near = h2_session_engine(at->tunnel.session);
    near->ops->feed(near, frame, sizeof(frame));
    kit_pump(kit);
}

/* In the order in which a connection that is lost tells its parts. */
static inline void kit_lose(struct kit_tunnel *at) {
    if (at->tunnel.session == NULL) {
        return;
    }
    struct engine *near = h2_session_engine(at->tunnel.session);
    struct engine *far = h2_session_engine(at->far);
    near->ops->lost(near);
    far->ops->lost(far);
    edge_tunnel_abort(&at->tunnel);
    at->tunnel.session = NULL;
    list_remove(&at->tunnel.node);
    edge_warpgate_leave(&at->tunnel.warpgate);
    near->ops->free(near);
    far->ops->free(far);
    tunnel_heartbeat_stop(&at->tunnel.heartbeat, NULL);
}

/* The visitor speaks HTTP/2 instead; `kit->client` is its end. */
static inline void kit_speak_h2(struct kit *kit) {
    const struct h2_config near = {.role = H2_SERVER,
                                   .profile = H2_VISITOR,
                                   .pool = loop_block_pool(kit->loop),
                                   .clock = loop_clock(kit->loop),
                                   .server = {edge_request_begin, &kit->visitor},
                                   .context = &kit->visitor};
    const struct h2_config far = {
        .role = H2_CLIENT, .profile = H2_UPSTREAM, .pool = near.pool, .clock = near.clock};
    kit->engine->ops->lost(kit->engine);
    kit->engine->ops->free(kit->engine);
    kit->visitor.h1 = NULL;
    kit->visitor.h2 = h2_session_new(&near);
    kit->engine = h2_session_engine(kit->visitor.h2);
    kit->client = h2_session_new(&far);
    kit_pump(kit);
}

/* The visitor closes its connection. */
static inline void kit_leave(struct kit *kit) {
    kit->engine->ops->lost(kit->engine);
    kit->engine->ops->free(kit->engine);
    kit->engine = NULL;
    if (kit->client != NULL) {
        struct engine *client = h2_session_engine(kit->client);
        client->ops->lost(client);
        client->ops->free(client);
        kit->client = NULL;
    }
}

/* What is put off to the end of an iteration. */
static inline void kit_turn(struct kit *kit) {
    (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    kit_pump(kit);
}

/* Time, and what the worker does several times a second. */
static inline void kit_pass(struct kit *kit, int64_t time_ms) {
    kit->passed_ms += time_ms;
    edge_deadline_sweep(&kit->worker);
    edge_relay_sweep(&kit->worker);
    edge_tunnel_sweep(&kit->worker);
    kit_pump(kit);
}

/* The whole */

static inline int64_t kit_mono_ms(void *context) {
    return clock_mono_ms(clock_system()) + ((struct kit *)context)->passed_ms;
}

static inline int64_t kit_wall_ms(void *context) {
    return clock_wall_ms(clock_system()) + ((struct kit *)context)->passed_ms;
}

static inline void kit_on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    (void)why;
}

static inline void kit_on_conn_established(void *owner, struct conn *conn) {
    (void)owner;
    (void)conn;
}

static inline void kit_make_conn(struct kit *kit) {
    static const struct conn_events events = {.on_established = kit_on_conn_established,
                                              .on_closed = kit_on_conn_closed};
    static const struct conn_timeouts timeouts = {.idle_ms = -1};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    kit->peer_fd = fds[1];
    kit->conn = conn_accept(kit->loop, fds[0], NULL, &timeouts, &events, kit);
}

static inline struct kit *kit_new(void) {
    struct kit *kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    struct edge_worker *worker = &kit->worker;
    kit->clock = (struct clock){kit_mono_ms, kit_wall_ms, kit};
    kit->loop = loop_new(&kit->clock, random_system());
    kit->key = key_new();
    buf_init(&kit->jws, 65536);
    kit_make_conn(kit);
    edge_worker_init(worker, kit->loop, 1);
    worker->started_ms -= 2 * EDGE_PARK_RECENT_MS; /* so nobody waits for the first tunnel */
    assert_int_equal(jws_keys_add(&worker->bundle_keys, kit->key), STATUS_OK);
    kit->visitor = (struct edge_visitor){
        .worker = worker, .ip_address = "192.0.2.1", .server_name = STR(KIT_HOST)};
    const struct h1_server_config config = {.pool = loop_block_pool(kit->loop),
                                            .server = {edge_request_begin, &kit->visitor},
                                            .scheme = STR("https")};
    kit->visitor.h1 = h1_server_new(&config);
    kit->engine = h1_server_engine(kit->visitor.h1);
    return kit;
}

static inline void kit_free(struct kit *kit) {
    size_t at = 0;
    struct str key;
    void *environment;
    if (kit->engine != NULL) {
        kit_leave(kit);
    }
    assert_int_equal(kit->worker.wheel.count, 0);
    assert_int_equal(kit->worker.parked_count, 0);
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        kit_lose(&kit->tunnels[i]);
    }
    while (map_next(&kit->worker.environments, &at, &key, &environment)) {
        edge_environment_remove(environment);
    }
    map_fini(&kit->worker.environments);
    map_fini(&kit->worker.hosts);
    map_fini(&kit->worker.revoked);
    buf_fini(&kit->worker.edges_jws);
    jws_keys_fini(&kit->worker.bundle_keys);
    edge_meter_fini(&kit->worker.meter);
    conn_abort(kit->conn);
    loop_free(&kit->loop);
    (void)close(kit->peer_fd);
    buf_fini(&kit->jws);
    EVP_PKEY_free(kit->key);
    free(kit);
}

#endif
