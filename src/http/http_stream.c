#include "http/http_stream.h"

static void drop_data(void *owner, const uint8_t *bytes, size_t len) {
    (void)bytes;
    http_stream_consumed(owner, len);
}

static void ignore_end(void *owner, const struct http_fields *trailers) {
    (void)owner;
    (void)trailers;
}

static void ignore_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void ignore_closed(void *owner, enum http_close reason) {
    (void)owner;
    (void)reason;
}

void http_stream_discard(struct http_stream *stream) {
    static const struct http_stream_events events = {
        .on_data = drop_data,
        .on_end = ignore_end,
        .on_sent = ignore_sent,
        .on_closed = ignore_closed,
    };
    http_stream_attach(stream, &events, stream);
}
