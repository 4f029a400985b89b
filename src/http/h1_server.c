#include "http/h1_server.h"

#include "http/h1_server_answer.h"
#include "http/h1_server_core.h"
#include "http/h1_server_input.h"

static struct h1_server *from_engine(const struct engine *engine) {
    return (struct h1_server *)(uintptr_t)engine; /* the engine is its first member */
}

/* --- what is due: events that could not be delivered from inside an owner's call, and the end of the exchange --- */

static void report_sent(struct h1_server *server, size_t len) {
    if (len > 0 && h1_server_core_is_heard(server, server->serial)) {
        server->stream.unsent -= len;
        server->stream.events->on_sent(server->stream.owner, len);
    }
}

/* What the switch of protocols, or its refusal, makes due. */
static void settle_switch(struct h1_server *server) {
    if (server->switching == H1_SWITCHING_REFUSED) {
        server->switching = H1_SWITCHING_NOT;
        h1_server_input_tell_end(server);
        return;
    }
    bool is_over = server->answering == H1_ANSWERING_COMPLETE && server->out.queue.len == 0;
    if (is_over && server->receiving == H1_RECEIVING_RAW) {
        h1_server_input_tell_end(server); /* the connection closes with our direction */
    }
}

static void settle_exchange(struct h1_server *server) {
    unsigned serial = server->serial;
    size_t discarded = server->discarded;
    server->discarded = 0;
    report_sent(server, discarded);
    if (server->switching != H1_SWITCHING_NOT && h1_server_core_is_heard(server, serial)) {
        settle_switch(server);
    }
    if (!server->is_open || server->serial != serial) {
        return;
    }
    if (server->has_failed) {
        h1_server_core_close(server);
        h1_server_core_end(server, server->failure);
        return;
    }
    if (server->answering != H1_ANSWERING_COMPLETE || server->out.queue.len > 0 ||
        server->discarded > 0) {
        return;
    }
    if (!server->is_keep_alive || server->is_final || server->receiving != H1_RECEIVING_NOTHING) {
        h1_server_core_close(server);
    }
    h1_server_core_end(server, HTTP_CLOSE_DONE);
}

/* The peer's side is closed: is there something that can still be completed without it? */
static bool may_be_finished(const struct h1_server *server) {
    if (!server->is_open) {
        return buf_len(&server->leftover) > 0;
    }
    return server->switching != H1_SWITCHING_ASKED &&
           (server->answering == H1_ANSWERING_COMPLETE || server->receiving != H1_RECEIVING_BODY);
}

static void settle_end(struct h1_server *server) {
    if (!may_be_finished(server)) {
        h1_server_core_close(server);
        if (server->is_open) {
            h1_server_core_end(server, HTTP_CLOSE_CANCELLED);
        }
        return;
    }
    if (server->receiving == H1_RECEIVING_RAW && buf_len(&server->leftover) == 0) {
        h1_server_input_tell_end(server);
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
            buf_init(&server->leftover, H1_LEFTOVER_BYTES_MAX);
            return;
        }
        bool may_take = !server->is_open || server->receiving == H1_RECEIVING_RAW;
        if (!may_take || buf_len(&server->leftover) == 0) {
            return;
        }
        size_t used =
            h1_server_input_take(server, buf_bytes(&server->leftover), buf_len(&server->leftover));
        buf_consume(&server->leftover, used);
        if (buf_len(&server->leftover) == 0) {
            buf_fini(&server->leftover);
            buf_init(&server->leftover, H1_LEFTOVER_BYTES_MAX);
        }
    }
}

/* --- the connection's calls --- */

static void feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct h1_server *server = from_engine(engine);
    if (server->is_closed) {
        return;
    }
    size_t used = buf_len(&server->leftover) > 0 ? 0 : h1_server_input_take(server, bytes, len);
    h1_server_input_keep(server, bytes + used, len - used);
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
    h1_server_core_close(server);
    h1_out_clear(&server->out);
    if (server->is_open) {
        h1_server_core_end(server, HTTP_CLOSE_LOST);
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
    const struct h1_server *server = from_engine(engine);
    return !server->is_closed && !server->flow.is_paused && buf_len(&server->leftover) == 0;
}

static enum engine_phase phase(const struct engine *engine) {
    const struct h1_server *server = from_engine(engine);
    if (server->is_closed) {
        return ENGINE_DONE;
    }
    if (server->is_open) {
        return server->is_draining ? ENGINE_DRAINING : ENGINE_BUSY;
    }
    return h1_scan_has_begun(&server->scan) ? ENGINE_HEAD : ENGINE_IDLE;
}

static bool outlasts_end(const struct engine *engine) {
    const struct h1_server *server = from_engine(engine);
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
    struct h1_server *server = MEMORY_NEW(struct h1_server);
    server->engine.ops = &engine_ops;
    server->stream.ops = &h1_server_answer_ops;
    server->config = *config;
    arena_init(&server->arena);
    h1_scan_init(&server->scan, H1_HEAD_RAW_BYTES_MAX);
    h1_body_init(&server->body, H1_FRAMING_NONE, 0);
    h1_out_init(&server->out, config->pool);
    h1_flow_init(&server->flow, config->read_ahead_max, config->pool);
    buf_init(&server->leftover, H1_LEFTOVER_BYTES_MAX);
    return server;
}

struct engine *h1_server_engine(struct h1_server *server) {
    return &server->engine;
}

void h1_server_drain(struct h1_server *server, bool is_final) {
    server->is_draining = true;
    server->is_final = server->is_final || is_final;
    if (server->is_final && !server->is_open && !h1_scan_has_begun(&server->scan)) {
        h1_server_core_close(server);
    }
    engine_notify(&server->engine);
}
