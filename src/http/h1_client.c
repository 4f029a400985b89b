#include "http/h1_client.h"

#include "base/memory.h"
#include "http/h1_flow.h"
#include "http/h1_out.h"
#include "http/h1_parse.h"
#include "http/websocket_handshake.h"

#define INFORMATIONAL_MAX 16 /* no more than the other end of a tunnel takes (h2_receive.c) */

enum receiving {
    RECEIVING_HEAD, /* or an informational one before it */
    RECEIVING_BODY,
    RECEIVING_NOTHING, /* the response is complete */
};

enum switching {
    SWITCHING_NOT,   /* an ordinary exchange, or one that became one */
    SWITCHING_ASKED, /* for a WebSocket; not answered yet */
    SWITCHING_DONE,  /* both directions are raw */
};

struct h1_client {
    struct engine engine;
    struct http_stream stream; /* the present exchange, while is_open */
    struct arena arena;
    const struct random *random;
    struct str method;                  /* of the request */
    struct http_fields asked;           /* of the request for a WebSocket: what it offered */
    char accept[WEBSOCKET_ACCEPT_SIZE]; /* and what a 101 must bring */
    struct http_head trailers;          /* only the fields */
    struct h1_scan scan;
    struct h1_body body;
    struct h1_out out;
    struct h1_flow flow;
    enum receiving receiving;
    enum switching switching;
    enum http_close failure; /* when has_failed */
    unsigned serial;         /* of the exchange: callbacks may end it and begin the next */
    unsigned informational_count;
    size_t informational_bytes; /* they stay in the exchange's arena, all of them */
    bool is_open;               /* an exchange is going on */
    bool is_request_ended;      /* queued in full, perhaps not yet written */
    bool is_keep_alive;         /* by what the response says */
    bool is_spent; /* something happened after which no other request may use the connection */
    bool has_response_bytes;
    bool has_failed; /* by an owner's call: to be closed at the next look */
    bool is_closed;
};

static struct h1_client *from_engine(struct engine *engine) {
    return CONTAINER_OF(engine, struct h1_client, engine);
}

static struct h1_client *from_stream(struct http_stream *stream) {
    return CONTAINER_OF(stream, struct h1_client, stream);
}

static bool is_heard(const struct h1_client *client, unsigned serial) {
    return client->is_open && client->serial == serial && !client->has_failed;
}

/* --- ends --- */

static void close_connection(struct h1_client *client) {
    client->is_closed = true;
    h1_scan_reset(&client->scan);
    h1_out_clear(&client->out);
}

/* Everything of the exchange goes but its arena, which is handed to the caller. */
static struct arena forget_exchange(struct h1_client *client) {
    struct arena arena = client->arena;
    arena_init(&client->arena);
    h1_body_fini(&client->body);
    h1_flow_reset(&client->flow);
    client->is_open = false;
    client->has_failed = false;
    client->switching = SWITCHING_NOT;
    client->serial++;
    return arena;
}

/* The last event. The arena outlives it, so that the owner may still read the head; the owner may open the next exchange
 * from inside it. */
static void end_exchange(struct h1_client *client, enum http_close reason) {
    const struct http_stream_events *events = client->stream.events;
    struct arena arena = forget_exchange(client);
    events->on_closed(client->stream.owner, reason);
    arena_fini(&arena);
}

static void abort_exchange(struct h1_client *client, enum http_close reason) {
    close_connection(client);
    end_exchange(client, reason);
}

static bool is_request_written(const struct h1_client *client) {
    return client->is_request_ended && client->out.queue.len == 0;
}

/* The response is complete: may the connection be used again? */
static bool may_go_on(const struct h1_client *client) {
    return client->is_keep_alive && !client->is_spent && is_request_written(client) &&
           !client->has_failed;
}

static void finish_exchange(struct h1_client *client) {
    if (!may_go_on(client)) {
        close_connection(client);
    }
    end_exchange(client, HTTP_CLOSE_DONE);
}

/* From inside an owner's call: the exchange ends at the next look. */
static void fail_later(struct h1_client *client, enum http_close reason) {
    client->has_failed = true;
    client->failure = reason;
    engine_notify(&client->engine);
}

/* --- input --- */

static void deliver_end(struct h1_client *client, const struct http_fields *trailers,
                        bool is_last) {
    unsigned serial = client->serial;
    client->receiving = RECEIVING_NOTHING;
    client->is_spent = client->is_spent || !is_last; /* bytes that nobody asked for */
    if (is_heard(client, serial)) {
        client->stream.events->on_end(client->stream.owner, trailers);
    }
    bool is_half = client->switching == SWITCHING_DONE && !is_request_written(client);
    if (is_heard(client, serial) && !is_half) {
        finish_exchange(client);
    }
}

