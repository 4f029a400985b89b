#include "http/h1_server.h"

#include "base/buf.h"
#include "base/memory.h"
#include "http/h1_flow.h"
#include "http/h1_out.h"
#include "http/h1_parse.h"
#include "http/websocket_handshake.h"

/* The most that is kept of pipelined bytes; a connection that reads on in spite of wants_read ends here. */
#define LEFTOVER_BYTES_MAX ((size_t)1 << 20)

enum receiving {
    RECEIVING_HEAD,
    RECEIVING_BODY,
    RECEIVING_NOTHING, /* the request is complete: what comes now belongs to the next one */
    RECEIVING_RAW,     /* the bytes of a WebSocket */
};

enum switching {
    SWITCHING_NOT,     /* an ordinary exchange */
    SWITCHING_ASKED,   /* a WebSocket is asked for: bytes that come are kept until it is granted */
    SWITCHING_REFUSED, /* an ordinary answer was given; the request's end is still to be told */
    SWITCHING_DONE,    /* 101 is queued: both directions are raw */
};

enum answering {
    ANSWERING_NOTHING, /* no final head yet */
    ANSWERING_BODY,
    ANSWERING_COMPLETE, /* all of it queued, perhaps not yet written */
};

struct h1_server {
    struct engine engine;
    struct http_stream stream; /* the present exchange, while is_open */
    struct h1_server_config config;
    struct arena arena;
    struct http_head head;
    struct http_head trailers; /* only the fields */
    struct h1_scan scan;
    struct h1_body body;
    struct h1_out out;
    struct h1_flow flow;
    struct buf leftover;
    struct str key; /* of the WebSocket that is asked for */
    enum receiving receiving;
    enum answering answering;
    enum switching switching;
    enum http_close failure; /* when has_failed */
    unsigned serial;         /* of the exchange: callbacks may end it and begin the next */
    size_t discarded;        /* body bytes sent in vain, still to be reported as sent */
    bool is_open;            /* an exchange is going on */
    bool is_released;        /* it has no owner any more; its answer is still being written */
    bool is_keep_alive;      /* the connection may outlive the exchange */
    bool expects_continue;   /* the client waits for 100 with its body */
    bool has_failed;         /* by an owner's call: to be closed at the next look */
    bool has_skipped_line;   /* the one empty line that may precede a request */
    bool is_ended;           /* the peer has closed its sending side */
    bool is_draining;
    bool is_closed; /* nothing is read any more; what is queued is written */
};

static struct h1_server *from_engine(struct engine *engine) {
    return CONTAINER_OF(engine, struct h1_server, engine);
}

static struct h1_server *from_stream(struct http_stream *stream) {
    return CONTAINER_OF(stream, struct h1_server, stream);
}

/* True while the exchange of this serial is there and wants events. */
static bool is_heard(const struct h1_server *server, unsigned serial) {
    return server->is_open && server->serial == serial && !server->is_released &&
           !server->has_failed;
}

/* --- ends --- */

static void close_connection(struct h1_server *server) {
    server->is_closed = true;
    h1_scan_reset(&server->scan);
}

/* The last event. The arena outlives it, so that the owner may still read the head. */
static void end_exchange(struct h1_server *server, enum http_close reason) {
    struct arena arena = server->arena;
    bool has_owner = !server->is_released;
    arena_init(&server->arena);
    h1_body_fini(&server->body);
    h1_flow_reset(&server->flow);
    server->is_open = false;
    server->is_released = false;
    server->has_failed = false;
    server->expects_continue = false;
    server->discarded = 0;
    server->switching = SWITCHING_NOT;
    server->receiving = RECEIVING_HEAD;
    server->has_skipped_line = false;
    server->serial++;
    if (has_owner) {
        server->stream.events->on_closed(server->stream.owner, reason);
    }
    arena_fini(&arena);
}

/* Answers a request that cannot be served with a page or a bare status line, and closes. */
static void reject(struct h1_server *server, unsigned status, const struct why *why) {
    struct str type = STR_EMPTY;
    struct str body = STR_EMPTY;
    struct http_field fields[2];
    struct http_head head = {.status = status, .fields = {fields, 0, 2}};
    bool is_upgrade = status == 426; /* RFC 9110 §15.5.22, RFC 6455 §4.4 */
    close_connection(server);
    if (server->config.on_error != NULL) {
        server->config.on_error(server->config.server.context, status, why, &type, &body);
    }
    if (type.len > 0) {
        fields[head.fields.count++] = (struct http_field){STR("content-type"), type};
    }
    if (is_upgrade) {
        fields[head.fields.count++] = (struct http_field){STR("sec-websocket-version"), STR("13")};
    }
    struct h1_out_head answer = {.head = &head,
                                 .framing = H1_FRAMING_LENGTH,
                                 .has_length = true,
                                 .length = body.len,
                                 .is_upgrade = is_upgrade,
                                 .connection = is_upgrade ? STR("close, Upgrade") : STR("close")};
    if (h1_out_put_head(&server->out, &answer) == STATUS_OK) {
        (void)!h1_out_put_body(&server->out, (const uint8_t *)body.at, body.len);
    }
}

