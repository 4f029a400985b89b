#include "http/h2_stream.h"

#include "base/memory.h"
#include "http/h2_core.h"
#include "http/h2_output.h"

#define SPARE_MAX 64
/* When no stream is open, on a tunnel but the control stream: what a quiet session may hold on to. */
#define SPARE_IDLE_VISITOR 2
#define SPARE_IDLE_TUNNEL 4

static const struct http_stream_ops stream_ops;
/* Until the owner attaches its own. */
static const struct http_stream_events no_events;

static struct h2_stream *stream_of(struct http_stream *base) {
    return CONTAINER_OF(base, struct h2_stream, base);
}

struct h2_stream *h2_stream_new(struct h2_session *session) {
    struct h2_stream *stream;
    struct arena arena;
    if (session->spare_count > 0) {
        stream = CONTAINER_OF(session->spare.next, struct h2_stream, node);
        list_remove(&stream->node);
        session->spare_count--;
        arena = stream->arena;
    } else {
        stream = MEMORY_NEW(struct h2_stream);
        arena_init(&arena);
    }
    *stream = (struct h2_stream){.session = session, .arena = arena};
    stream->base.ops = &stream_ops;
    stream->base.events = &no_events;
    stream->base.arena = &stream->arena;
    list_init(&stream->event);
    block_queue_init(&stream->queue, session->config.pool);
    block_queue_init(&stream->held, session->config.pool);
    list_append(&session->streams, &stream->node);
    session->stream_count++;
    return stream;
}

void h2_stream_trim(struct h2_session *session, size_t keep) {
    while (session->spare_count > keep) {
        struct h2_stream *stream = CONTAINER_OF(session->spare.prev, struct h2_stream, node);
        list_remove(&stream->node);
        session->spare_count--;
        arena_fini(&stream->arena);
        memory_free(stream);
    }
}

static size_t spare_limit(const struct h2_session *session) {
    if (session->state == H2_SESSION_LOST) {
        return 0;
    }
    bool is_tunnel = session->config.profile == H2_TUNNEL;
    if (session->stream_count > (is_tunnel ? 1 : 0)) {
        return SPARE_MAX;
    }
    return is_tunnel ? SPARE_IDLE_TUNNEL : SPARE_IDLE_VISITOR;
}

void h2_stream_free(struct h2_stream *stream) {
    struct h2_session *session = stream->session;
    if (session->reading == stream) {
        session->reading = NULL;
    }
    block_queue_clear(&stream->queue);
    block_queue_clear(&stream->held);
    h2_window_forget(stream);
    list_remove(&stream->event);
    list_remove(&stream->node);
    session->stream_count--;
    session->head_bytes -= stream->head_bytes;
    arena_reset(&stream->arena);
    list_prepend(&session->spare, &stream->node); /* the warmest first */
    session->spare_count++;
    h2_stream_trim(session, spare_limit(session));
    if (session->config.on_room != NULL && session->state < H2_SESSION_ENDED) {
        session->config.on_room(session->config.context);
    }
}

void h2_stream_queue_event(struct h2_stream *stream) {
    if (!list_is_linked(&stream->event)) {
        list_append(&stream->session->events, &stream->event);
    }
}

static void deliver_sent(struct h2_stream *stream) {
    size_t sent = stream->sent;
    stream->sent = 0;
    stream->base.unsent -= sent;
    if (sent > 0 && stream->life == H2_LIFE_OWNED && stream->base.events->on_sent != NULL) {
        stream->base.events->on_sent(stream->base.owner, sent);
    }
}

static void deliver_closed(struct h2_stream *stream) {
    bool has_owner = stream->life != H2_LIFE_RELEASED;
    stream->life = H2_LIFE_RELEASED;
    if (has_owner && stream->base.events->on_closed != NULL) {
        stream->base.events->on_closed(stream->base.owner, stream->reason);
    }
    h2_stream_free(stream);
}

static void submit_reset(struct h2_stream *stream, uint32_t h2_error) {
    struct h2_session *session = stream->session;
    if (session->state < H2_SESSION_BROKEN && !stream->is_closed) {
        nghttp2_submit_rst_stream(session->ng, NGHTTP2_FLAG_NONE, stream->id, h2_error);
        h2_core_wake(session);
    }
}

