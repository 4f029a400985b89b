#include "http/h2_receive.h"

#include "http/h2_core.h"

#define INTERIM_MAX                                                                                \
    16 /* 1xx heads of one response, of HTTP_HEAD_BYTES_MAX together: they stay in its arena */

static struct h2_stream *find_stream(nghttp2_session *ng, int32_t stream_id) {
    return nghttp2_session_get_stream_user_data(ng, stream_id);
}

/* The owner's stream, or NULL when nothing that arrives for it counts any more. */
static struct h2_stream *find_owned(nghttp2_session *ng, int32_t stream_id) {
    struct h2_stream *stream = find_stream(ng, stream_id);
    return stream != NULL && stream->life == H2_LIFE_OWNED ? stream : NULL;
}

/* Stops the library when the session is to be ended: callbacks must not end it themselves. */
static int outcome(const struct h2_session *session) {
    return session->has_end_error ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void reset_malformed(struct h2_stream *stream) {
    h2_stream_reset(stream, NGHTTP2_PROTOCOL_ERROR, HTTP_CLOSE_MALFORMED);
}

/* Every stream of a server gets its turn in packing, frame by frame (RFC 9218: incremental). */
static void share_output(nghttp2_session *ng, int32_t stream_id) {
    const nghttp2_extpri fair = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    nghttp2_session_change_extpri_stream_priority(ng, stream_id, &fair, 1);
}

static struct h2_stream *accept_stream(struct h2_session *session, int32_t stream_id) {
    /* Streams count until their owners were told that they are gone: opening and resetting makes no room. */
    if (session->stream_count >= session->config.max_streams) {
        nghttp2_submit_rst_stream(session->ng, NGHTTP2_FLAG_NONE, stream_id,
                                  NGHTTP2_REFUSED_STREAM);
        return NULL;
    }
    struct h2_stream *stream = h2_stream_new(session);
    stream->id = stream_id;
    nghttp2_session_set_stream_user_data(session->ng, stream_id, stream);
    share_output(session->ng, stream_id);
    return stream;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *context) {
    struct h2_session *session = context;
    int32_t stream_id = frame->hd.stream_id;
    enum h2_head_kind kind;
    session->reading = NULL;
    if (frame->hd.type != NGHTTP2_HEADERS) {
        return outcome(session);
    }
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        session->reading = accept_stream(session, stream_id);
        kind = H2_HEAD_REQUEST;
    } else {
        session->reading = find_owned(ng, stream_id);
        kind = session->reading != NULL && session->reading->remote == H2_REMOTE_HEAD
                   ? H2_HEAD_RESPONSE
                   : H2_HEAD_TRAILERS;
    }
    if (session->reading != NULL) {
        h2_head_begin(&session->reader, kind, &session->reading->arena);
    }
    return outcome(session);
}

static struct str text_of(nghttp2_rcbuf *rcbuf) {
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(rcbuf);
    return str_make(vec.base, vec.len);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *context) {
    struct h2_session *session = context;
    (void)ng;
    (void)frame;
    (void)flags;
    if (session->reading != NULL) {
        h2_head_add(&session->reader, text_of(name), nghttp2_rcbuf_is_static(name) != 0,
                    text_of(value));
    }
    return 0;
}

/* False, and reset, if the declared length and the end of the message disagree already. */
static bool set_remote_limit(struct h2_stream *stream, bool has_no_body,
                             const struct http_head *head, bool is_end) {
    stream->has_remote_limit = has_no_body || head->has_content_length;
    stream->remote_left = has_no_body ? 0 : head->content_length;
    if (is_end && stream->has_remote_limit && stream->remote_left > 0) {
        reset_malformed(stream);
        return false;
    }
    return true;
}

static void refuse_request(struct h2_session *session, struct h2_stream *stream,
                           enum h2_head_verdict verdict) {
    if (verdict == H2_HEAD_MALFORMED) {
        stream->life = H2_LIFE_RELEASED; /* nobody owns it yet */
        reset_malformed(stream);
        return;
    }
    if (verdict == H2_HEAD_UNSUPPORTED) {
        h2_stream_refuse(stream, 501);
        return;
    }
    h2_core_charge(session, H2_BUDGET_OVERSIZE_POINTS);
    h2_stream_refuse(stream, verdict == H2_HEAD_TARGET_TOO_LONG ? 414 : 431);
}