static void fail_body(struct h1_server *server, unsigned status, const struct why *why) {
    if (server->answering == ANSWERING_NOTHING) {
        reject(server, status, why);
    }
    close_connection(server);
    end_exchange(server, HTTP_CLOSE_MALFORMED);
}

/* From inside an owner's call: the exchange ends at the next look. */
static void fail_later(struct h1_server *server, enum http_close reason) {
    server->has_failed = true;
    server->failure = reason;
    server->is_keep_alive = false;
    engine_notify(&server->engine);
}

/* --- input --- */

static void release_stream(struct http_stream *stream);

static void deliver_request(struct h1_server *server, bool is_end) {
    unsigned serial = server->serial;
    const struct http_server *to = &server->config.server;
    server->stream.events = NULL;
    to->on_request(to->context, &server->stream, &server->head, is_end);
    if (is_heard(server, serial) && server->stream.events == NULL) {
        release_stream(&server->stream);
    }
    if (is_end && is_heard(server, serial)) {
        server->stream.events->on_end(server->stream.owner, NULL);
    }
}

static void begin_exchange(struct h1_server *server, const struct h1_parse *parse) {
    h1_body_init(&server->body, parse->framing, server->head.content_length);
    bool is_end = server->body.state == H1_BODY_COMPLETE;
    bool is_upgrade = server->head.protocol.len > 0;
    server->receiving = is_end ? RECEIVING_NOTHING : RECEIVING_BODY;
    server->switching = is_upgrade ? SWITCHING_ASKED : SWITCHING_NOT;
    server->key = parse->key;
    server->answering = ANSWERING_NOTHING;
    server->is_keep_alive = parse->is_keep_alive;
    server->expects_continue = parse->expects_continue;
    server->is_open = true;
    server->stream.arena = &server->arena;
    server->stream.unsent = 0;
    deliver_request(server, is_end && !is_upgrade);
}

static void take_section(struct h1_server *server, struct str section) {
    struct h1_parse parse = {.arena = &server->arena,
                             .text = arena_str(&server->arena, section),
                             .line_count = server->scan.line_count,
                             .scheme = server->config.scheme,
                             .head = &server->head};
    h1_scan_reset(&server->scan);
    if (h1_parse_request(&parse) != STATUS_OK) {
        reject(server, parse.answer, &parse.why);
        arena_fini(&server->arena);
        return;
    }
    begin_exchange(server, &parse);
}

static size_t take_head(struct h1_server *server, const uint8_t *bytes, size_t len) {
    size_t used = 0;
    struct str section = STR_EMPTY;
    struct why why;
    enum status status = h1_scan_feed(&server->scan, bytes, len, &used, &section, &why);
    if (status == STATUS_AGAIN) {
        return used;
    }
    if (status == STATUS_OK && section.len == 2 && !server->has_skipped_line) {
        server->has_skipped_line = true; /* RFC 9112 §2.2 */
        h1_scan_reset(&server->scan);
        return used;
    }
    if (status != STATUS_OK) {
        reject(server, status == STATUS_TOO_LARGE ? 431 : 400, &why);
        return len;
    }
    take_section(server, section);
    return used;
}

static void take_data(struct h1_server *server, struct str data) {
    server->expects_continue = false;
    if (data.len == 0 || server->is_released || server->has_failed) {
        return;
    }
    h1_flow_deliver(&server->flow, data.len);
    server->stream.events->on_data(server->stream.owner, (const uint8_t *)data.at, data.len);
}

static void take_body_end(struct h1_server *server, struct str section) {
    struct h1_parse parse = {.arena = &server->arena,
                             .text = arena_str(&server->arena, section),
                             .line_count = server->body.trailers.line_count,
                             .head = &server->trailers};
    bool has_trailers = section.len > 2;
    h1_body_fini(&server->body);
    if (has_trailers && h1_parse_trailers(&parse) != STATUS_OK) {
        fail_body(server, parse.answer, &parse.why);
        return;
    }
    server->receiving = RECEIVING_NOTHING;
    server->expects_continue = false;
    if (is_heard(server, server->serial)) {
        server->stream.events->on_end(server->stream.owner,
                                      has_trailers ? &server->trailers.fields : NULL);
    }
}

