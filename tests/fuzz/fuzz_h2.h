/* fuzz_h2.h: an owner that takes part in everything, for the two HTTP/2 targets. The first input byte says how. */
#ifndef TESTS_FUZZ_H2_H
#define TESTS_FUZZ_H2_H

#include "http/h2_session.h"

enum {
    FUZZ_ECHOES = 1,
    FUZZ_RELEASES_ON_HEAD = 2,
    FUZZ_RELEASES_ON_DATA = 4,
    FUZZ_RELEASES_ON_END = 8,
    FUZZ_CONSUMES = 16,
    FUZZ_VISITOR = 32,
    FUZZ_SMALL_CHUNKS = 64,
    FUZZ_DRAINS = 128,
};

static uint8_t fuzz_mode;

static inline void fuzz_answer(struct http_stream *stream, bool is_switch) {
    struct http_field field = {STR("x-answer"), STR("yes")};
    struct http_head head = {.status = is_switch ? 101 : 200, .fields = {&field, 1, 1}};
    http_stream_send_head(stream, &head, (fuzz_mode & FUZZ_ECHOES) == 0);
}

static void fuzz_release(struct http_stream *stream, uint8_t when) {
    if ((fuzz_mode & when) != 0) {
        http_stream_release(stream);
    }
}

static void fuzz_on_head(void *owner, const struct http_head *head, bool is_end) {
    (void)head;
    (void)is_end;
    fuzz_release(owner, FUZZ_RELEASES_ON_HEAD);
}

static void fuzz_on_data(void *owner, const uint8_t *bytes, size_t len) {
    if ((fuzz_mode & FUZZ_ECHOES) != 0) {
        http_stream_send(owner, bytes, len);
    }
    if ((fuzz_mode & FUZZ_CONSUMES) != 0) {
        http_stream_consumed(owner, len);
    }
    fuzz_release(owner, FUZZ_RELEASES_ON_DATA);
}

static void fuzz_on_end(void *owner, const struct http_fields *trailers) {
    http_stream_end(owner, trailers);
    fuzz_release(owner, FUZZ_RELEASES_ON_END);
}

static void fuzz_on_sent(void *owner, size_t len) {
    http_stream_consumed(owner, len);
}

static const struct http_stream_events fuzz_events = {.on_head = fuzz_on_head,
                                                      .on_data = fuzz_on_data,
                                                      .on_end = fuzz_on_end,
                                                      .on_sent = fuzz_on_sent};

static inline void fuzz_on_request(void *context, struct http_stream *stream,
                                   const struct http_head *head, bool is_end) {
    (void)context;
    (void)is_end;
    http_stream_attach(stream, &fuzz_events, stream);
    fuzz_answer(stream, head->protocol.len > 0);
    fuzz_release(stream, FUZZ_RELEASES_ON_HEAD);
}

static void fuzz_drain_output(struct engine *engine) {
    const uint8_t *bytes;
    for (size_t len = engine->ops->peek(engine, &bytes); len > 0;
         len = engine->ops->peek(engine, &bytes)) {
        engine->ops->wrote(engine, len);
    }
}

/* Feeds everything in chunks, writing in between, and ends in one of the ways that there are. */
static void fuzz_feed(struct h2_session *session, const uint8_t *bytes, size_t len) {
    struct engine *engine = h2_session_engine(session);
    size_t chunk = (fuzz_mode & FUZZ_SMALL_CHUNKS) != 0 ? 7 : 4096;
    for (size_t at = 0; at < len && engine->ops->wants_read(engine); at += chunk) {
        engine->ops->feed(engine, bytes + at, len - at < chunk ? len - at : chunk);
        if ((fuzz_mode & FUZZ_DRAINS) != 0 && at >= len / 2) {
            h2_session_drain(session);
        }
        fuzz_drain_output(engine);
    }
    (void)engine->ops->phase(engine);
    if (len % 2 == 0) {
        engine->ops->lost(engine);
    }
    engine->ops->free(engine);
}

#endif