void h2_stream_tell_end(struct h2_stream *stream, const struct http_fields *trailers) {
    stream->remote = H2_REMOTE_DONE;
    if (stream->has_remote_limit && stream->remote_left > 0) {
        h2_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR, HTTP_CLOSE_MALFORMED);
        return;
    }
    if (stream->base.events->on_end != NULL) {
        stream->base.events->on_end(stream->base.owner, trailers);
    }
}

static bool is_heard(const struct h2_stream *stream) {
    return stream->life == H2_LIFE_OWNED &&
           (!stream->is_closed || stream->reason == HTTP_CLOSE_DONE);
}

/* What came before the owner had granted the WebSocket; or, when it did not, the end of the request. */
static void deliver_held(struct h2_stream *stream) {
    const uint8_t *bytes;
    if (stream->switching == H2_SWITCHING_REFUSED) {
        block_queue_clear(&stream->held);
        if (is_heard(stream) && stream->remote != H2_REMOTE_DONE) {
            h2_stream_tell_end(stream, NULL);
        }
        return;
    }
    if (stream->switching != H2_SWITCHING_DONE) {
        return;
    }
    for (size_t len = block_queue_peek(&stream->held, &bytes); len > 0 && is_heard(stream);
         len = block_queue_peek(&stream->held, &bytes)) {
        if (stream->base.events->on_data != NULL) {
            stream->base.events->on_data(stream->base.owner, bytes, len);
        }
        block_queue_consume(&stream->held, len);
    }
    if (stream->is_held_end && is_heard(stream) && stream->remote != H2_REMOTE_DONE) {
        h2_stream_tell_end(stream, NULL);
    }
}

/* The owner has nothing more to say, and nothing more to hear although the peer has not ended its side. */
static bool is_rest_unwanted(const struct h2_stream *stream) {
    if (stream->local != H2_LOCAL_DONE) {
        return false;
    }
    return stream->switching == H2_SWITCHING_REFUSED
               ? !stream->is_held_end
               : stream->life == H2_LIFE_RELEASED && stream->remote != H2_REMOTE_DONE;
}

bool h2_stream_deliver(struct h2_session *session) {
    bool has_events = false;
    while (!list_is_empty(&session->events)) {
        struct h2_stream *stream = CONTAINER_OF(session->events.next, struct h2_stream, event);
        has_events = true;
        list_remove(&stream->event);
        deliver_sent(stream);
        deliver_held(stream);
        if (stream->is_closed) {
            deliver_closed(stream);
            continue;
        }
        if (is_rest_unwanted(stream)) {
            submit_reset(stream, NGHTTP2_NO_ERROR);
        }
    }
    return has_events;
}

static void drop_queue(struct h2_stream *stream) {
    block_queue_clear(&stream->queue);
    stream->base.unsent = stream->sent;
}

void h2_stream_give_up(struct h2_stream *stream, enum http_close reason) {
    if (stream->life == H2_LIFE_OWNED) {
        stream->life = H2_LIFE_RESET;
        stream->reason = reason;
    }
    drop_queue(stream);
}

void h2_stream_reset(struct h2_stream *stream, uint32_t h2_error, enum http_close reason) {
    if (stream->life == H2_LIFE_RESET || stream->is_closed) {
        return;
    }
    h2_stream_give_up(stream, reason);
    submit_reset(stream, h2_error);
}

static enum http_close reason_for(const struct h2_stream *stream, uint32_t h2_error) {
    bool is_client = stream->session->config.role == H2_CLIENT;
    if (h2_error == NGHTTP2_REFUSED_STREAM && is_client && stream->remote == H2_REMOTE_HEAD) {
        return HTTP_CLOSE_REFUSED; /* by RST_STREAM, by GOAWAY's last id, or never sent */
    }
    if (stream->is_peer_reset) {
        /* A server that has answered in full may refuse the rest of the request (RFC 9113 §8.1). */
        bool has_answered = is_client && stream->remote == H2_REMOTE_DONE;
        return has_answered && h2_error == NGHTTP2_NO_ERROR ? HTTP_CLOSE_DONE
                                                            : HTTP_CLOSE_CANCELLED;
    }
    if (h2_error == NGHTTP2_NO_ERROR) {
        return HTTP_CLOSE_DONE;
    }
    return h2_error == NGHTTP2_REFUSED_STREAM ? HTTP_CLOSE_CANCELLED : HTTP_CLOSE_MALFORMED;
}

