/* warpgate_test_world.h: everything around an agent, in one process and on loopback, for its tests: a control plane that enrols,
 * an edge that may forward whatever a test wants (also what policy forbids), and a workload that answers by the path.
 *
 * Real TLS, real sockets, the real loop; world_until runs the loop until a condition holds or five seconds have passed.
 *   /echo       200 with method, path, host and fields as text, then the body
 *   /early      200 at once, without reading the body
 *   /hang       nothing
 *   /count      200 with the number of connections so far
 *   everything else: a canned raw answer, set by the test, and then the connection closes
 */
#ifndef WARPGATE_WARPGATE_TEST_WORLD_H
#define WARPGATE_WARPGATE_TEST_WORLD_H

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "http/h1_server.h"
#include "http/h2_session.h"
#include "net/front.h"
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
    struct tls_context *control_tls;
    struct tls_context *edge_tls;
    EVP_PKEY *bundle_key;
    struct id environment;
    struct id warpgate_id;
    unsigned revision;
    char routes[2048];
    bool is_enabled;
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

/* The loop, in small turns */

static bool world_until(bool (*is_done)(void)) {
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

static bool world_never(void) {
    return false;
}

static void world_pass(int64_t ms) {
    int64_t end_ms = clock_mono_ms(clock_system()) + ms;
    while (clock_mono_ms(clock_system()) < end_ms) {
        uv_run(loop_uv(world.loop), UV_RUN_NOWAIT);
        usleep(200);
    }
}

/* Bundles and certificates */

static void world_sign(unsigned revision) {
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

static void world_issue(enum cert_role role, EVP_PKEY *key, struct str name, int64_t lifetime,
                        struct buf *chain) {
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

static struct tls_context *world_tls(enum tls_role role, enum cert_role cert, struct str name) {
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

/* The control plane */

struct world_call {
    struct http_stream *stream;
    struct buf body;
};

static void world_answer_json(struct http_stream *stream, unsigned status, json_t *object) {
    struct buf body;
    const struct http_head head = {.status = status};
    buf_init(&body, ENROLMENT_BYTES_MAX);
    assert_int_equal(json_write(object, &body), STATUS_OK);
    http_stream_send_head(stream, &head, false);
    http_stream_send(stream, buf_bytes(&body), buf_len(&body));
    http_stream_end(stream, NULL);
    json_decref(object);
    buf_fini(&body);
}

static void world_call_data(void *owner, const uint8_t *bytes, size_t len) {
    struct world_call *call = owner;
    assert_int_equal(buf_append(&call->body, bytes, len), STATUS_OK);
    http_stream_consumed(call->stream, len);
}

static void world_call_end(void *owner, const struct http_fields *trailers) {
    struct world_call *call = owner;
    (void)trailers;
    struct enrolment_request request;
    json_t *tree = NULL;
    if (world.fail_status != 0) {
        world_answer_json(call->stream, world.fail_status,
                          json_pack("{s:s,s:s}", "code", world.fail_code, "detail", "no"));
        return;
    }
    assert_int_equal(json_parse(buf_str(&call->body), &tree, NULL), STATUS_OK);
    assert_int_equal(enrolment_request_read(tree, &request, NULL), STATUS_OK);
    EVP_PKEY *key = NULL;
    assert_int_equal(csr_public_key(request.csr, &key, NULL), STATUS_OK);
    struct buf chain;
    struct buf jwks;
    struct jws_keys keys;
    char address[32];
    buf_init(&chain, 65536);
    buf_init(&jwks, 65536);
    jws_keys_init(&keys);
    world_issue(CERT_WARPGATE, key, STR_EMPTY, world.lifetime_seconds, &chain);
    assert_int_equal(jws_keys_add(&keys, world.bundle_key), STATUS_OK);
    assert_int_equal(jws_keys_write(&keys, &jwks), STATUS_OK);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u",
                   address_port(front_address(world.front)));
    json_t *jwks_tree = NULL;
    assert_int_equal(json_parse(buf_str(&jwks), &jwks_tree, NULL), STATUS_OK);
    const struct enrolment_answer answer = {
        .warpgate = world.warpgate_id,
        .environment = world.environment,
        .trust_domain = STR(WORLD_DOMAIN),
        .certificate = buf_str(&chain),
        .trust_anchors = ca_root_pem(world.ca),
        .bundle_keys = jwks_tree,
        .bundle = buf_str(&world.jws),
        .edges = {{str_from(address), STR("edge." WORLD_DOMAIN)}},
        .edge_count = 1,
    };
    world_answer_json(call->stream, 201, enrolment_answer_write(&answer));
    json_decref(jwks_tree);
    json_decref(tree);
    jws_keys_fini(&keys);
    buf_fini(&chain);
    buf_fini(&jwks);
    EVP_PKEY_free(key);
}

static void world_count(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void world_call_closed(void *owner, enum http_close reason) {
    struct world_call *call = owner;
    (void)reason;
    buf_fini(&call->body);
    memory_free(call);
}

static const struct http_stream_events world_call_events = {.on_data = world_call_data,
                                                            .on_end = world_call_end,
                                                            .on_sent = world_count,
                                                            .on_closed = world_call_closed};

static void world_on_call(void *context, struct http_stream *stream, const struct http_head *head,
                          bool is_end) {
    struct world_call *call = MEMORY_NEW(struct world_call);
    const struct http_field *authorization = http_fields_get(&head->fields, STR("authorization"));
    (void)context;
    (void)is_end;
    if (str_eq(head->path, STR(ENROLMENT_PATH))) {
        world.enrol_count++;
        assert_non_null(authorization);
        (void)snprintf(world.authorization, sizeof(world.authorization), "%.*s",
                       STR_ARG(authorization->value));
    } else {
        assert_true(str_eq(head->path, STR(ENROLMENT_RENEWAL_PATH)));
        assert_null(authorization);
        world.renew_count++;
    }
    call->stream = stream;
    buf_init(&call->body, ENROLMENT_BYTES_MAX);
    http_stream_attach(stream, &world_call_events, call);
}

static void world_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    (void)why;
}

static const struct conn_events world_conn_events = {.on_closed = world_conn_closed};

static void world_accept_control(void *context, struct conn *conn) {
    (void)context;
    const struct h1_server_config config = {
        .pool = loop_block_pool(world.loop),
        .server = {.on_request = world_on_call},
        .scheme = STR("https"),
    };
    conn_set_events(conn, &world_conn_events, NULL);
    conn_set_engine(conn, h1_server_engine(h1_server_new(&config)));
}

static bool world_wants_control(void *context, struct str name, const struct front_hello *hello) {
    (void)context;
    return str_eq(name, STR("api." WORLD_DOMAIN)) &&
           front_hello_offers(hello, STR(TLS_ALPN_CONTROL));
}

static struct tls_context *world_control_tls(void *context) {
    (void)context;
    return world.control_tls;
}

/* The edge */

static void world_send(struct world_tunnel *tunnel, const struct tunnel_message *message) {
    json_t *object = tunnel_message_write(message);
    tunnel_channel_send(tunnel->channel, object);
    json_decref(object);
}

static void world_send_bundle(struct world_tunnel *tunnel) {
    const struct tunnel_message message = {.type = TUNNEL_MESSAGE_BUNDLE,
                                           .jws = buf_str(&world.jws)};
    world_send(tunnel, &message);
}

static void world_on_record(void *owner, const json_t *object) {
    struct world_tunnel *tunnel = owner;
    struct tunnel_message message;
    assert_int_equal(tunnel_message_read(object, &message, NULL), STATUS_OK);
    if (message.type == TUNNEL_MESSAGE_HELLO) {
        tunnel->has_hello = true;
    } else if (message.type == TUNNEL_MESSAGE_APPLIED) {
        tunnel->applied = message.revision;
    } else if (message.type == TUNNEL_MESSAGE_REFUSED) {
        (void)snprintf(tunnel->refused, sizeof(tunnel->refused), "%.*s", STR_ARG(message.code));
    } else if (message.type == TUNNEL_MESSAGE_HEALTH) {
        (void)snprintf(tunnel->health, sizeof(tunnel->health), "%s",
                       !message.upstreams[0].is_known ? "unknown"
                       : message.upstreams[0].is_up   ? "up"
                                                      : "down");
    }
}

static void world_on_channel_closed(void *owner, const struct why *why) {
    struct world_tunnel *tunnel = owner;
    (void)why;
    tunnel_channel_free(&tunnel->channel);
    if (tunnel->conn != NULL) {
        conn_close(tunnel->conn);
    }
}

static const struct tunnel_channel_events world_channel_events = {
    .on_record = world_on_record, .on_closed = world_on_channel_closed};

static void world_on_goaway(void *context) {
    struct world_tunnel *tunnel = context;
    tunnel->got_goaway = true;
}

static void world_tunnel_closed(void *owner, struct conn *conn, const struct why *why) {
    struct world_tunnel *tunnel = owner;
    (void)conn;
    (void)why;
    tunnel->conn = NULL;
    tunnel->session = NULL;
    tunnel->is_gone = true;
    tunnel_channel_free(&tunnel->channel);
}

static const struct conn_events world_tunnel_events = {.on_closed = world_tunnel_closed};

static void world_accept_tunnel(void *context, struct conn *conn) {
    (void)context;
    assert_true(world.tunnel_count < WORLD_TUNNELS_MAX);
    struct world_tunnel *tunnel = &world.tunnels[world.tunnel_count++];
    const struct h2_config config = {
        .role = H2_CLIENT,
        .profile = H2_TUNNEL,
        .pool = loop_block_pool(world.loop),
        .clock = clock_system(),
        .on_goaway = world_on_goaway,
        .context = tunnel,
    };
    const struct http_head head = {
        .method = STR("POST"),
        .scheme = STR("https"),
        .authority = STR(TUNNEL_CONTROL_AUTHORITY),
        .path = STR(TUNNEL_CONTROL_PATH),
    };
    tunnel->conn = conn;
    tunnel->session = h2_session_new(&config);
    conn_set_events(conn, &world_tunnel_events, tunnel);
    conn_set_engine(conn, h2_session_engine(tunnel->session));
    tunnel->channel = tunnel_channel_new(&world_channel_events, tunnel);
    struct http_stream *stream = h2_session_open(tunnel->session, &head, false,
                                                 tunnel_channel_stream_events(), tunnel->channel);
    assert_non_null(stream);
    tunnel_channel_attach(tunnel->channel, stream);
    world_send_bundle(tunnel);
}

static bool world_wants_tunnel(void *context, struct str name, const struct front_hello *hello) {
    (void)context;
    return str_eq(name, STR("edge." WORLD_DOMAIN)) &&
           front_hello_offers(hello, STR(TLS_ALPN_TUNNEL));
}

static struct tls_context *world_edge_tls(void *context) {
    (void)context;
    return world.edge_tls;
}

static struct world_tunnel *world_last_tunnel(void) {
    return world.tunnel_count > 0 ? &world.tunnels[world.tunnel_count - 1] : NULL;
}

static bool world_is_connected(void) {
    struct world_tunnel *tunnel = world_last_tunnel();
    return tunnel != NULL && !tunnel->is_gone && tunnel->has_hello &&
           tunnel->applied == world.revision;
}

static void exchange_head(void *owner, const struct http_head *head, bool is_end) {
    struct world_exchange *exchange = owner;
    (void)is_end;
    if (head->status < 200) {
        exchange->informational_count++;
        return;
    }
    const struct http_field *error = http_fields_get(&head->fields, STR(FIELD_TUNNEL_ERROR));
    const struct http_field *seen = http_fields_get(&head->fields, STR("x-seen"));
    exchange->status = head->status;
    (void)snprintf(exchange->error, sizeof(exchange->error), "%.*s",
                   STR_ARG(error != NULL ? error->value : STR_EMPTY));
    (void)snprintf(exchange->seen_field, sizeof(exchange->seen_field), "%.*s",
                   STR_ARG(seen != NULL ? seen->value : STR_EMPTY));
}

static void exchange_data(void *owner, const uint8_t *bytes, size_t len) {
    struct world_exchange *exchange = owner;
    exchange->body_bytes += len;
    if (exchange->keeps_body) {
        assert_int_equal(buf_append(&exchange->body, bytes, len), STATUS_OK);
    }
    if (!exchange->holds_back) {
        http_stream_consumed(exchange->stream, len);
    }
}

static void exchange_end(void *owner, const struct http_fields *trailers) {
    struct world_exchange *exchange = owner;
    const struct http_field *field =
        trailers != NULL ? http_fields_get(trailers, STR("x-sum")) : NULL;
    exchange->is_ended = true;
    (void)snprintf(exchange->trailer, sizeof(exchange->trailer), "%.*s",
                   STR_ARG(field != NULL ? field->value : STR_EMPTY));
}

static void exchange_sent(void *owner, size_t len) {
    struct world_exchange *exchange = owner;
    exchange->sent_bytes += len;
}

static void exchange_closed(void *owner, enum http_close reason) {
    struct world_exchange *exchange = owner;
    exchange->stream = NULL;
    exchange->is_closed = true;
    exchange->reason = reason;
}

static const struct http_stream_events exchange_events = {
    .on_head = exchange_head,
    .on_data = exchange_data,
    .on_end = exchange_end,
    .on_sent = exchange_sent,
    .on_closed = exchange_closed,
};

/* Forwards without judging; `extra` (may be NULL) is one more field. */
static void world_open(struct world_exchange *exchange, const char *method, const char *authority,
                       const char *path, const struct http_field *extra, bool is_end) {
    struct http_field fields[2] = {{STR(FIELD_TUNNEL_ENVIRONMENT), id_str(&world.environment)}};
    struct http_head head = {
        .method = str_from(method),
        .scheme = STR("https"),
        .authority = str_from(authority),
        .path = str_from(path),
        .fields = {.at = fields, .count = 1, .cap = 2},
    };
    if (extra != NULL && str_eq(extra->name, STR(FIELD_TUNNEL_ENVIRONMENT))) {
        fields[0] = *extra;
    } else if (extra != NULL) {
        fields[head.fields.count++] = *extra;
    }
    *exchange = (struct world_exchange){.keeps_body = true};
    buf_init(&exchange->body, WORLD_BODY_MAX);
    exchange->stream =
        h2_session_open(world_last_tunnel()->session, &head, is_end, &exchange_events, exchange);
    assert_non_null(exchange->stream);
}

/* The workload */

struct world_work {
    struct http_stream *stream;
    size_t unconsumed;
    bool is_echo;
};

static void work_data(void *owner, const uint8_t *bytes, size_t len) {
    struct world_work *work = owner;
    if (work->is_echo) {
        work->unconsumed += len;
        http_stream_send(work->stream, bytes, len);
    }
}

static void work_sent(void *owner, size_t len) {
    struct world_work *work = owner;
    size_t consumed = len < work->unconsumed ? len : work->unconsumed;
    work->unconsumed -= consumed;
    http_stream_consumed(work->stream, consumed);
}

static void work_end(void *owner, const struct http_fields *trailers) {
    struct world_work *work = owner;
    if (work->is_echo) {
        http_stream_end(work->stream, trailers);
    }
}

static void work_closed(void *owner, enum http_close reason) {
    (void)reason;
    memory_free(owner);
}

static const struct http_stream_events work_events = {
    .on_data = work_data, .on_end = work_end, .on_sent = work_sent, .on_closed = work_closed};

static void work_echo_head(struct http_stream *stream, const struct http_head *head) {
    char text[4096];
    int at = snprintf(text, sizeof(text), "%.*s %.*s host=%.*s\n", STR_ARG(head->method),
                      STR_ARG(head->path), STR_ARG(head->authority));
    for (size_t i = 0; i < head->fields.count; i++) {
        at += snprintf(text + at, sizeof(text) - (size_t)at, "%.*s: %.*s\n",
                       STR_ARG(head->fields.at[i].name), STR_ARG(head->fields.at[i].value));
    }
    struct http_field fields[] = {{STR("x-seen"), STR("echo")}, {STR("warpgate-forged"), STR("1")}};
    const struct http_head answer = {.status = 200, .fields = {.at = fields, .count = 2, .cap = 2}};
    const struct http_head hint = {.status = 103};
    http_stream_send_head(stream, &hint, false);
    http_stream_send_head(stream, &answer, false);
    http_stream_send(stream, (const uint8_t *)text, (size_t)at);
}

static void work_on_request(void *context, struct http_stream *stream, const struct http_head *head,
                            bool is_end) {
    struct world_work *work = MEMORY_NEW(struct world_work);
    const struct http_head ok = {.status = 200};
    (void)context;
    (void)is_end;
    work->stream = stream;
    http_stream_attach(stream, &work_events, work);
    if (str_starts_with(head->path, STR("/echo"))) {
        work->is_echo = true;
        work_echo_head(stream, head);
    } else if (str_eq(head->path, STR("/count"))) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%u", world.conn_count);
        http_stream_send_head(stream, &ok, false);
        http_stream_send(stream, (const uint8_t *)text, (size_t)len);
        http_stream_end(stream, NULL);
    } else if (str_eq(head->path, STR("/early"))) {
        http_stream_send_head(stream, &ok, true);
    }
}

/* Speaks a canned answer as soon as a request head is complete; for what no good server says. */
struct raw_engine {
    struct engine engine;
    const char *rest;
    bool has_head;
};

static void raw_feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct raw_engine *raw = (struct raw_engine *)engine;
    if (!raw->has_head && memmem(bytes, len, "\r\n\r\n", 4) != NULL) {
        raw->has_head = true;
        raw->rest = world.raw_answer;
        engine_notify(engine);
    }
}

static void raw_feed_end(struct engine *engine) {
    (void)engine;
}

static size_t raw_peek(struct engine *engine, const uint8_t **bytes) {
    struct raw_engine *raw = (struct raw_engine *)engine;
    *bytes = (const uint8_t *)raw->rest;
    return strlen(raw->rest);
}

static void raw_wrote(struct engine *engine, size_t len) {
    ((struct raw_engine *)engine)->rest += len;
}

static bool raw_wants_read(const struct engine *engine) {
    (void)engine;
    return true;
}

static enum engine_phase raw_phase(const struct engine *engine) {
    const struct raw_engine *raw = (const struct raw_engine *)engine;
    return raw->has_head ? ENGINE_DONE : ENGINE_IDLE;
}

static void raw_free(struct engine *engine) {
    memory_free(engine);
}

static const struct engine_ops raw_ops = {
    .feed = raw_feed,
    .feed_end = raw_feed_end,
    .lost = raw_feed_end,
    .peek = raw_peek,
    .wrote = raw_wrote,
    .wants_read = raw_wants_read,
    .phase = raw_phase,
    .free = raw_free,
};

static void work_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)why;
    world.open_count--;
    for (size_t i = 0; i < 64; i++) {
        if (world.workload_conns[i] == conn) {
            world.workload_conns[i] = NULL;
        }
    }
}

