#include "http/h2_session.h"

#include "base/memory.h"
#include "base/recycler.h"
#include "http/h2_core.h"
#include "http/h2_output.h"
#include "http/h2_receive.h"

#define VISITOR_STREAMS 100
#define TUNNEL_STREAMS 100000
#define STREAM_WINDOW_BYTES (64u * 1024)
#define STREAM_WINDOW_MAX_BYTES (4u * 1024 * 1024)
#define GROWTH_BYTES (8u * 1024 * 1024)
#define TUNNEL_GROWTH_BYTES (64u * 1024 * 1024)
#define SESSION_WINDOW_BYTES (16u * 1024 * 1024)
#define SETTINGS_ENTRIES_MAX 32 /* in one SETTINGS frame of the peer */
#define ACKS_MAX 200            /* PING and SETTINGS answers that may wait for the transport */
/* Frames that may wait for the transport beside DATA: what a peer that never reads can make us keep. */
#define QUEUED_FRAMES_BASE 1024
#define QUEUED_FRAMES_PER_STREAM 4

static const struct engine_ops session_ops;

static struct h2_session *session_of(const struct engine *engine) {
    return (struct h2_session *)(uintptr_t)engine; /* the engine is its first member */
}

static void set_defaults(struct h2_config *config) {
    bool is_tunnel = config->profile == H2_TUNNEL;
    if (config->max_streams == 0) {
        config->max_streams = is_tunnel ? TUNNEL_STREAMS : VISITOR_STREAMS;
    }
    if (config->stream_window_bytes == 0) {
        config->stream_window_bytes = STREAM_WINDOW_BYTES;
    }
    if (config->stream_window_max_bytes == 0) {
        config->stream_window_max_bytes = STREAM_WINDOW_MAX_BYTES;
    }
    if (config->growth_bytes == 0) {
        config->growth_bytes = is_tunnel ? TUNNEL_GROWTH_BYTES : GROWTH_BYTES;
    }
    if (config->session_window_bytes == 0) {
        config->session_window_bytes = SESSION_WINDOW_BYTES;
    }
    if (config->clock == NULL) {
        config->clock = clock_system();
    }
}

