/* api_stream_test_kit.h: for tests alone: a client of a stream that keeps what it gets, and takes bytes only when the test wants it. */
#ifndef CONTROL_API_STREAM_TEST_KIT_H
#define CONTROL_API_STREAM_TEST_KIT_H

#include "control/control_test_kit.h"

#include <string.h>

#include "base/memory.h"
#include "control/api_exchange.h"
#include "control/api_stream.h"

struct client {
    struct http_stream stream;
    struct arena arena;
    struct buf body;
    unsigned status;
    char type[64];
    bool is_slow; /* nothing leaves until client_drain */
    bool is_over;
    bool is_released;
};

static void client_head(struct http_stream *stream, const struct http_head *head, bool is_end) {
    struct client *client = CONTAINER_OF(stream, struct client, stream);
    const struct http_field *type = http_fields_get(&head->fields, STR("content-type"));
    client->status = head->status;
    client->is_over = is_end;
    if (type != NULL) {
        snprintf(client->type, sizeof(client->type), "%.*s", STR_ARG(type->value));
    }
}

static void client_bytes(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct client *client = CONTAINER_OF(stream, struct client, stream);
    assert_int_equal(buf_append(&client->body, bytes, len), STATUS_OK);
    stream->unsent += client->is_slow ? len : 0;
}

static void client_end(struct http_stream *stream, const struct http_fields *trailers) {
    (void)trailers;
    CONTAINER_OF(stream, struct client, stream)->is_over = true;
}

static void client_consumed(struct http_stream *stream, size_t len) {
    (void)stream;
    (void)len;
}

static void client_release(struct http_stream *stream) {
    CONTAINER_OF(stream, struct client, stream)->is_released = true;
}

static const struct http_stream_ops client_ops = {
    .send_head = client_head,
    .send = client_bytes,
    .end = client_end,
    .consumed = client_consumed,
    .release = client_release,
};

static inline void client_drain(struct client *client) {
    size_t len = client->stream.unsent;
    client->stream.unsent = 0;
    client->stream.events->on_sent(client->stream.owner, len);
}

static inline void client_close(struct client *client) {
    client->stream.events->on_closed(client->stream.owner, HTTP_CLOSE_DONE);
}

static inline void client_fini(struct client *client) {
    buf_fini(&client->body);
    arena_fini(&client->arena);
}

static inline bool client_holds(const struct client *client, const char *text) {
    struct str body = buf_str(&client->body);
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= body.len; i++) {
        if (memcmp(body.at + i, text, len) == 0) {
            return true;
        }
    }
    return false;
}

static void client_stop_loop(struct loop_timer *timer) {
    loop_stop(timer->loop);
}

static void client_free_timer(struct loop_timer *timer) {
    memory_free(timer);
}

static inline void client_run(struct kit *kit, int64_t ms) {
    struct loop_timer *timer = MEMORY_NEW(struct loop_timer);
    loop_timer_init(timer, kit->loop, client_stop_loop, NULL);
    loop_timer_set(timer, ms);
    loop_run(kit->loop);
    loop_timer_close(timer, client_free_timer);
}

/* Until the client has got this; the loop runs meanwhile. */
static inline void client_wait(struct kit *kit, const struct client *client, const char *text) {
    for (int i = 0; i < 2000 && !client_holds(client, text); i++) {
        client_run(kit, 5);
    }
    if (!client_holds(client, text)) {
        fail_msg("no \"%s\" in: %.*s", text, STR_ARG(buf_str(&client->body)));
    }
}

static inline void client_idle(struct kit *kit) {
    for (int i = 0; i < 2000 && kit->control->work_count > 0; i++) {
        client_run(kit, 5);
    }
    assert_int_equal(kit->control->work_count, 0);
}

/* The request is complete; its answer comes when the loop runs. */
static inline void client_ask(struct kit *kit, struct client *client, const char *path,
                              const char *token, const char *last_event_id) {
    static const struct api_peer peer = {.ip_address = "192.0.2.7"};
    struct http_head head = {.method = STR_INIT("GET"),
                             .path = str_from(path),
                             .authority = STR_INIT("api." KIT_DOMAIN ":8443")};
    *client = (struct client){.stream = {.ops = &client_ops}};
    arena_init(&client->arena);
    buf_init(&client->body, (size_t)16 << 20);
    client->stream.arena = &client->arena;
    http_fields_add(&head.fields, &client->arena, STR("authorization"),
                    arena_printf(&client->arena, "Bearer %s", token));
    if (last_event_id != NULL) {
        http_fields_add(&head.fields, &client->arena, STR("last-event-id"),
                        str_from(last_event_id));
    }
    api_exchange_begin(kit->control, &api_router_public, &peer, &client->stream, &head);
    client->stream.events->on_end(client->stream.owner, NULL);
}

/* Waits until the stream has begun. */
static inline void client_open(struct kit *kit, struct client *client, const char *path,
                               const char *token, const char *last_event_id) {
    client_ask(kit, client, path, token, last_event_id);
    client_wait(kit, client, "retry: ");
    assert_int_equal(client->status, 200);
    assert_string_equal(client->type, "text/event-stream");
}

/* The id of the last event so far. */
static inline void client_last_id(const struct client *client, char out[64]) {
    struct str rest = buf_str(&client->body);
    out[0] = '\0';
    while (!str_is_empty(rest)) {
        struct str line;
        (void)str_cut(rest, '\n', &line, &rest);
        if (line.len > 4 && str_eq(str_sub(line, 0, 4), STR("id: "))) {
            snprintf(out, 64, "%.*s", (int)(line.len - 4), line.at + 4);
        }
    }
}

#endif