/* What the heads of all open streams may hold. The requests of a tunnel are bounded by the edge that sends them. */
static size_t heads_max(const struct h2_session *session) {
    if (session->config.role == H2_CLIENT) {
        return H2_ANSWER_HEADS_BYTES_MAX;
    }
    return session->config.profile == H2_VISITOR ? H2_OPEN_HEADS_BYTES_MAX : SIZE_MAX;
}

/* Counts the block just read as its stream's. False if what is open would hold too much with it. */
static bool hold_head(struct h2_session *session, struct h2_stream *stream) {
    size_t bytes = session->reader.bytes;
    if (bytes > heads_max(session) - session->head_bytes) {
        return false;
    }
    stream->head_bytes += bytes;
    session->head_bytes += bytes;
    return true;
}

static void take_request(struct h2_session *session, struct h2_stream *stream, bool is_end) {
    const struct http_server *server = &session->config.server;
    const struct http_head *head = session->reader.head;
    int32_t stream_id = stream->id;
    enum h2_head_verdict verdict = h2_head_finish(&session->reader);
    if (verdict == H2_HEAD_OK && is_end && head->has_content_length && head->content_length > 0) {
        verdict = H2_HEAD_MALFORMED;
    }
    if (verdict == H2_HEAD_OK && is_end && head->protocol.len > 0) {
        verdict = H2_HEAD_MALFORMED; /* half a WebSocket */
    }
    if (verdict != H2_HEAD_OK) {
        refuse_request(session, stream, verdict);
        return;
    }
    if (!hold_head(session, stream)) {
        stream->life = H2_LIFE_RELEASED; /* nobody owns it yet */
        h2_stream_reset(stream, NGHTTP2_REFUSED_STREAM, HTTP_CLOSE_REFUSED);
        return;
    }
    (void)set_remote_limit(stream, false, head, is_end);
    stream->remote = H2_REMOTE_BODY;
    stream->is_head_request = str_eq(head->method, STR("HEAD"));
    stream->switching = head->protocol.len > 0 ? H2_SWITCHING_ASKED : H2_SWITCHING_NOT;
    server->on_request(server->context, &stream->base, head, is_end);
    stream = find_owned(session->ng, stream_id);
    if (stream != NULL && is_end) {
        h2_stream_tell_end(stream, NULL);
    }
}

static void take_response(struct h2_session *session, struct h2_stream *stream, bool is_end) {
    struct http_head *head = session->reader.head;
    int32_t stream_id = stream->id;
    if (h2_head_finish(&session->reader) != H2_HEAD_OK) {
        reset_malformed(stream);
        return;
    }
    bool is_interim = head->status < 200;
    if (!hold_head(session, stream) ||
        (is_interim && (is_end || ++stream->interim_count > INTERIM_MAX ||
                        stream->head_bytes > HTTP_HEAD_BYTES_MAX))) {
        reset_malformed(stream);
        return;
    }
    bool is_switched = !is_interim && stream->switching == H2_SWITCHING_ASKED &&
                       h2_stream_take_switch(stream, head);
    if (is_switched) {
        stream->remote = H2_REMOTE_BODY;
    } else if (!is_interim) {
        struct str method = stream->is_head_request ? STR("HEAD") : STR("GET");
        bool has_no_body = http_response_has_no_body(method, head->status);
        if (!set_remote_limit(stream, has_no_body, head, is_end)) {
            return;
        }
        stream->remote = H2_REMOTE_BODY;
    }
    if (stream->base.events->on_head != NULL) {
        stream->base.events->on_head(stream->base.owner, head, is_end);
    }
    stream = find_owned(session->ng, stream_id);
    if (stream != NULL && is_end) {
        h2_stream_tell_end(stream, NULL);
    }
}

static void take_trailers(struct h2_session *session, struct h2_stream *stream, bool is_end) {
    if (!is_end || stream->switching != H2_SWITCHING_NOT ||
        h2_head_finish(&session->reader) != H2_HEAD_OK || !hold_head(session, stream)) {
        reset_malformed(stream);
        return;
    }
    h2_stream_tell_end(stream, &session->reader.head->fields);
}

static void take_headers(struct h2_session *session, bool is_end) {
    struct h2_stream *stream = session->reading;
    session->reading = NULL;
    if (stream == NULL || stream->life != H2_LIFE_OWNED) {
        return;
    }
    switch (session->reader.kind) {
    case H2_HEAD_REQUEST:
        take_request(session, stream, is_end);
        return;
    case H2_HEAD_RESPONSE:
        take_response(session, stream, is_end);
        return;
    default:
        take_trailers(session, stream, is_end);
    }
}