void h2_stream_closed(struct h2_stream *stream, uint32_t h2_error) {
    if (stream->life == H2_LIFE_OWNED) {
        stream->reason = reason_for(stream, h2_error);
    }
    stream->is_closed = true;
    drop_queue(stream);
    h2_stream_queue_event(stream);
}

void h2_stream_sent_end(struct h2_stream *stream) {
    stream->local = H2_LOCAL_DONE;
    if (stream->life == H2_LIFE_RELEASED || stream->switching == H2_SWITCHING_REFUSED) {
        h2_stream_queue_event(stream);
    }
}

void h2_stream_refuse(struct h2_stream *stream, unsigned status) {
    struct http_field length = {STR("content-length"), STR("0")};
    struct http_head head = {.status = status, .fields = {&length, 1, 1}};
    struct h2_head_nv nv = h2_head_pack(&head, &stream->arena);
    stream->life = H2_LIFE_RELEASED;
    stream->local = H2_LOCAL_ENDED;
    if (nghttp2_submit_response(stream->session->ng, stream->id, nv.at, nv.count, NULL) != 0) {
        submit_reset(stream, NGHTTP2_INTERNAL_ERROR);
    }
    h2_core_wake(stream->session);
}

/* The owner's bytes did not keep to the length that its head declared. */
static void reset_for_length(struct h2_stream *stream) {
    h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR, HTTP_CLOSE_MALFORMED);
}

/* An owner may not have heard yet that its stream is reset: what it still says is dropped. */
static bool may_speak(const struct h2_stream *stream, enum h2_local local) {
    return stream->life == H2_LIFE_OWNED && !stream->is_closed && stream->local == local;
}

/* Client: before the answer there is nobody yet to say anything to. */
static bool is_too_early(struct h2_stream *stream) {
    if (stream->switching != H2_SWITCHING_ASKED) {
        return false;
    }
    h2_stream_reset(stream, NGHTTP2_CANCEL, HTTP_CLOSE_MALFORMED);
    return true;
}

static void resume(struct h2_stream *stream) {
    if (stream->is_waiting) {
        stream->is_waiting = false;
        nghttp2_session_resume_data(stream->session->ng, stream->id);
    }
    h2_core_wake(stream->session);
}

static void send_final_head(struct h2_stream *stream, const struct http_head *head, bool is_end) {
    struct str method = stream->is_head_request ? STR("HEAD") : STR("GET");
    bool has_no_body = http_response_has_no_body(method, head->status);
    struct h2_head_nv nv = h2_head_pack(head, &stream->arena);
    nghttp2_data_provider body = h2_output_provider(stream);
    stream->has_local_limit = has_no_body || head->has_content_length;
    stream->local_left = has_no_body ? 0 : head->content_length;
    if (is_end && stream->has_local_limit && stream->local_left > 0) {
        reset_for_length(stream);
        return;
    }
    stream->local = is_end ? H2_LOCAL_ENDED : H2_LOCAL_BODY;
    if (nghttp2_submit_response(stream->session->ng, stream->id, nv.at, nv.count,
                                is_end ? NULL : &body) != 0) {
        h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR, HTTP_CLOSE_MALFORMED);
    }
}

static const struct str declined = STR_INIT("mezusphere-declined");