/* The final head of an answer to a request for a WebSocket. */
static void settle_switch(struct h1_client *client, unsigned status) {
    if (client->switching == SWITCHING_NOT) {
        return;
    }
    client->is_spent = true;
    client->switching = status == 101 ? SWITCHING_DONE : SWITCHING_NOT;
    client->is_request_ended = status != 101;
    client->out.framing = status == 101 ? H1_FRAMING_CLOSE : H1_FRAMING_NONE;
}

static void begin_body(struct h1_client *client, const struct h1_parse *parse, bool is_last) {
    unsigned serial = client->serial;
    h1_body_init(&client->body, parse->framing, parse->head->content_length);
    bool is_end = client->body.state == H1_BODY_COMPLETE;
    client->receiving = RECEIVING_BODY;
    client->is_keep_alive = parse->is_keep_alive;
    /* Who answers before it has the request may not read the rest of it as such (the desync of "0.CL"). */
    client->is_spent = client->is_spent || !is_request_written(client);
    settle_switch(client, parse->head->status);
    client->stream.events->on_head(client->stream.owner, parse->head, is_end);
    if (is_end && is_heard(client, serial)) {
        deliver_end(client, NULL, is_last);
    }
}

static void take_section(struct h1_client *client, struct str section, bool is_last) {
    struct h1_parse parse = {
        .arena = &client->arena,
        .text = arena_str(&client->arena, section),
        .line_count = client->scan.line_count,
        .method = client->method,
        .accept = client->switching == SWITCHING_ASKED ? str_from(client->accept) : STR_EMPTY,
        .head = ARENA_NEW(&client->arena, struct http_head)};
    h1_scan_reset(&client->scan);
    if (h1_parse_response(&parse) != STATUS_OK) {
        abort_exchange(client, HTTP_CLOSE_MALFORMED);
        return;
    }
    if (parse.head->status == 101 &&
        !websocket_handshake_is_asked(&client->asked, &parse.head->fields)) {
        abort_exchange(client, HTTP_CLOSE_MALFORMED);
        return;
    }
    if (parse.head->status >= 200 || parse.head->status == 101) {
        begin_body(client, &parse, is_last);
        return;
    }
    client->informational_bytes += section.len;
    if (++client->informational_count > INFORMATIONAL_MAX ||
        client->informational_bytes > HTTP_HEAD_BYTES_MAX) {
        abort_exchange(client, HTTP_CLOSE_MALFORMED);
        return;
    }
    client->stream.events->on_head(client->stream.owner, parse.head, false);
}

static size_t take_head(struct h1_client *client, const uint8_t *bytes, size_t len) {
    size_t used = 0;
    struct str section = STR_EMPTY;
    struct why why;
    enum status status = h1_scan_feed(&client->scan, bytes, len, &used, &section, &why);
    if (status == STATUS_OK) {
        take_section(client, section, used == len);
    } else if (status != STATUS_AGAIN) {
        abort_exchange(client, HTTP_CLOSE_MALFORMED);
    }
    return used;
}

static void take_body_end(struct h1_client *client, struct str section, bool is_last) {
    struct h1_parse parse = {.arena = &client->arena,
                             .text = arena_str(&client->arena, section),
                             .line_count = client->body.trailers.line_count,
                             .head = &client->trailers};
    bool has_trailers = section.len > 2;
    h1_body_fini(&client->body);
    if (has_trailers && h1_parse_trailers(&parse) != STATUS_OK) {
        abort_exchange(client, HTTP_CLOSE_MALFORMED);
        return;
    }
    deliver_end(client, has_trailers ? &client->trailers.fields : NULL, is_last);
}

static void take_data(struct h1_client *client, struct str data) {
    h1_flow_deliver(&client->flow, data.len);
    client->stream.events->on_data(client->stream.owner, (const uint8_t *)data.at, data.len);
}

static size_t take_body(struct h1_client *client, const uint8_t *bytes, size_t len) {
    unsigned serial = client->serial;
    size_t total = 0;
    size_t used;
    struct str data;
    struct why why;
    enum status status;
    do {
        status = h1_body_read(&client->body, bytes + total, len - total, &used, &data, &why);
        total += used;
        if (status == STATUS_OK) {
            take_data(client, data);
        }
    } while (status == STATUS_OK && is_heard(client, serial));
    if (status == STATUS_END) {
        take_body_end(client, data, total == len);
    } else if (status != STATUS_OK && status != STATUS_AGAIN) {
        abort_exchange(client, HTTP_CLOSE_MALFORMED);
    }
    return total;
}

/* Our direction of a WebSocket is written to its end: the connection closes with it. */
static void settle_raw_end(struct h1_client *client) {
    if (client->receiving == RECEIVING_NOTHING) {
        finish_exchange(client);
        return;
    }
    deliver_end(client, NULL, true);
}