static void work_established(void *owner, struct conn *conn) {
    (void)owner;
    if (world.raw_answer != NULL) {
        struct raw_engine *raw = MEMORY_NEW(struct raw_engine);
        raw->engine.ops = &raw_ops;
        raw->rest = "";
        conn_set_engine(conn, &raw->engine);
        return;
    }
    const struct h1_server_config config = {
        .pool = loop_block_pool(world.loop),
        .server = {.on_request = work_on_request},
        .scheme = STR("http"),
    };
    conn_set_engine(conn, h1_server_engine(h1_server_new(&config)));
}

static const struct conn_events work_conn_events = {.on_established = work_established,
                                                    .on_closed = work_conn_closed};

static void work_on_poll(uv_poll_t *poll, int status, int events) {
    (void)poll;
    (void)status;
    (void)events;
    int fd = accept(world.listener, NULL, NULL);
    if (fd < 0) {
        return;
    }
    const struct conn_timeouts timeouts = {.handshake_ms = 0};
    world.conn_count++;
    world.open_count++;
    struct conn *conn = conn_accept(world.loop, fd, NULL, &timeouts, &work_conn_events, NULL);
    world.workload_conns[world.conn_count % 64] = conn;
}

static void world_bind_workload(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(address);
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    world.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(world.listener >= 0);
    (void)setsockopt(world.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(world.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(world.listener, (struct sockaddr *)&address, &len), 0);
    world.port = ntohs(address.sin_port);
}

static void world_open_workload(void) {
    assert_int_equal(listen(world.listener, 64), 0);
    assert_int_equal(uv_poll_init(loop_uv(world.loop), &world.poll, world.listener), 0);
    assert_int_equal(uv_poll_start(&world.poll, UV_READABLE, work_on_poll), 0);
}

static void world_cut_workload_conns(void) {
    for (size_t i = 0; i < 64; i++) {
        if (world.workload_conns[i] != NULL) {
            conn_abort(world.workload_conns[i]);
        }
    }
}

/* The agent */

static void world_on_ended(void *context, enum status status) {
    (void)context;
    world.has_ended = true;
    world.outcome = status;
}

static bool world_has_ended(void) {
    return world.has_ended;
}

static void world_start_warpgate(void) {
    char upstream[32];
    char url[64];
    const char *upstreams[] = {upstream, "dead=127.0.0.1:1"};
    struct why why = {.text = ""};
    (void)snprintf(upstream, sizeof(upstream), "127.0.0.1:%u", world.port);
    (void)snprintf(url, sizeof(url), "https://api." WORLD_DOMAIN ":%u",
                   address_port(front_address(world.front)));
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

static int world_setup(void **state) {
    (void)state;
    memset(&world, 0, sizeof(world));
    world.loop = loop_new(clock_system(), random_system());
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
    assert_int_equal(front_new(world.loop, STR("127.0.0.1:0"), &world.front, NULL), STATUS_OK);
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

static bool world_is_quiet(void) {
    for (size_t i = 0; i < world.tunnel_count; i++) {
        if (!world.tunnels[i].is_gone) {
            return false;
        }
    }
    return world.open_count == 0;
}

static int world_teardown(void **state) {
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

#endif
