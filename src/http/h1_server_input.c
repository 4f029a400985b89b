#include "http/h1_server_input.h"

#include "http/h1_server_answer.h"

static void fail_body(struct h1_server *server, unsigned status, const struct why *why) {
    if (server->answering == H1_ANSWERING_NOTHING) {
        h1_server_core_reject(server, status, why);
    }
    h1_server_core_close(server);
    h1_server_core_end(server, HTTP_CLOSE_MALFORMED);
}

static void deliver_request(struct h1_server *server, bool is_end) {
    unsigned serial = server->serial;
    const struct http_server *to = &server->config.server;
    server->stream.events = NULL;
    to->on_request(to->context, &server->stream, &server->head, is_end);
    if (h1_server_core_is_heard(server, serial) && server->stream.events == NULL) {
        h1_server_answer_release(&server->stream);
    }
    if (is_end && h1_server_core_is_heard(server, serial)) {
        server->stream.events->on_end(server->stream.owner, NULL);
    }
}

static void begin_exchange(struct h1_server *server, const struct h1_parse *parse) {
    h1_body_init(&server->body, parse->framing, server->head.content_length);
    bool is_end = server->body.state == H1_BODY_COMPLETE;
    bool is_upgrade = server->head.protocol.len > 0;
    server->receiving = is_end ? H1_RECEIVING_NOTHING : H1_RECEIVING_BODY;
    server->switching = is_upgrade ? H1_SWITCHING_ASKED : H1_SWITCHING_NOT;
    server->key = parse->key;
    server->answering = H1_ANSWERING_NOTHING;
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
        h1_server_core_reject(server, parse.answer, &parse.why);
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
        h1_server_core_reject(server, status == STATUS_TOO_LARGE ? 431 : 400, &why);
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
    server->receiving = H1_RECEIVING_NOTHING;
    server->expects_continue = false;
    if (h1_server_core_is_heard(server, server->serial)) {
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

size_t h1_server_input_take(struct h1_server *server, const uint8_t *bytes, size_t len) {
    size_t total = 0;
    while (total < len && !server->is_closed && server->receiving != H1_RECEIVING_NOTHING) {
        if (server->receiving == H1_RECEIVING_RAW) {
            take_data(server, str_make(bytes + total, len - total));
            return len;
        }
        bool is_head = server->receiving == H1_RECEIVING_HEAD;
        total += is_head ? take_head(server, bytes + total, len - total)
                         : take_body(server, bytes + total, len - total);
    }
    return server->is_closed ? len : total;
}

void h1_server_input_keep(struct h1_server *server, const uint8_t *bytes, size_t len) {
    bool is_wanted = server->switching == H1_SWITCHING_ASKED ||
                     server->receiving == H1_RECEIVING_RAW ||
                     (!server->is_final && server->is_keep_alive);
    if (len == 0 || server->is_closed || !is_wanted) {
        return; /* no further request is read here */
    }
    if (buf_append(&server->leftover, bytes, len) != STATUS_OK) {
        h1_server_core_fail_later(server, HTTP_CLOSE_MALFORMED);
    }
}

void h1_server_input_tell_end(struct h1_server *server) {
    server->receiving = H1_RECEIVING_NOTHING;
    if (h1_server_core_is_heard(server, server->serial)) {
        server->stream.events->on_end(server->stream.owner, NULL);
    }
}
