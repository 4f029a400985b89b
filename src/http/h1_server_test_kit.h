/* h1_server_test_kit.h: for tests: a rig (h1_test_kit.h) around a server. */
#ifndef HTTP_H1_SERVER_TEST_KIT_H
#define HTTP_H1_SERVER_TEST_KIT_H

#include "http/h1_server.h"
#include "http/h1_test_kit.h"

#define HOST "Host: a\r\n"

static inline void answer_head(struct rig *rig, unsigned status, bool has_length, uint64_t length,
                               bool is_end) {
    struct http_field field = {STR("x-a"), STR("b")};
    struct http_head head = {.status = status,
                             .fields = {&field, 1, 1},
                             .has_content_length = has_length,
                             .content_length = length};
    rig->is_inside = true;
    http_stream_send_head(rig->stream, &head, is_end);
    rig->is_inside = false;
}

static inline void answer_text(struct rig *rig, const char *text) {
    answer_head(rig, 200, true, strlen(text), false);
    send_text(rig, text);
    send_end(rig, NULL);
}

static inline void on_end(void *owner, const struct http_fields *trailers) {
    struct rig *rig = owner;
    note_end(rig, trailers);
    if (rig->releases_on_end) {
        release(rig);
    }
}

static inline void on_closed(void *owner, enum http_close reason) {
    note_closed(owner, reason);
}

static const struct http_stream_events events = {
    .on_data = on_data, .on_end = on_end, .on_sent = on_sent, .on_closed = on_closed};

static inline void on_request(void *context, struct http_stream *stream,
                              const struct http_head *head, bool is_end) {
    struct rig *rig = context;
    note(rig, "%.*s %.*s %.*s", STR_ARG(head->method), STR_ARG(head->authority),
         STR_ARG(head->path));
    note_head_fields(rig, head, is_end);
    assert_true(str_eq(head->scheme, STR("https")));
    rig->stream = stream;
    rig->head = head;
    if (rig->is_ignorant) {
        return;
    }
    http_stream_attach(stream, &events, rig);
    if (rig->releases_on_request) {
        release(rig);
        return;
    }
    if (rig->answer != NULL) {
        answer_text(rig, rig->answer);
    }
}

static inline void on_error(void *context, unsigned status, const struct why *why, struct str *type,
                            struct str *body) {
    struct rig *rig = context;
    (void)status;
    snprintf(rig->slug, sizeof(rig->slug), "%s", why->slug);
    if (rig->has_page) {
        *type = STR("text/plain");
        *body = STR("sorry\n");
    }
}

static inline struct rig *rig_new(size_t read_ahead_max) {
    struct rig *rig = rig_make();
    struct h1_server_config config = {.pool = &rig->pool,
                                      .server = {on_request, rig},
                                      .scheme = STR("https"),
                                      .on_error = on_error,
                                      .read_ahead_max = read_ahead_max};
    rig->server = h1_server_new(&config);
    rig_take_engine(rig, h1_server_engine(rig->server));
    return rig;
}

#endif
