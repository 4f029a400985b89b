/* h1_test_kit.h: for tests: one HTTP/1 engine, and an owner of its exchanges that writes down what happens.
 *
 * No event may come from inside one of the owner's calls: every test that uses these calls checks it.
 */
#ifndef HTTP_H1_TEST_KIT_H
#define HTTP_H1_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/block.h"
#include "base/engine.h"
#include "http/http_stream.h"

#define LOG_BYTES 65536
#define OUT_BYTES (1 << 20)

struct h1_client;
struct h1_server;

struct rig {
    struct block_pool pool;
    struct h1_server *server; /* one of the two */
    struct h1_client *client;
    struct engine *engine;
    struct http_stream *stream;   /* NULL when no exchange is open */
    const struct http_head *head; /* server: of the last request */
    char log[LOG_BYTES];
    size_t log_len;
    char out[OUT_BYTES];
    size_t out_len;
    char slug[48]; /* server: of the last refusal */
    /* server: sent at on_request, with a Content-Length; NULL: the test answers itself */
    const char *answer;
    bool is_eager;  /* consumes at once */
    bool is_inside; /* an owner's call is going on: no event may come */
    bool releases_on_request;
    bool releases_on_head;
    bool releases_on_data;
    bool releases_on_end;
    bool reopens_on_end;
    bool reopens_on_closed;
    bool was_reusable; /* client: in on_closed */
    bool is_ignorant;  /* server: does not attach */
    bool has_page;     /* server: on_error has one */
    size_t notify_count;
    size_t sent;
};

static inline void note(struct rig *rig, const char *format, ...) PRINTF_LIKE(2, 3);

static inline void note(struct rig *rig, const char *format, ...) {
    va_list args;
    assert_false(rig->is_inside);
    va_start(args, format);
    int len = vsnprintf(rig->log + rig->log_len, LOG_BYTES - rig->log_len, format, args);
    va_end(args);
    rig->log_len += (size_t)len;
    assert_true(rig->log_len < LOG_BYTES);
}

static inline void note_head_fields(struct rig *rig, const struct http_head *head, bool is_end) {
    for (size_t i = 0; i < head->fields.count; i++) {
        note(rig, " %.*s=%.*s", STR_ARG(head->fields.at[i].name),
             STR_ARG(head->fields.at[i].value));
    }
    note(rig, is_end ? " |" : " +");
}

static inline void note_end(struct rig *rig, const struct http_fields *trailers) {
    note(rig, " end");
    for (size_t i = 0; trailers != NULL && i < trailers->count; i++) {
        note(rig, "[%.*s=%.*s]", STR_ARG(trailers->at[i].name), STR_ARG(trailers->at[i].value));
    }
}

static inline void note_closed(struct rig *rig, enum http_close reason) {
    static const char *const names[] = {"done", "cancelled", "refused", "malformed", "lost"};
    note(rig, " closed:%s\n", names[reason]);
    rig->stream = NULL;
}

static inline void release(struct rig *rig) {
    struct http_stream *stream = rig->stream;
    rig->stream = NULL;
    rig->is_inside = true;
    http_stream_release(stream);
    rig->is_inside = false;
}

static inline void send_text(struct rig *rig, const char *text) {
    rig->is_inside = true;
    http_stream_send(rig->stream, (const uint8_t *)text, strlen(text));
    rig->is_inside = false;
}

static inline void send_end(struct rig *rig, const struct http_fields *trailers) {
    rig->is_inside = true;
    http_stream_end(rig->stream, trailers);
    rig->is_inside = false;
}

static inline void consume(struct rig *rig, size_t len) {
    rig->is_inside = true;
    http_stream_consumed(rig->stream, len);
    rig->is_inside = false;
}

static inline void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct rig *rig = owner;
    /* Joined, so that the log is the same however the input was split. */
    bool follows = rig->log_len > 0 && rig->log[rig->log_len - 1] == '>';
    if (follows) {
        rig->log_len--;
    }
    note(rig, "%s%.*s>", follows ? "" : " data<", (int)len, (const char *)bytes);
    if (rig->is_eager) {
        consume(rig, len);
    }
    if (rig->releases_on_data) {
        release(rig);
    }
}

static inline void on_sent(void *owner, size_t len) {
    struct rig *rig = owner;
    assert_false(rig->is_inside);
    rig->sent += len;
}

static inline void on_notify(void *context) {
    struct rig *rig = context;
    rig->notify_count++;
}

static inline struct rig *rig_make(void) {
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    block_pool_init(&rig->pool, 4);
    rig->is_eager = true;
    return rig;
}

static inline void rig_take_engine(struct rig *rig, struct engine *engine) {
    rig->engine = engine;
    engine->notify = on_notify;
    engine->notify_context = rig;
}

static inline void rig_free(struct rig *rig) {
    rig->engine->ops->free(rig->engine);
    assert_int_equal(rig->pool.used_count, 0);
    block_pool_fini(&rig->pool);
    free(rig);
}

static inline void feed(struct rig *rig, struct str bytes, size_t step) {
    for (size_t at = 0; at < bytes.len; at += step) {
        struct str part = str_sub(bytes, at, step);
        /* An exact copy, so that a read past the end is seen. */
        uint8_t *copy = malloc(part.len);
        assert_non_null(copy);
        memcpy(copy, part.at, part.len);
        rig->engine->ops->feed(rig->engine, copy, part.len);
        free(copy);
    }
}

static inline void feed_text(struct rig *rig, const char *text) {
    feed(rig, str_from(text), SIZE_MAX / 2);
}

static inline size_t write_some(struct rig *rig, size_t max) {
    const uint8_t *bytes;
    size_t len = rig->engine->ops->peek(rig->engine, &bytes);
    len = len < max ? len : max;
    if (len > 0) {
        assert_true(rig->out_len + len < OUT_BYTES);
        memcpy(rig->out + rig->out_len, bytes, len);
        rig->out_len += len;
        rig->engine->ops->wrote(rig->engine, len);
    }
    rig->out[rig->out_len] = '\0';
    return len;
}

static inline void drain(struct rig *rig) {
    while (write_some(rig, SIZE_MAX) > 0) {
    }
}

static inline enum engine_phase phase_of(const struct rig *rig) {
    return rig->engine->ops->phase(rig->engine);
}

static inline bool wants_read(const struct rig *rig) {
    return rig->engine->ops->wants_read(rig->engine);
}

static inline void strip_dates(struct rig *rig) {
    for (char *at = strstr(rig->out, "Date: "); at != NULL; at = strstr(rig->out, "Date: ")) {
        char *end = strstr(at, "\r\n") + 2;
        memmove(at, end, strlen(end) + 1);
    }
    rig->out_len = strlen(rig->out);
}

#endif
