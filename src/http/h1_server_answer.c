#include "http/h1_server_answer.h"

#include "http/websocket_handshake.h"

static void send_informational(struct h1_server *server, const struct http_head *head) {
    bool is_continue = head->status == 100;
    if (head->status == 101 || (is_continue && !server->expects_continue) ||
        server->head.version == HTTP_VERSION_10) {
        return; /* nobody waits for it, or would understand it (RFC 9110 §15.2) */
    }
    struct h1_out_head out_head = {.head = head};
    if (h1_out_put_head(&server->out, &out_head) != STATUS_OK) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    if (is_continue) {
        server->expects_continue = false;
    }
    engine_notify(&server->engine);
}

/* The peer has closed its side, and no further request of it waits. */
static bool is_last(const struct h1_server *server) {
    return server->is_ended && buf_len(&server->leftover) == 0;
}

/* How the answer is framed (RFC 9112 §6.3). False if the head contradicts itself. */
static bool frame_answer(struct h1_server *server, const struct http_head *head, bool is_end,
                         struct h1_out_head *out_head) {
    bool has_length = head->has_content_length;
    uint64_t length = has_length ? head->content_length : 0;
    *out_head = (struct h1_out_head){.head = head, .has_length = has_length, .length = length};
    if (http_response_has_no_body(server->head.method, head->status)) {
        out_head->framing = H1_FRAMING_NONE;
        out_head->has_length = has_length && head->status != 204;
        return true;
    }
    if (has_length || is_end) {
        out_head->framing = H1_FRAMING_LENGTH;
        out_head->has_length = true;
        return !is_end || length == 0;
    }
    out_head->framing =
        server->head.version == HTTP_VERSION_10 ? H1_FRAMING_CLOSE : H1_FRAMING_CHUNKED;
    return true;
}

/* 101 to a request for a WebSocket. What was kept of its bytes is handed out at the next look. */
static void grant_switch(struct h1_server *server, const struct http_head *head) {
    char accept[WEBSOCKET_ACCEPT_SIZE];
    websocket_handshake_accept(server->key, accept);
    struct h1_out_head out_head = {.head = head,
                                   .framing = H1_FRAMING_CLOSE,
                                   .connection = STR("Upgrade"),
                                   .is_upgrade = true,
                                   .handshake = str_from(accept)};
    if (h1_out_put_head(&server->out, &out_head) != STATUS_OK) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    server->switching = H1_SWITCHING_DONE;
    server->receiving = H1_RECEIVING_RAW;
    server->answering = H1_ANSWERING_BODY;
    server->is_keep_alive = false;
    engine_notify(&server->engine);
}

/* Bytes that came in the hope of a WebSocket are no request: they are dropped, and nothing is read behind them. */
static void refuse_switch(struct h1_server *server) {
    server->switching = H1_SWITCHING_REFUSED;
    if (buf_len(&server->leftover) > 0) {
        server->is_keep_alive = false;
    }
}

static void send_head(struct http_stream *stream, const struct http_head *head, bool is_end) {
    struct h1_server *server = h1_server_core_from_stream(stream);
    struct h1_out_head out_head;
    if (server->has_failed) {
        return;
    }
    if (server->switching == H1_SWITCHING_ASKED && head->status == 101 && !is_end) {
        grant_switch(server, head);
        return;
    }
    if (server->answering == H1_ANSWERING_NOTHING && head->status < 200) {
        send_informational(server, head);
        return;
    }
    if (server->answering != H1_ANSWERING_NOTHING ||
        !frame_answer(server, head, is_end, &out_head)) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    if (server->switching == H1_SWITCHING_ASKED) {
        refuse_switch(server);
    }
    /* An answer before the end of the request: where that ends is uncertain from here on. */
    if (server->receiving != H1_RECEIVING_NOTHING || server->is_draining || is_last(server) ||
        out_head.framing == H1_FRAMING_CLOSE) {
        server->is_keep_alive = false;
    }
    if (!server->is_keep_alive) {
        out_head.connection = STR("close");
    } else if (server->head.version == HTTP_VERSION_10) {
        out_head.connection = STR("keep-alive");
    }
    if (h1_out_put_head(&server->out, &out_head) != STATUS_OK) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    server->expects_continue = false;
    server->answering = is_end ? H1_ANSWERING_COMPLETE : H1_ANSWERING_BODY;
    engine_notify(&server->engine);
}

static void send_body(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct h1_server *server = h1_server_core_from_stream(stream);
    if (len == 0) {
        return;
    }
    stream->unsent += len;
    if (server->has_failed) {
        return;
    }
    if (server->answering == H1_ANSWERING_BODY && server->out.framing == H1_FRAMING_NONE) {
        server->discarded += len; /* HEAD, 204, 304: the head said it all */
        engine_notify(&server->engine);
        return;
    }
    if (server->answering != H1_ANSWERING_BODY ||
        h1_out_put_body(&server->out, bytes, len) != STATUS_OK) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    engine_notify(&server->engine);
}

static void end_body(struct http_stream *stream, const struct http_fields *trailers) {
    struct h1_server *server = h1_server_core_from_stream(stream);
    if (server->has_failed || server->answering == H1_ANSWERING_COMPLETE) {
        return;
    }
    if (server->answering != H1_ANSWERING_BODY || h1_out_end(&server->out, trailers) != STATUS_OK) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    server->answering = H1_ANSWERING_COMPLETE;
    engine_notify(&server->engine);
}

static void consumed(struct http_stream *stream, size_t len) {
    struct h1_server *server = h1_server_core_from_stream(stream);
    if (h1_flow_consume(&server->flow, len)) {
        engine_notify(&server->engine);
    }
    if (server->expects_continue && server->answering == H1_ANSWERING_NOTHING &&
        !server->has_failed) {
        send_informational(server, &(struct http_head){.status = 100});
    }
}

void h1_server_answer_release(struct http_stream *stream) {
    struct h1_server *server = h1_server_core_from_stream(stream);
    if (!server->is_open || server->is_released) {
        return;
    }
    server->is_released = true;
    server->stream.events = NULL;
    h1_flow_reset(&server->flow);
    if (server->answering != H1_ANSWERING_COMPLETE || server->has_failed) {
        h1_server_core_close(server);
        h1_server_core_end(server, HTTP_CLOSE_CANCELLED);
    }
    engine_notify(&server->engine);
}

const struct http_stream_ops h1_server_answer_ops = {
    .send_head = send_head,
    .send = send_body,
    .end = end_body,
    .consumed = consumed,
    .release = h1_server_answer_release,
};
