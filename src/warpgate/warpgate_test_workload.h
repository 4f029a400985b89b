/* warpgate_test_workload.h: a workload that answers by the path, for warpgate_test_kit.h. */
#ifndef WARPGATE_WARPGATE_TEST_WORKLOAD_H
#define WARPGATE_WARPGATE_TEST_WORKLOAD_H

#include "warpgate/warpgate_test_state.h"

/* The workload */

struct world_work {
    struct http_stream *stream;
    size_t unconsumed;
    bool is_echo;
};

static inline void work_data(void *owner, const uint8_t *bytes, size_t len) {
    struct world_work *work = owner;
    if (work->is_echo) {
        work->unconsumed += len;
        http_stream_send(work->stream, bytes, len);
    }
}

static inline void work_sent(void *owner, size_t len) {
    struct world_work *work = owner;
    size_t consumed = len < work->unconsumed ? len : work->unconsumed;
    work->unconsumed -= consumed;
    http_stream_consumed(work->stream, consumed);
}

static inline void work_end(void *owner, const struct http_fields *trailers) {
    struct world_work *work = owner;
    if (work->is_echo) {
        http_stream_end(work->stream, trailers);
    }
}

static inline void work_closed(void *owner, enum http_close reason) {
    (void)reason;
    memory_free(owner);
}

static const struct http_stream_events work_events = {
    .on_data = work_data, .on_end = work_end, .on_sent = work_sent, .on_closed = work_closed};

static inline void work_echo_head(struct http_stream *stream, const struct http_head *head) {
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

static inline void work_on_request(void *context, struct http_stream *stream,
                                   const struct http_head *head, bool is_end) {
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

static inline void raw_feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct raw_engine *raw = (struct raw_engine *)engine;
    if (!raw->has_head && memmem(bytes, len, "\r\n\r\n", 4) != NULL) {
        raw->has_head = true;
        raw->rest = world.raw_answer;
        engine_notify(engine);
    }
}

static inline void raw_feed_end(struct engine *engine) {
    (void)engine;
}

static inline size_t raw_peek(struct engine *engine, const uint8_t **bytes) {
    struct raw_engine *raw = (struct raw_engine *)engine;
    *bytes = (const uint8_t *)raw->rest;
    return strlen(raw->rest);
}

static inline void raw_wrote(struct engine *engine, size_t len) {
    ((struct raw_engine *)engine)->rest += len;
}

static inline bool raw_wants_read(const struct engine *engine) {
    (void)engine;
    return true;
}

static inline enum engine_phase raw_phase(const struct engine *engine) {
    const struct raw_engine *raw = (const struct raw_engine *)engine;
    return raw->has_head ? ENGINE_DONE : ENGINE_IDLE;
}

static inline void raw_free(struct engine *engine) {
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

static inline void work_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)why;
    world.open_count--;
    for (size_t i = 0; i < 64; i++) {
        if (world.workload_conns[i] == conn) {
            world.workload_conns[i] = NULL;
        }
    }
}

static inline void work_established(void *owner, struct conn *conn) {
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

static inline void work_on_poll(uv_poll_t *poll, int status, int events) {
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

static inline void world_bind_workload(uint16_t port) {
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

static inline void world_open_workload(void) {
    assert_int_equal(listen(world.listener, 64), 0);
    assert_int_equal(uv_poll_init(loop_uv(world.loop), &world.poll, world.listener), 0);
    assert_int_equal(uv_poll_start(&world.poll, UV_READABLE, work_on_poll), 0);
}

static inline void world_cut_workload_conns(void) {
    for (size_t i = 0; i < 64; i++) {
        if (world.workload_conns[i] != NULL) {
            conn_abort(world.workload_conns[i]);
        }
    }
}

#endif
