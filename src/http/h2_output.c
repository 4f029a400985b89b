#include "http/h2_output.h"

#include <string.h>

#include "http/h2_core.h"

#define FRAME_HEAD_BYTES 9
/* Below this, DATA waits for the next block rather than being cut to bits. */
#define SMALLEST_CUT 1024
/* Delivering events may make more output: packed at once, so often at most. */
#define ROUNDS_MAX 4

static size_t room_in(const struct block *block) {
    return BLOCK_BYTES - block->end;
}

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

static void put(struct block *block, const uint8_t *bytes, size_t len) {
    memcpy(block->bytes + block->end, bytes, len);
    block->end += (uint32_t)len;
}

/* Moves what fits of the frame that the library handed out last. False when the block is full. */
static bool put_remainder(struct h2_session *session) {
    size_t len = min_size(session->remainder_len, room_in(session->out));
    if (len > 0) {
        put(session->out, session->remainder, len);
        session->remainder += len;
        session->remainder_len -= len;
    }
    return session->remainder_len == 0;
}

static void pack(struct h2_session *session) {
    session->busy = H2_BUSY_SENDING;
    while (put_remainder(session)) {
        ssize_t len = nghttp2_session_mem_send(session->ng, &session->remainder);
        if (len < 0) {
            /* Only if a callback of ours fails or memory is out: there is no way on. */
            session->state = H2_SESSION_BROKEN;
            break;
        }
        if (len == 0) {
            break; /* nothing left, or DATA asked for another block */
        }
        session->remainder_len = (size_t)len;
    }
    session->busy = H2_BUSY_NOT;
}

static bool wants_packing(const struct h2_session *session) {
    if (session->state >= H2_SESSION_BROKEN) {
        return false;
    }
    return session->remainder_len > 0 || nghttp2_session_want_write(session->ng) != 0;
}

static void fill(struct h2_session *session) {
    for (unsigned round = 0; round < ROUNDS_MAX && wants_packing(session); round++) {
        if (session->out == NULL) {
            session->out = block_pool_take(session->config.pool);
        }
        pack(session);
        h2_core_end_if_due(session);
        if (!h2_stream_deliver(session) || room_in(session->out) < BLOCK_BYTES / 2) {
            return;
        }
    }
}

size_t h2_output_peek(struct h2_session *session, const uint8_t **bytes) {
    if (session->out == NULL && session->busy == H2_BUSY_NOT) {
        session->is_notified = false;
        fill(session);
        if (session->out != NULL && session->out->end == 0) {
            h2_output_clear(session);
        }
    }
    if (session->out == NULL) {
        return 0;
    }
    *bytes = session->out->bytes + session->out->start;
    return session->out->end - session->out->start;
}

void h2_output_wrote(struct h2_session *session, size_t len) {
    struct block *out = session->out;
    if (out == NULL) {
        return;
    }
    out->start += (uint32_t)len;
    if (out->start >= out->end) {
        h2_output_clear(session);
    }
}

void h2_output_clear(struct h2_session *session) {
    if (session->out != NULL) {
        block_pool_give(session->config.pool, session->out);
        session->out = NULL;
    }
}

/* The library asks how much the next DATA frame will hold; send_data moves the bytes right after. */
static ssize_t read_data(nghttp2_session *ng, int32_t stream_id, uint8_t *buf, size_t len,
                         uint32_t *flags, nghttp2_data_source *source, void *context) {
    struct h2_session *session = context;
    struct h2_stream *stream = source->ptr;
    size_t queued = stream->queue.len;
    size_t room = room_in(session->out);
    (void)buf;
    if (queued == 0 && stream->local == H2_LOCAL_BODY) {
        stream->is_waiting = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (room < FRAME_HEAD_BYTES + min_size(queued, SMALLEST_CUT)) {
        return NGHTTP2_ERR_PAUSE;
    }
    size_t taken = min_size(min_size(queued, len), room - FRAME_HEAD_BYTES);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (taken < queued || stream->local == H2_LOCAL_BODY) {
        return (ssize_t)taken;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trailers.count > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(ng, stream_id, stream->trailers.at, stream->trailers.count) !=
            0) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
    }
    return (ssize_t)taken;
}

static int send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *frame_head,
                     size_t len, nghttp2_data_source *source, void *context) {
    struct h2_session *session = context;
    struct h2_stream *stream = source->ptr;
    struct block *out = session->out;
    (void)ng;
    (void)frame;
    put(out, frame_head, FRAME_HEAD_BYTES);
    size_t moved = block_queue_read(&stream->queue, out->bytes + out->end, len);
    out->end += (uint32_t)moved;
    if (moved > 0) {
        stream->sent += moved;
        h2_stream_queue_event(stream);
    }
    h2_budget_data_sent(&session->budget);
    return moved == len ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Resets that we send because of what the peer did; our owners' own are NO_ERROR, CANCEL or INTERNAL_ERROR. */
static bool is_peers_fault(uint32_t h2_error) {
    return h2_error != NGHTTP2_NO_ERROR && h2_error != NGHTTP2_CANCEL &&
           h2_error != NGHTTP2_INTERNAL_ERROR;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *context) {
    struct h2_session *session = context;
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_peers_fault(frame->rst_stream.error_code)) {
        h2_core_charge(session, H2_BUDGET_RESET_POINTS);
    }
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        struct h2_stream *stream = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
        if (stream != NULL) {
            h2_stream_sent_end(stream);
        }
    }
    return 0;
}

/* A head that cannot be sent (longer than the library packs) must not leave its stream hanging. */
static int on_frame_not_sent(nghttp2_session *ng, const nghttp2_frame *frame, int error,
                             void *context) {
    (void)context;
    if (frame->hd.type != NGHTTP2_HEADERS || error != NGHTTP2_ERR_FRAME_SIZE_ERROR) {
        return 0;
    }
    struct h2_stream *stream = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
    if (stream == NULL) {
        return 0;
    }
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        h2_stream_give_up(stream, HTTP_CLOSE_MALFORMED); /* the library closes it itself */
        return 0;
    }
    h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR, HTTP_CLOSE_MALFORMED);
    return 0;
}

nghttp2_data_provider h2_output_provider(struct h2_stream *stream) {
    return (nghttp2_data_provider){.source.ptr = stream, .read_callback = read_data};
}

void h2_output_register(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
}