static size_t take_body(struct h1_server *server, const uint8_t *bytes, size_t len) {
    unsigned serial = server->serial;
    size_t total = 0;
    size_t used;
    struct str data;
    struct why why;
    enum status status;
    do {
        status = h1_body_read(&server->body, bytes + total, len - total, &used, &data, &why);
        total += used;
        if (status == STATUS_OK) {
            take_data(server, data);
        }
    } while (status == STATUS_OK && server->is_open && server->serial == serial);
    if (status == STATUS_END) {
        take_body_end(server, data);
    } else if (status != STATUS_OK && status != STATUS_AGAIN) {
        fail_body(server, status == STATUS_TOO_LARGE ? 431 : 400, &why);
    }
    return total;
}

/* Returns how many bytes were taken: all, or those of one request. */
static size_t take_input(struct h1_server *server, const uint8_t *bytes, size_t len) {
    size_t total = 0;
    while (total < len && !server->is_closed && server->receiving != RECEIVING_NOTHING) {
        if (server->receiving == RECEIVING_RAW) {
            take_data(server, str_make(bytes + total, len - total));
            return len;
        }
        bool is_head = server->receiving == RECEIVING_HEAD;
        total += is_head ? take_head(server, bytes + total, len - total)
                         : take_body(server, bytes + total, len - total);
    }
    return server->is_closed ? len : total;
}

static void keep_leftover(struct h1_server *server, const uint8_t *bytes, size_t len) {
    bool is_wanted = server->switching == SWITCHING_ASKED || server->receiving == RECEIVING_RAW ||
                     (!server->is_draining && server->is_keep_alive);
    if (len == 0 || server->is_closed || !is_wanted) {
        return; /* no further request is read here */
    }
    if (buf_append(&server->leftover, bytes, len) != STATUS_OK) {
        fail_later(server, HTTP_CLOSE_MALFORMED);
    }
}

/* --- what is due: events that could not be delivered from inside an owner's call, and the end of the exchange --- */

static void report_sent(struct h1_server *server, size_t len) {
    if (len > 0 && is_heard(server, server->serial)) {
        server->stream.unsent -= len;
        server->stream.events->on_sent(server->stream.owner, len);
    }
}

static void tell_end(struct h1_server *server) {
    server->receiving = RECEIVING_NOTHING;
    if (is_heard(server, server->serial)) {
        server->stream.events->on_end(server->stream.owner, NULL);
    }
}

/* What the switch of protocols, or its refusal, makes due. */
static void settle_switch(struct h1_server *server) {
    if (server->switching == SWITCHING_REFUSED) {
        server->switching = SWITCHING_NOT;
        tell_end(server);
        return;
    }
    bool is_over = server->answering == ANSWERING_COMPLETE && server->out.queue.len == 0;
    if (is_over && server->receiving == RECEIVING_RAW) {
        tell_end(server); /* the connection closes with our direction */
    }
}

static void settle_exchange(struct h1_server *server) {
    unsigned serial = server->serial;
    size_t discarded = server->discarded;
    server->discarded = 0;
    report_sent(server, discarded);
    if (server->switching != SWITCHING_NOT && is_heard(server, serial)) {
        settle_switch(server);
    }
    if (!server->is_open || server->serial != serial) {
        return;
    }
    if (server->has_failed) {
        close_connection(server);
        end_exchange(server, server->failure);
        return;
    }
    if (server->answering != ANSWERING_COMPLETE || server->out.queue.len > 0 ||
        server->discarded > 0) {
        return;
    }
    if (!server->is_keep_alive || server->is_draining || server->receiving != RECEIVING_NOTHING) {
        close_connection(server);
    }
    end_exchange(server, HTTP_CLOSE_DONE);
}

/* The peer's side is closed: is there something that can still be completed without it? */
static bool may_be_finished(const struct h1_server *server) {
    if (!server->is_open) {
        return buf_len(&server->leftover) > 0;
    }
    return server->switching != SWITCHING_ASKED &&
           (server->answering == ANSWERING_COMPLETE || server->receiving != RECEIVING_BODY);
}

static void settle_end(struct h1_server *server) {
    if (!may_be_finished(server)) {
        close_connection(server);
        if (server->is_open) {
            end_exchange(server, HTTP_CLOSE_CANCELLED);
        }
        return;
    }
    if (server->receiving == RECEIVING_RAW && buf_len(&server->leftover) == 0) {
        tell_end(server);
    }
}

