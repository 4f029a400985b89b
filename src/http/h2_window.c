#include "http/h2_window.h"

#include <string.h>

#include "http/h2_core.h"

#define PROBE_BYTES 16384 /* between a stream's probes */
#define ANNOUNCED_BYTES_MIN 32768

static const uint8_t probe_payload[8] = {'w', 'i', 'n', 'd', 'o', 'w', 's', '?'};

static size_t window_of(const struct h2_stream *stream) {
    return stream->session->config.stream_window_bytes + stream->window.grown_bytes;
}

static bool may_grow(const struct h2_stream *stream) {
    const struct h2_session *session = stream->session;
    size_t bytes = window_of(stream);
    return bytes * 2 <= session->config.stream_window_max_bytes && bytes <= session->growth_left;
}

static void begin_probe(struct h2_stream *stream) {
    struct h2_session *session = stream->session;
    if (session->state >= H2_SESSION_ENDED || !may_grow(stream) ||
        nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, probe_payload) != 0) {
        return;
    }
    session->is_probing = true;
    session->probe_serial++;
    h2_budget_ping_sent(&session->budget);
    h2_core_wake(session);
}

void h2_window_received(struct h2_stream *stream, size_t len) {
    struct h2_session *session = stream->session;
    struct h2_window *window = &stream->window;
    window->unconsumed += len;
    window->since += len;
    if (session->is_probing) {
        window->counted = window->serial == session->probe_serial ? window->counted + len : len;
        window->serial = session->probe_serial;
        return;
    }
    if (window->since >= PROBE_BYTES) {
        window->since = 0;
        begin_probe(stream);
    }
}

static bool is_too_small(const struct h2_stream *stream) {
    const struct h2_session *session = stream->session;
    const struct h2_window *window = &stream->window;
    size_t bytes = window_of(stream);
    return session->is_probing && window->serial == session->probe_serial &&
           window->counted >= bytes / 2 && window->unconsumed <= bytes / 4 && may_grow(stream);
}

static void grow(struct h2_stream *stream) {
    struct h2_session *session = stream->session;
    struct h2_window *window = &stream->window;
    size_t bytes = window_of(stream);
    if (nghttp2_session_set_local_window_size(session->ng, NGHTTP2_FLAG_NONE, stream->id,
                                              (int32_t)(2 * bytes)) == 0) {
        session->growth_left -= bytes;
        window->grown_bytes += bytes;
    }
}

/* Not nghttp2_session_consume_stream: that waits for a half of the window, and so could halve the rate of a window at its most. */
static void announce(struct h2_stream *stream) {
    (void)!nghttp2_submit_window_update(stream->session->ng, NGHTTP2_FLAG_NONE, stream->id,
                                        (int32_t)stream->window.unannounced);
    stream->window.unannounced = 0;
    h2_core_wake(stream->session);
}

static size_t announced_min(const struct h2_stream *stream) {
    size_t bytes = window_of(stream);
    size_t most = bytes / 2;
    size_t part = bytes / 8 > ANNOUNCED_BYTES_MIN ? bytes / 8 : ANNOUNCED_BYTES_MIN;
    return part < most ? part : most;
}

void h2_window_consumed(struct h2_stream *stream, size_t len) {
    struct h2_window *window = &stream->window;
    len = len < window->unconsumed ? len : window->unconsumed;
    window->unconsumed -= len;
    window->unannounced += len;
    bool grows = is_too_small(stream);
    if (window->unannounced > 0 && (grows || window->unannounced >= announced_min(stream))) {
        announce(stream);
    }
    if (grows) {
        grow(stream);
    }
}

void h2_window_forget(struct h2_stream *stream) {
    stream->session->growth_left += stream->window.grown_bytes;
    stream->window = (struct h2_window){0};
}

bool h2_window_take_ping_ack(struct h2_session *session, const uint8_t payload[8]) {
    if (memcmp(payload, probe_payload, sizeof probe_payload) != 0) {
        return false;
    }
    session->is_probing = false;
    return true;
}