/* What an owner's call brought about and could not be told from inside it. */
static void settle(struct h1_client *client) {
    if (client->is_open && client->has_failed) {
        abort_exchange(client, client->failure);
        return;
    }
    if (client->is_open && client->switching == SWITCHING_DONE && is_request_written(client)) {
        settle_raw_end(client);
    }
}

/* --- the connection's calls --- */

static void feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct h1_client *client = from_engine(engine);
    unsigned serial = client->serial;
    size_t total = 0;
    if (client->is_closed || len == 0) {
        return;
    }
    if (!client->is_open) {
        close_connection(client); /* nobody asked */
        return;
    }
    client->has_response_bytes = true;
    while (total < len && is_heard(client, serial)) {
        bool is_head = client->receiving == RECEIVING_HEAD;
        total += is_head ? take_head(client, bytes + total, len - total)
                         : take_body(client, bytes + total, len - total);
    }
    settle(client);
}

static void feed_end(struct engine *engine) {
    struct h1_client *client = from_engine(engine);
    if (client->is_closed) {
        return;
    }
    client->is_spent = true;
    if (!client->is_open) {
        close_connection(client);
        return;
    }
    if (client->has_failed) {
        settle(client);
        return;
    }
    if (client->receiving == RECEIVING_BODY && client->body.framing == H1_FRAMING_CLOSE) {
        deliver_end(client, NULL, true);
        return;
    }
    abort_exchange(client, HTTP_CLOSE_LOST);
}

static void lose(struct engine *engine) {
    struct h1_client *client = from_engine(engine);
    close_connection(client);
    if (client->is_open) {
        end_exchange(client, HTTP_CLOSE_LOST);
    }
}

static size_t peek(struct engine *engine, const uint8_t **bytes) {
    struct h1_client *client = from_engine(engine);
    settle(client);
    return block_queue_peek(&client->out.queue, bytes);
}

static void wrote(struct engine *engine, size_t len) {
    struct h1_client *client = from_engine(engine);
    size_t body_len = h1_out_wrote(&client->out, len);
    if (body_len > 0 && is_heard(client, client->serial)) {
        client->stream.unsent -= body_len;
        client->stream.events->on_sent(client->stream.owner, body_len);
    }
    settle(client);
}

static bool wants_read(const struct engine *engine) {
    const struct h1_client *client = from_engine((struct engine *)engine);
    return !client->is_closed && !client->flow.is_paused;
}

static enum engine_phase phase(const struct engine *engine) {
    const struct h1_client *client = from_engine((struct engine *)engine);
    if (client->is_closed) {
        return ENGINE_DONE;
    }
    if (!client->is_open) {
        return ENGINE_IDLE;
    }
    return h1_scan_has_begun(&client->scan) ? ENGINE_HEAD : ENGINE_BUSY;
}

static bool outlasts_end(const struct engine *engine) {
    const struct h1_client *client = from_engine((struct engine *)engine);
    return client->is_open;
}

static void free_client(struct engine *engine) {
    struct h1_client *client = from_engine(engine);
    close_connection(client);
    h1_body_fini(&client->body);
    arena_fini(&client->arena);
    memory_free(client);
}

/* --- the owner's calls --- */

/* Client streams are born with their head sent. */
static void send_head(struct http_stream *stream, const struct http_head *head, bool is_end) {
    (void)head;
    (void)is_end;
    fail_later(from_stream(stream), HTTP_CLOSE_MALFORMED);
}

static void send_body(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct h1_client *client = from_stream(stream);
    if (len == 0) {
        return;
    }
    stream->unsent += len;
    if (client->has_failed) {
        return;
    }
    if (client->is_request_ended || client->switching == SWITCHING_ASKED ||
        h1_out_put_body(&client->out, bytes, len) != STATUS_OK) {
        fail_later(client, HTTP_CLOSE_MALFORMED);
        return;
    }
    engine_notify(&client->engine);
}

static void end_body(struct http_stream *stream, const struct http_fields *trailers) {
    struct h1_client *client = from_stream(stream);
    if (client->has_failed || client->is_request_ended) {
        return;
    }
    if (client->switching == SWITCHING_ASKED || h1_out_end(&client->out, trailers) != STATUS_OK) {
        fail_later(client, HTTP_CLOSE_MALFORMED);
        return;
    }
    client->is_request_ended = true;
    engine_notify(&client->engine);
}

static void consumed(struct http_stream *stream, size_t len) {
    struct h1_client *client = from_stream(stream);
    if (h1_flow_consume(&client->flow, len)) {
        engine_notify(&client->engine);
    }
}

static void release_stream(struct http_stream *stream) {
    struct h1_client *client = from_stream(stream);
    if (!client->is_open) {
        return;
    }
    if (client->receiving != RECEIVING_NOTHING || !may_go_on(client)) {
        close_connection(client);
    }
    struct arena arena = forget_exchange(client);
    arena_fini(&arena);
    engine_notify(&client->engine);
}

