/* warpgate_test_platform.h: a control plane that enrols, and an edge that forwards what a test wants, for warpgate_test_kit.h. */
#ifndef WARPGATE_WARPGATE_TEST_PLATFORM_H
#define WARPGATE_WARPGATE_TEST_PLATFORM_H

#include "warpgate/warpgate_test_state.h"

/* The control plane */

struct world_call {
    struct http_stream *stream;
    struct buf body;
};

static inline void world_answer_json(struct http_stream *stream, unsigned status, json_t *object) {
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

static inline void world_call_data(void *owner, const uint8_t *bytes, size_t len) {
    struct world_call *call = owner;
    assert_int_equal(buf_append(&call->body, bytes, len), STATUS_OK);
    http_stream_consumed(call->stream, len);
}

static inline void world_call_end(void *owner, const struct http_fields *trailers) {
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
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", world.front_port);
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

static inline void world_count(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static inline void world_call_closed(void *owner, enum http_close reason) {
    struct world_call *call = owner;
    (void)reason;
    buf_fini(&call->body);
    memory_free(call);
}

static const struct http_stream_events world_call_events = {.on_data = world_call_data,
                                                            .on_end = world_call_end,
                                                            .on_sent = world_count,
                                                            .on_closed = world_call_closed};

static inline void world_on_call(void *context, struct http_stream *stream,
                                 const struct http_head *head, bool is_end) {
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

static inline void world_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    (void)why;
}

static const struct conn_events world_conn_events = {.on_closed = world_conn_closed};

static inline void world_accept_control(void *context, struct conn *conn) {
    (void)context;
    const struct h1_server_config config = {
        .pool = loop_block_pool(world.loop),
        .server = {.on_request = world_on_call},
        .scheme = STR("https"),
    };
    conn_set_events(conn, &world_conn_events, NULL);
    conn_set_engine(conn, h1_server_engine(h1_server_new(&config)));
}

static inline bool world_wants_control(void *context, struct str name,
                                       const struct front_hello *hello) {
    (void)context;
    return str_eq(name, STR("api." WORLD_DOMAIN)) &&
           front_hello_offers(hello, STR(TLS_ALPN_CONTROL));
}

static inline struct tls_context *world_control_tls(void *context) {
    (void)context;
    return world.control_tls;
}

/* The edge */

static inline void world_send(struct world_tunnel *tunnel, const struct tunnel_message *message) {
    json_t *object = tunnel_message_write(message);
    tunnel_channel_send(tunnel->channel, object);
    json_decref(object);
}

static inline void world_send_bundle(struct world_tunnel *tunnel) {
    const struct tunnel_message message = {.type = TUNNEL_MESSAGE_BUNDLE,
                                           .jws = buf_str(&world.jws)};
    world_send(tunnel, &message);
}

static inline void world_on_record(void *owner, const json_t *object) {
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

static inline void world_on_channel_closed(void *owner, const struct why *why) {
    struct world_tunnel *tunnel = owner;
    (void)why;
    tunnel_channel_free(&tunnel->channel);
    if (tunnel->conn != NULL) {
        conn_close(tunnel->conn);
    }
}

static const struct tunnel_channel_events world_channel_events = {
    .on_record = world_on_record, .on_closed = world_on_channel_closed};

static inline void world_on_goaway(void *context) {
    struct world_tunnel *tunnel = context;
    tunnel->got_goaway = true;
}

static inline void world_tunnel_closed(void *owner, struct conn *conn, const struct why *why) {
    struct world_tunnel *tunnel = owner;
    (void)conn;
    (void)why;
    tunnel->conn = NULL;
    tunnel->session = NULL;
    tunnel->is_gone = true;
    tunnel_channel_free(&tunnel->channel);
}

static const struct conn_events world_tunnel_events = {.on_closed = world_tunnel_closed};

static inline void world_accept_tunnel(void *context, struct conn *conn) {
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

static inline bool world_wants_tunnel(void *context, struct str name,
                                      const struct front_hello *hello) {
    (void)context;
    return str_eq(name, STR("edge." WORLD_DOMAIN)) &&
           front_hello_offers(hello, STR(TLS_ALPN_TUNNEL));
}

static inline struct tls_context *world_edge_tls(void *context) {
    (void)context;
    return world.edge_tls;
}

static inline struct world_tunnel *world_last_tunnel(void) {
    return world.tunnel_count > 0 ? &world.tunnels[world.tunnel_count - 1] : NULL;
}

static inline bool world_is_connected(void) {
    struct world_tunnel *tunnel = world_last_tunnel();
    return tunnel != NULL && !tunnel->is_gone && tunnel->has_hello &&
           tunnel->applied == world.revision;
}

static inline void exchange_head(void *owner, const struct http_head *head, bool is_end) {
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

static inline void exchange_data(void *owner, const uint8_t *bytes, size_t len) {
    struct world_exchange *exchange = owner;
    exchange->body_bytes += len;
    if (exchange->keeps_body) {
        assert_int_equal(buf_append(&exchange->body, bytes, len), STATUS_OK);
    }
    if (!exchange->holds_back) {
        http_stream_consumed(exchange->stream, len);
    }
}

static inline void exchange_end(void *owner, const struct http_fields *trailers) {
    struct world_exchange *exchange = owner;
    const struct http_field *field =
        trailers != NULL ? http_fields_get(trailers, STR("x-sum")) : NULL;
    exchange->is_ended = true;
    (void)snprintf(exchange->trailer, sizeof(exchange->trailer), "%.*s",
                   STR_ARG(field != NULL ? field->value : STR_EMPTY));
}

static inline void exchange_sent(void *owner, size_t len) {
    struct world_exchange *exchange = owner;
    exchange->sent_bytes += len;
}

static inline void exchange_closed(void *owner, enum http_close reason) {
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
static inline void world_open(struct world_exchange *exchange, const char *method,
                              const char *authority, const char *path,
                              const struct http_field *extra, bool is_end) {
    struct http_field fields[2] = {{STR(FIELD_TUNNEL_ENVIRONMENT), id_str(&world.environment)}};
    struct http_head head = {
        .method = str_from(method),
        .scheme = STR("https"),
        .authority = str_from(authority),
        .path = str_from(path),
        .fields = {.at = fields, .count = world.is_bare ? 0 : 1, .cap = 2},
    };
    if (extra != NULL && str_eq(extra->name, STR(FIELD_TUNNEL_ENVIRONMENT))) {
        fields[0] = *extra;
        head.fields.count = 1;
    } else if (extra != NULL) {
        fields[head.fields.count++] = *extra;
    }
    *exchange = (struct world_exchange){.keeps_body = true};
    buf_init(&exchange->body, WORLD_BODY_MAX);
    exchange->stream =
        h2_session_open(world_last_tunnel()->session, &head, is_end, &exchange_events, exchange);
    assert_non_null(exchange->stream);
}

#endif