static void settle(struct h1_server *server) {
    for (;;) {
        if (server->is_open) {
            settle_exchange(server);
        }
        if (server->is_ended && !server->is_closed) {
            settle_end(server);
        }
        if (server->is_closed) {
            buf_fini(&server->leftover);
            buf_init(&server->leftover, LEFTOVER_BYTES_MAX);
            return;
        }
        bool may_take = !server->is_open || server->receiving == RECEIVING_RAW;
        if (!may_take || buf_len(&server->leftover) == 0) {
            return;
        }
        size_t used = take_input(server, buf_bytes(&server->leftover), buf_len(&server->leftover));
        buf_consume(&server->leftover, used);
        if (buf_len(&server->leftover) == 0) {
            buf_fini(&server->leftover);
            buf_init(&server->leftover, LEFTOVER_BYTES_MAX);
        }
    }
}

/* --- the connection's calls --- */

static void feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct h1_server *server = from_engine(engine);
    if (server->is_closed) {
        return;
    }
    size_t used = buf_len(&server->leftover) > 0 ? 0 : take_input(server, bytes, len);
    keep_leftover(server, bytes + used, len - used);
    settle(server);
}

/* A visitor may close its side behind its last request and wait for the answer. Inside a request it has given up. */
static void feed_end(struct engine *engine) {
    struct h1_server *server = from_engine(engine);
    if (server->is_closed || server->is_ended) {
        return;
    }
    server->is_ended = true;
    settle(server);
}

static void lose(struct engine *engine) {
    struct h1_server *server = from_engine(engine);
    close_connection(server);
    h1_out_clear(&server->out);
    if (server->is_open) {
        end_exchange(server, HTTP_CLOSE_LOST);
    }
    settle(server);
}

static size_t peek(struct engine *engine, const uint8_t **bytes) {
    struct h1_server *server = from_engine(engine);
    settle(server);
    return block_queue_peek(&server->out.queue, bytes);
}

static void wrote(struct engine *engine, size_t len) {
    struct h1_server *server = from_engine(engine);
    size_t body_len = h1_out_wrote(&server->out, len);
    if (server->is_open) {
        report_sent(server, body_len);
    }
    settle(server);
}

static bool wants_read(const struct engine *engine) {
    const struct h1_server *server = from_engine((struct engine *)engine);
    return !server->is_closed && !server->flow.is_paused && buf_len(&server->leftover) == 0;
}

static enum engine_phase phase(const struct engine *engine) {
    const struct h1_server *server = from_engine((struct engine *)engine);
    if (server->is_closed) {
        return ENGINE_DONE;
    }
    if (server->is_open) {
        return server->is_draining ? ENGINE_DRAINING : ENGINE_BUSY;
    }
    return h1_scan_has_begun(&server->scan) ? ENGINE_HEAD : ENGINE_IDLE;
}

static bool outlasts_end(const struct engine *engine) {
    const struct h1_server *server = from_engine((struct engine *)engine);
    return server->is_open;
}

static void free_server(struct engine *engine) {
    struct h1_server *server = from_engine(engine);
    h1_scan_reset(&server->scan);
    h1_body_fini(&server->body);
    h1_out_clear(&server->out);
    buf_fini(&server->leftover);
    arena_fini(&server->arena);
    memory_free(server);
}

/* --- the owner's calls --- */