/* Content-Length: 0 tells servers that wait for the body of such a request that there is none (RFC 9110 §8.6). */
static bool may_expect_body(struct str method) {
    return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
           str_eq(method, STR("PATCH"));
}

static struct h1_out_head frame_request(const struct http_head *head, bool is_end) {
    struct h1_out_head out_head = {.head = head, .is_request = true};
    if (head->has_content_length) {
        out_head.framing = H1_FRAMING_LENGTH;
        out_head.has_length = true;
        out_head.length = head->content_length;
    } else if (is_end) {
        out_head.framing = H1_FRAMING_NONE;
        out_head.has_length = may_expect_body(head->method);
    } else {
        out_head.framing = H1_FRAMING_CHUNKED;
    }
    if (head->takes_trailers) {
        out_head.connection = STR("TE");
    }
    return out_head;
}

/* The request that asks for a WebSocket: never with a body, and with the version if the owner has left it out. */
static enum status put_upgrade(struct h1_client *client, const struct http_head *head) {
    char key[WEBSOCKET_KEY_SIZE];
    struct http_head asking = *head;
    struct http_fields *asked = &client->asked;
    http_fields_copy(asked, &head->fields, &client->arena, 1);
    http_fields_remove(asked, STR("sec-websocket-version"));
    http_fields_add(asked, &client->arena, STR("sec-websocket-version"), STR("13"));
    asking.fields = *asked;
    http_head_copy(&asking, &asking, &client->arena); /* what was offered is looked up later */
    *asked = asking.fields;
    websocket_handshake_make_key(client->random, key);
    websocket_handshake_accept(str_from(key), client->accept);
    client->switching = SWITCHING_ASKED;
    struct h1_out_head out_head = {.head = &asking,
                                   .is_request = true,
                                   .framing = H1_FRAMING_NONE,
                                   .connection = STR("Upgrade"),
                                   .is_upgrade = true,
                                   .handshake = str_from(key)};
    return h1_out_put_head(&client->out, &out_head);
}

static enum status put_request(struct h1_client *client, const struct http_head *head,
                               bool is_end) {
    struct h1_out_head out_head = frame_request(head, is_end);
    if (is_end && out_head.length > 0) {
        return STATUS_INVALID; /* shorter than declared */
    }
    return h1_out_put_head(&client->out, &out_head);
}

struct http_stream *h1_client_open(struct h1_client *client, const struct http_head *head,
                                   bool is_end, const struct http_stream_events *events,
                                   void *owner) {
    static const struct http_stream_ops ops = {
        .send_head = send_head,
        .send = send_body,
        .end = end_body,
        .consumed = consumed,
        .release = release_stream,
    };
    if (!h1_client_is_reusable(client)) {
        return NULL;
    }
    client->stream = (struct http_stream){.ops = &ops, .arena = &client->arena};
    http_stream_attach(&client->stream, events, owner);
    client->method = arena_str(&client->arena, head->method);
    client->receiving = RECEIVING_HEAD;
    client->informational_count = 0;
    client->informational_bytes = 0;
    client->has_response_bytes = false;
    client->is_open = true;
    bool is_upgrade = head->protocol.len > 0;
    client->is_request_ended = is_end && !is_upgrade;
    enum status status = is_upgrade ? put_upgrade(client, head) : put_request(client, head, is_end);
    if (status != STATUS_OK) {
        fail_later(client, HTTP_CLOSE_MALFORMED);
    }
    engine_notify(&client->engine);
    return &client->stream;
}

struct h1_client *h1_client_new(const struct h1_client_config *config) {
    static const struct engine_ops ops = {
        .feed = feed,
        .feed_end = feed_end,
        .lost = lose,
        .peek = peek,
        .wrote = wrote,
        .wants_read = wants_read,
        .phase = phase,
        .free = free_client,
        .outlasts_end = outlasts_end,
    };
    struct h1_client *client = MEMORY_NEW(struct h1_client);
    client->engine.ops = &ops;
    client->random = config->random != NULL ? config->random : random_system();
    arena_init(&client->arena);
    h1_scan_init(&client->scan, H1_HEAD_RAW_BYTES_MAX);
    h1_body_init(&client->body, H1_FRAMING_NONE, 0);
    h1_out_init(&client->out, config->pool);
    h1_flow_init(&client->flow, config->read_ahead_max, config->pool);
    return client;
}

struct engine *h1_client_engine(struct h1_client *client) {
    return &client->engine;
}

bool h1_client_is_reusable(const struct h1_client *client) {
    return !client->is_open && !client->is_closed && !client->is_spent;
}

bool h1_client_has_response_bytes(const struct h1_client *client) {
    return client->has_response_bytes;
}