/* 101, in the words of RFC 8441 §5. */
static void grant_switch(struct h2_stream *stream, const struct http_head *head) {
    struct http_head grant = *head;
    struct h2_head_nv nv;
    nghttp2_data_provider body = h2_output_provider(stream);
    http_fields_copy(&grant.fields, &head->fields, &stream->arena, 0);
    http_fields_remove(&grant.fields, STR("content-length"));
    http_fields_remove(&grant.fields, declined);
    grant.status = 200;
    nv = h2_head_pack(&grant, &stream->arena);
    stream->switching = H2_SWITCHING_DONE;
    stream->local = H2_LOCAL_BODY;
    if (nghttp2_submit_response(stream->session->ng, stream->id, nv.at, nv.count, &body) != 0) {
        h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR, HTTP_CLOSE_MALFORMED);
    }
}

/* An ordinary answer to who asked for a WebSocket. */
static void refuse_switch(struct h2_stream *stream, const struct http_head *head, bool is_end) {
    struct http_head answer = *head;
    if (head->status < 300) {
        if (stream->session->config.profile != H2_TUNNEL) {
            h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR, HTTP_CLOSE_MALFORMED);
            return;
        }
        http_fields_copy(&answer.fields, &head->fields, &stream->arena, 1);
        http_fields_add(&answer.fields, &stream->arena, declined, STR("1"));
    }
    stream->switching = H2_SWITCHING_REFUSED;
    send_final_head(stream, &answer, is_end);
}

static void send_head_to_asker(struct h2_stream *stream, const struct http_head *head,
                               bool is_end) {
    if (head->status == 101) {
        grant_switch(stream, head);
    } else {
        refuse_switch(stream, head, is_end);
    }
    h2_stream_queue_event(stream);
}

bool h2_stream_take_switch(struct h2_stream *stream, struct http_head *head) {
    bool is_declined = false;
    if (stream->session->config.profile == H2_TUNNEL) {
        is_declined = http_fields_get(&head->fields, declined) != NULL;
        http_fields_remove(&head->fields, declined);
    }
    if (head->status >= 300 || is_declined) {
        stream->switching = H2_SWITCHING_NOT;
        stream->local = H2_LOCAL_ENDED;
        resume(stream);
        return false;
    }
    stream->switching = H2_SWITCHING_DONE;
    http_fields_remove(&head->fields, STR("content-length")); /* RFC 9110 §9.3.6 */
    head->has_content_length = false;
    head->status = 101;
    return true;
}

static void stream_send_head(struct http_stream *base, const struct http_head *head, bool is_end) {
    struct h2_stream *stream = stream_of(base);
    if (!may_speak(stream, H2_LOCAL_HEAD)) {
        return;
    }
    bool is_grant = head->status == 101 && !is_end;
    if (stream->switching == H2_SWITCHING_ASKED && (head->status >= 200 || is_grant)) {
        send_head_to_asker(stream, head, is_end);
    } else if (head->status >= 200) {
        send_final_head(stream, head, is_end);
    } else if (head->status != 101) {
        struct h2_head_nv nv = h2_head_pack(head, &stream->arena);
        nghttp2_submit_headers(stream->session->ng, NGHTTP2_FLAG_NONE, stream->id, NULL, nv.at,
                               nv.count, NULL);
    }
    h2_core_wake(stream->session);
}

static void stream_send(struct http_stream *base, const uint8_t *bytes, size_t len) {
    struct h2_stream *stream = stream_of(base);
    if (!may_speak(stream, H2_LOCAL_BODY) || len == 0 || is_too_early(stream)) {
        return;
    }
    if (stream->has_local_limit) {
        if (len > stream->local_left) {
            reset_for_length(stream);
            return;
        }
        stream->local_left -= len;
    }
    block_queue_append(&stream->queue, bytes, len);
    stream->base.unsent += len;
    resume(stream);
}

static void stream_end(struct http_stream *base, const struct http_fields *trailers) {
    struct h2_stream *stream = stream_of(base);
    if (!may_speak(stream, H2_LOCAL_BODY) || is_too_early(stream)) {
        return;
    }
    if (stream->has_local_limit && stream->local_left > 0) {
        reset_for_length(stream);
        return;
    }
    if (trailers != NULL && trailers->count > 0 && stream->switching != H2_SWITCHING_DONE) {
        stream->trailers = h2_head_pack_trailers(trailers, &stream->arena);
    }
    stream->local = H2_LOCAL_ENDED;
    resume(stream);
}