static void send_informational(struct h1_server *server, const struct http_head *head) {
    bool is_continue = head->status == 100;
    if (head->status == 101 || (is_continue && !server->expects_continue) ||
        server->head.version == HTTP_VERSION_10) {
        return; /* nobody waits for it, or would understand it (RFC 9110 §15.2) */
    }
    struct h1_out_head out_head = {.head = head};
    if (h1_out_put_head(&server->out, &out_head) != STATUS_OK) {
        fail_later(server, HTTP_CLOSE_MALFORMED);
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
        fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    server->switching = SWITCHING_DONE;
    server->receiving = RECEIVING_RAW;
    server->answering = ANSWERING_BODY;
    server->is_keep_alive = false;
    engine_notify(&server->engine);
}

/* Bytes that came in the hope of a WebSocket are no request: they are dropped, and nothing is read behind them. */
static void refuse_switch(struct h1_server *server) {
    server->switching = SWITCHING_REFUSED;
    if (buf_len(&server->leftover) > 0) {
        server->is_keep_alive = false;
    }
}

static void send_head(struct http_stream *stream, const struct http_head *head, bool is_end) {
    struct h1_server *server = from_stream(stream);
    struct h1_out_head out_head;
    if (server->has_failed) {
        return;
    }
    if (server->switching == SWITCHING_ASKED && head->status == 101 && !is_end) {
        grant_switch(server, head);
        return;
    }
    if (server->answering == ANSWERING_NOTHING && head->status < 200) {
        send_informational(server, head);
        return;
    }
    if (server->answering != ANSWERING_NOTHING || !frame_answer(server, head, is_end, &out_head)) {
        fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    if (server->switching == SWITCHING_ASKED) {
        refuse_switch(server);
    }
    /* An answer before the end of the request: where that ends is uncertain from here on. */
    if (server->receiving != RECEIVING_NOTHING || server->is_draining || is_last(server) ||
        out_head.framing == H1_FRAMING_CLOSE) {
        server->is_keep_alive = false;
    }
    if (!server->is_keep_alive) {
        out_head.connection = STR("close");
    } else if (server->head.version == HTTP_VERSION_10) {
        out_head.connection = STR("keep-alive");
    }
    if (h1_out_put_head(&server->out, &out_head) != STATUS_OK) {
        fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    server->expects_continue = false;
    server->answering = is_end ? ANSWERING_COMPLETE : ANSWERING_BODY;
    engine_notify(&server->engine);
}

static void send_body(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct h1_server *server = from_stream(stream);
    if (len == 0) {
        return;
    }
    stream->unsent += len;
    if (server->has_failed) {
        return;
    }
    if (server->answering == ANSWERING_BODY && server->out.framing == H1_FRAMING_NONE) {
        server->discarded += len; /* HEAD, 204, 304: the head said it all */
        engine_notify(&server->engine);
        return;
    }
    if (server->answering != ANSWERING_BODY ||
        h1_out_put_body(&server->out, bytes, len) != STATUS_OK) {
        fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    engine_notify(&server->engine);
}

static void end_body(struct http_stream *stream, const struct http_fields *trailers) {
    struct h1_server *server = from_stream(stream);
    if (server->has_failed || server->answering == ANSWERING_COMPLETE) {
        return;
    }
    if (server->answering != ANSWERING_BODY || h1_out_end(&server->out, trailers) != STATUS_OK) {
        fail_later(server, HTTP_CLOSE_MALFORMED);
        return;
    }
    server->answering = ANSWERING_COMPLETE;
    engine_notify(&server->engine);
}

static void consumed(struct http_stream *stream, size_t len) {
    struct h1_server *server = from_stream(stream);
    if (h1_flow_consume(&server->flow, len)) {
        engine_notify(&server->engine);
    }
    if (server->expects_continue && server->answering == ANSWERING_NOTHING && !server->has_failed) {
        send_informational(server, &(struct http_head){.status = 100});
    }
}

static void release_stream(struct http_stream *stream) {
    struct h1_server *server = from_stream(stream);
    if (!server->is_open || server->is_released) {
        return;
    }
    server->is_released = true;
    server->stream.events = NULL;
    h1_flow_reset(&server->flow);
    if (server->answering != ANSWERING_COMPLETE || server->has_failed) {
        close_connection(server);
        end_exchange(server, HTTP_CLOSE_CANCELLED);
    }
    engine_notify(&server->engine);
}

struct h1_server *h1_server_new(const struct h1_server_config *config) {
    static const struct engine_ops engine_ops = {
        .feed = feed,
        .feed_end = feed_end,
        .lost = lose,
        .peek = peek,
        .wrote = wrote,
        .wants_read = wants_read,
        .phase = phase,
        .free = free_server,
        .outlasts_end = outlasts_end,
    };
    static const struct http_stream_ops stream_ops = {
        .send_head = send_head,
        .send = send_body,
        .end = end_body,
        .consumed = consumed,
        .release = release_stream,
    };
    struct h1_server *server = MEMORY_NEW(struct h1_server);
    server->engine.ops = &engine_ops;
    server->stream.ops = &stream_ops;
    server->config = *config;
    arena_init(&server->arena);
    h1_scan_init(&server->scan, H1_HEAD_RAW_BYTES_MAX);
    h1_body_init(&server->body, H1_FRAMING_NONE, 0);
    h1_out_init(&server->out, config->pool);
    h1_flow_init(&server->flow, config->read_ahead_max);
    buf_init(&server->leftover, LEFTOVER_BYTES_MAX);
    return server;
}

struct engine *h1_server_engine(struct h1_server *server) {
    return &server->engine;
}

void h1_server_drain(struct h1_server *server) {
    server->is_draining = true;
    if (!server->is_open && !h1_scan_has_begun(&server->scan)) {
        close_connection(server);
    }
    engine_notify(&server->engine);
}