static nghttp2_option *make_options(void) {
    nghttp2_option *option = NULL;
    if (nghttp2_option_new(&option) != 0) {
        return NULL;
    }
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
    /* h2_budget.h judges visitors; on a tunnel one visitor's cancels must not cut the others. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    return option;
}

/* The library allocates a stream, frames and fields for each request, and frees them soon after. */
static void *take(size_t size, void *context) {
    (void)context;
    return recycler_take(size);
}

static void *take_zeroed(size_t count, size_t size, void *context) {
    (void)context;
    return recycler_take_zeroed(count, size);
}

static void *resize(void *at, size_t size, void *context) {
    (void)context;
    return recycler_resize(at, size);
}

static void give(void *at, void *context) {
    (void)context;
    recycler_give(at);
}

static int make_library(struct h2_session *session) {
    nghttp2_mem memory = {.malloc = take, .free = give, .calloc = take_zeroed, .realloc = resize};
    nghttp2_option *option = make_options();
    nghttp2_session_callbacks *callbacks = NULL;
    int error = NGHTTP2_ERR_NOMEM;
    if (option != NULL && nghttp2_session_callbacks_new(&callbacks) == 0) {
        h2_receive_register(callbacks);
        h2_output_register(callbacks);
        error =
            session->config.role == H2_SERVER
                ? nghttp2_session_server_new3(&session->ng, callbacks, session, option, &memory)
                : nghttp2_session_client_new3(&session->ng, callbacks, session, option, &memory);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return error;
}

#define SERVER_SETTINGS 2 /* of these entries, the last ones */

/* NO_RFC7540_PRIORITIES is for servers: without it the library plans output by RFC 7540's tree, which is right for a client
 * (equal turns) and for a server is replaced by turns per stream (h2_receive.c). */
static int submit_settings(struct h2_session *session) {
    const struct h2_config *config = &session->config;
    bool is_server = config->role == H2_SERVER;
    const nghttp2_settings_entry entries[] = {
        {is_server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH,
         is_server ? config->max_streams : 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, config->stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    };
    size_t count = sizeof entries / sizeof entries[0] - (is_server ? 0 : SERVER_SETTINGS);
    int error = nghttp2_submit_settings(session->ng, NGHTTP2_FLAG_NONE, entries, count);
    if (error != 0) {
        return error;
    }
    return nghttp2_session_set_local_window_size(session->ng, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)config->session_window_bytes);
}

struct h2_session *h2_session_new(const struct h2_config *config) {
    struct h2_session *session = MEMORY_NEW(struct h2_session);
    session->engine.ops = &session_ops;
    session->config = *config;
    set_defaults(&session->config);
    session->growth_left = session->config.growth_bytes;
    h2_window_probe_init(&session->probe);
    list_init(&session->streams);
    list_init(&session->events);
    list_init(&session->spare);
    h2_budget_init(&session->budget, session->config.clock, config->role == H2_SERVER);
    if (make_library(session) != 0 || submit_settings(session) != 0) {
        session->state = H2_SESSION_BROKEN;
    }
    return session;
}

struct engine *h2_session_engine(struct h2_session *session) {
    return &session->engine;
}

/* What the library's refusal to read on means to the peer. */
static uint32_t error_for(int library_error) {
    switch (library_error) {
    case NGHTTP2_ERR_FLOODED:
        return NGHTTP2_ENHANCE_YOUR_CALM;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return NGHTTP2_PROTOCOL_ERROR;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}

static bool has_too_much_queued(const struct h2_session *session) {
    size_t max =
        QUEUED_FRAMES_BASE + QUEUED_FRAMES_PER_STREAM * (size_t)session->config.max_streams;
    return nghttp2_session_get_outbound_queue_size(session->ng) > max;
}

static void engine_feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct h2_session *session = session_of(engine);
    if (session->state >= H2_SESSION_ENDED) {
        return;
    }
    if (session->config.profile != H2_TUNNEL && !h2_budget_scan(&session->budget, bytes, len)) {
        h2_core_end(session, NGHTTP2_ENHANCE_YOUR_CALM);
        return;
    }
    session->busy = H2_BUSY_RECEIVING;
    ssize_t taken = nghttp2_session_mem_recv(session->ng, bytes, len);
    session->busy = H2_BUSY_NOT;
    if (taken < 0) {
        h2_core_end(session, error_for((int)taken)); /* after an end of our own: no effect */
    }
    if (has_too_much_queued(session)) {
        h2_core_end(session, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    h2_core_end_if_due(session);
    h2_stream_deliver(session);
    if (nghttp2_session_want_write(session->ng) != 0) {
        h2_core_wake(session);
    }
}

/* HTTP/2 has no half-closed connections: without the peer's WINDOW_UPDATEs little could still be finished. */
static void engine_feed_end(struct engine *engine) {
    h2_core_end(session_of(engine), NGHTTP2_NO_ERROR);
}

static void engine_lost(struct engine *engine) {
    struct h2_session *session = session_of(engine);
    session->state = H2_SESSION_LOST;
    h2_stream_deliver(session);
    while (!list_is_empty(&session->streams)) {
        struct h2_stream *stream = CONTAINER_OF(session->streams.next, struct h2_stream, node);
        h2_stream_give_up(stream, HTTP_CLOSE_LOST);
        stream->is_closed = true;
        h2_stream_queue_event(stream);
        h2_stream_deliver(session);
    }
    h2_output_clear(session);
}

static size_t engine_peek(struct engine *engine, const uint8_t **bytes) {
    return h2_output_peek(session_of(engine), bytes);
}

static void engine_wrote(struct engine *engine, size_t len) {
    h2_output_wrote(session_of(engine), len);
}

static bool engine_wants_read(const struct engine *engine) {
    return session_of(engine)->state < H2_SESSION_ENDED;
}

/* A request that is still arriving is not open yet. */
static bool has_open_streams(const struct h2_session *session) {
    bool is_arriving = session->reading != NULL && session->reader.kind == H2_HEAD_REQUEST;
    return session->stream_count > (is_arriving ? 1 : 0);
}

static enum engine_phase engine_phase(const struct engine *engine) {
    const struct h2_session *session = session_of(engine);
    if (session->state >= H2_SESSION_BROKEN || nghttp2_session_want_read(session->ng) == 0) {
        return ENGINE_DONE;
    }
    if (h2_session_is_draining(session)) {
        return ENGINE_DRAINING;
    }
    if (has_open_streams(session)) {
        return ENGINE_BUSY;
    }
    bool is_visitor = session->config.profile == H2_VISITOR;
    return is_visitor && h2_budget_is_in_head(&session->budget) ? ENGINE_HEAD : ENGINE_IDLE;
}

static void engine_free(struct engine *engine) {
    struct h2_session *session = session_of(engine);
    session->state = H2_SESSION_LOST;
    nghttp2_session_del(session->ng);
    while (!list_is_empty(&session->streams)) {
        h2_stream_free(CONTAINER_OF(session->streams.next, struct h2_stream, node));
    }
    h2_stream_trim(session, 0);
    h2_output_clear(session);
    memory_free(session);
}

static const struct engine_ops session_ops = {
    .feed = engine_feed,
    .feed_end = engine_feed_end,
    .lost = engine_lost,
    .peek = engine_peek,
    .wrote = engine_wrote,
    .wants_read = engine_wants_read,
    .phase = engine_phase,
    .free = engine_free,
};

struct http_stream *h2_session_open(struct h2_session *session, const struct http_head *head,
                                    bool is_end, const struct http_stream_events *events,
                                    void *owner) {
    return h2_stream_open(session, head, is_end, events, owner);
}

bool h2_session_has_room(const struct h2_session *session) {
    return h2_stream_may_open(session);
}

bool h2_session_takes_websocket(const struct h2_session *session) {
    return nghttp2_session_get_remote_settings(session->ng,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

size_t h2_session_stream_count(const struct h2_session *session) {
    return session->stream_count;
}

bool h2_session_is_draining(const struct h2_session *session) {
    return session->state != H2_SESSION_OPEN || session->has_end_error ||
           session->is_goaway_received;
}

void h2_session_ping(struct h2_session *session, const uint8_t payload[8]) {
    if (session->state < H2_SESSION_ENDED) {
        nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, payload);
        h2_core_wake(session);
    }
}

void h2_session_drain(struct h2_session *session) {
    h2_core_drain(session);
}

void h2_session_abort(struct h2_session *session, uint32_t h2_error) {
    h2_core_end(session, h2_error);
}