/* A server's stream whose owner may not hear of the peer's bytes yet, or never. */
static bool is_held(const struct h2_stream *stream) {
    bool is_server = stream->session->config.role == H2_SERVER;
    return is_server && (stream->switching == H2_SWITCHING_ASKED ||
                         stream->switching == H2_SWITCHING_REFUSED || stream->held.len > 0);
}

/* What is dropped does not open the window again, so that its sender comes to a stop. */
static void hold(struct h2_stream *stream, const uint8_t *bytes, size_t len) {
    if (stream->switching != H2_SWITCHING_REFUSED) {
        block_queue_append(&stream->held, bytes, len);
    }
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t stream_id, const uint8_t *bytes,
                   size_t len, void *context) {
    struct h2_session *session = context;
    struct h2_stream *stream = find_owned(ng, stream_id);
    (void)flags;
    /* One slow reader never stops the others: only the stream's own window waits for its owner. */
    nghttp2_session_consume_connection(ng, len);
    if (stream == NULL) {
        return outcome(session);
    }
    h2_window_received(stream, len);
    if (is_held(stream)) {
        hold(stream, bytes, len);
        return outcome(session);
    }
    if (stream->remote != H2_REMOTE_BODY ||
        (stream->has_remote_limit && len > stream->remote_left)) {
        reset_malformed(stream);
        return outcome(session);
    }
    if (stream->has_remote_limit) {
        stream->remote_left -= len;
    }
    if (stream->base.events->on_data != NULL) {
        stream->base.events->on_data(stream->base.owner, bytes, len);
    }
    return outcome(session);
}

static void take_data_end(nghttp2_session *ng, int32_t stream_id) {
    struct h2_stream *stream = find_owned(ng, stream_id);
    if (stream == NULL) {
        return;
    }
    if (is_held(stream)) {
        stream->is_held_end = true;
        return;
    }
    if (stream->remote != H2_REMOTE_BODY) {
        reset_malformed(stream);
        return;
    }
    h2_stream_tell_end(stream, NULL);
}

static void take_goaway(struct h2_session *session) {
    bool is_first = !session->is_goaway_received;
    session->is_goaway_received = true;
    if (is_first && session->config.on_goaway != NULL) {
        session->config.on_goaway(session->config.context);
    }
}

static void take_settings(struct h2_session *session, const nghttp2_frame *frame) {
    bool is_first = !session->has_settings;
    if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        return;
    }
    session->has_settings = true;
    if (is_first && session->config.on_settings != NULL) {
        session->config.on_settings(session->config.context);
    }
    if (session->config.on_room != NULL) {
        session->config.on_room(session->config.context);
    }
}

static void take_reset(nghttp2_session *ng, const nghttp2_frame *frame) {
    struct h2_stream *stream = find_stream(ng, frame->hd.stream_id);
    if (stream != NULL) {
        stream->is_peer_reset = true; /* the library closes it next */
    }
}

/* END_STREAM counts also for streams that nobody owns: they are not reset for what has ended. */
static void mark_end(nghttp2_session *ng, int32_t stream_id) {
    struct h2_stream *stream = find_stream(ng, stream_id);
    if (stream != NULL && stream->life != H2_LIFE_OWNED) {
        stream->remote = H2_REMOTE_DONE;
    }
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *context) {
    struct h2_session *session = context;
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        if (is_end) {
            take_data_end(ng, frame->hd.stream_id);
            mark_end(ng, frame->hd.stream_id);
        }
        break;
    case NGHTTP2_HEADERS:
        take_headers(session, is_end);
        if (is_end) {
            mark_end(ng, frame->hd.stream_id);
        }
        break;
    case NGHTTP2_RST_STREAM:
        take_reset(ng, frame);
        break;
    case NGHTTP2_SETTINGS:
        take_settings(session, frame);
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
            h2_core_take_ping_ack(session, frame->ping.opaque_data);
        }
        break;
    case NGHTTP2_GOAWAY:
        take_goaway(session);
        break;
    default:
        break;
    }
    return outcome(session);
}

static int on_stream_close(nghttp2_session *ng, int32_t stream_id, uint32_t h2_error,
                           void *context) {
    struct h2_session *session = context;
    struct h2_stream *stream = find_stream(ng, stream_id);
    if (stream != NULL) {
        if (session->reading == stream) {
            session->reading = NULL;
        }
        h2_stream_closed(stream, h2_error);
    }
    return 0;
}

void h2_receive_register(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