static void stream_consumed(struct http_stream *base, size_t len) {
    struct h2_stream *stream = stream_of(base);
    if (stream->life != H2_LIFE_OWNED || stream->is_closed || stream->remote == H2_REMOTE_DONE) {
        return;
    }
    h2_window_consumed(stream, len);
}

/* What is queued goes out without waiting for the peer: so it may be finished without an owner. */
static bool may_finish_alone(const struct h2_stream *stream) {
    nghttp2_session *ng = stream->session->ng;
    int32_t window = nghttp2_session_get_stream_remote_window_size(ng, stream->id);
    int32_t shared_window = nghttp2_session_get_remote_window_size(ng);
    if (shared_window < window) {
        window = shared_window;
    }
    return stream->local == H2_LOCAL_ENDED &&
           (stream->queue.len == 0 || (window > 0 && stream->queue.len <= (size_t)window));
}

static void release_as_server(struct h2_stream *stream) {
    if (stream->local == H2_LOCAL_DONE) {
        if (stream->remote != H2_REMOTE_DONE) {
            submit_reset(stream, NGHTTP2_NO_ERROR); /* RFC 9113 §8.1: the rest is not wanted */
        }
        return;
    }
    if (may_finish_alone(stream)) {
        return;
    }
    drop_queue(stream);
    submit_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

static void stream_release(struct http_stream *base) {
    struct h2_stream *stream = stream_of(base);
    enum h2_life life = stream->life;
    stream->life = H2_LIFE_RELEASED;
    if (life != H2_LIFE_OWNED || stream->is_closed || stream->session->state >= H2_SESSION_BROKEN) {
        return;
    }
    if (stream->session->config.role == H2_SERVER) {
        release_as_server(stream);
        return;
    }
    if (stream->local != H2_LOCAL_DONE || stream->remote != H2_REMOTE_DONE) {
        drop_queue(stream);
        submit_reset(stream, NGHTTP2_CANCEL);
    }
}

static const struct http_stream_ops stream_ops = {
    .send_head = stream_send_head,
    .send = stream_send,
    .end = stream_end,
    .consumed = stream_consumed,
    .release = stream_release,
};

/* RFC 9113 §6.5.2 recommends no lower limit than this one: what is opened before it is known is hardly refused. */
#define STREAMS_UNTIL_KNOWN 100

bool h2_stream_may_open(const struct h2_session *session) {
    uint32_t max =
        nghttp2_session_get_remote_settings(session->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (session->config.profile == H2_UPSTREAM && !session->has_settings) {
        max = STREAMS_UNTIL_KNOWN;
    }
    return session->config.role == H2_CLIENT && session->state == H2_SESSION_OPEN &&
           !session->has_end_error && !session->is_goaway_received && session->stream_count < max;
}

struct http_stream *h2_stream_open(struct h2_session *session, const struct http_head *head,
                                   bool is_end, const struct http_stream_events *events,
                                   void *owner) {
    bool is_upgrade = head->protocol.len > 0;
    if (!h2_stream_may_open(session) || (is_upgrade && !h2_session_takes_websocket(session))) {
        return NULL;
    }
    is_end = is_end && !is_upgrade;
    struct h2_stream *stream = h2_stream_new(session);
    struct h2_head_nv nv = h2_head_pack(head, &stream->arena);
    nghttp2_data_provider body = h2_output_provider(stream);
    http_stream_attach(&stream->base, events, owner);
    stream->is_head_request = str_eq(head->method, STR("HEAD"));
    stream->switching = is_upgrade ? H2_SWITCHING_ASKED : H2_SWITCHING_NOT;
    stream->has_local_limit = head->has_content_length && !is_upgrade;
    stream->local_left = head->content_length;
    stream->local = is_end ? H2_LOCAL_ENDED : H2_LOCAL_BODY;
    stream->id =
        nghttp2_submit_request(session->ng, NULL, nv.at, nv.count, is_end ? NULL : &body, stream);
    if (stream->id < 0) {
        h2_stream_free(stream);
        return NULL;
    }
    h2_budget_exchange_opened(&session->budget);
    h2_core_wake(session);
    return &stream->base;
}
