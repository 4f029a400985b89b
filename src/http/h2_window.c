#include "http/h2_window.h"

#include <string.h>

#include "http/h2_core.h"

#define PROBE_BYTES 16384 /* between a stream's probes */
#define EPOCH_MS 10000
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
    session->probe.is_under_way = true;
    session->probe.serial++;
    session->probe.began_at_ms = clock_mono_ms(session->config.clock);
    h2_budget_ping_sent(&session->budget);
    h2_core_wake(session);
}

void h2_window_received(struct h2_stream *stream, size_t len) {
    struct h2_session *session = stream->session;
    struct h2_window *window = &stream->window;
    window->unconsumed += len;
    window->since += len;
    const struct h2_window_probe *probe = &session->probe;
    if (probe->is_under_way) {
        window->counted = window->serial == probe->serial ? window->counted + len : len;
        window->serial = probe->serial;
        return;
    }
    if (window->since >= PROBE_BYTES) {
        window->since = 0;
        begin_probe(stream);
    }
}

/* The clock's steps are too long for near peers: what takes less than one is taken for half of it. */
static uint64_t half_ms(int64_t ms) {
    return ms > 0 ? 2 * (uint64_t)ms : 1;
}

/* What the stream receives in the shortest round trip; 0 when that is not known. */
static uint64_t bytes_per_round_trip(const struct h2_stream *stream) {
    const struct h2_session *session = stream->session;
    const struct h2_window_probe *probe = &session->probe;
    int64_t shortest_ms = probe->shortest_ms;
    if (shortest_ms < 0 ||
        (probe->shortest_before_ms >= 0 && probe->shortest_before_ms < shortest_ms)) {
        shortest_ms = probe->shortest_before_ms;
    }
    if (shortest_ms < 0) {
        return 0;
    }
    uint64_t shortest = half_ms(shortest_ms);
    uint64_t elapsed = half_ms(clock_mono_ms(session->config.clock) - probe->began_at_ms);
    uint64_t counted = stream->window.counted;
    return elapsed <= shortest ? counted : counted * shortest / elapsed;
}

static bool is_too_small(const struct h2_stream *stream) {
    const struct h2_window_probe *probe = &stream->session->probe;
    const struct h2_window *window = &stream->window;
    size_t bytes = window_of(stream);
    return probe->is_under_way && window->serial == probe->serial && window->counted >= bytes / 2 &&
           window->unconsumed <= bytes / 4 && may_grow(stream) &&
           bytes_per_round_trip(stream) >= bytes / 2;
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

void h2_window_probe_init(struct h2_window_probe *probe) {
    *probe = (struct h2_window_probe){.shortest_ms = -1, .shortest_before_ms = -1};
}

static void note_round_trip(struct h2_window_probe *probe, int64_t now_ms) {
    int64_t ms = now_ms - probe->began_at_ms;
    if (now_ms - probe->epoch_at_ms >= EPOCH_MS) {
        probe->shortest_before_ms = probe->shortest_ms;
        probe->shortest_ms = -1;
        probe->epoch_at_ms = now_ms;
    }
    if (probe->shortest_ms < 0 || ms < probe->shortest_ms) {
        probe->shortest_ms = ms;
    }
}

bool h2_window_take_ping_ack(struct h2_session *session, const uint8_t payload[8]) {
    struct h2_window_probe *probe = &session->probe;
    if (memcmp(payload, probe_payload, sizeof probe_payload) != 0) {
        return false;
    }
    if (probe->is_under_way) {
        probe->is_under_way = false;
        note_round_trip(probe, clock_mono_ms(session->config.clock));
    }
    return true;
}
