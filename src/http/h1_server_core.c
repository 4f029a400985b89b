#include "http/h1_server_core.h"

void h1_server_core_close(struct h1_server *server) {
    server->is_closed = true;
    h1_scan_reset(&server->scan);
}

/* The arena outlives it, so that the owner may still read the head. */
void h1_server_core_end(struct h1_server *server, enum http_close reason) {
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
    server->switching = H1_SWITCHING_NOT;
    server->receiving = H1_RECEIVING_HEAD;
    server->has_skipped_line = false;
    server->serial++;
    if (has_owner) {
        server->stream.events->on_closed(server->stream.owner, reason);
    }
    arena_fini(&arena);
}

void h1_server_core_reject(struct h1_server *server, unsigned status, const struct why *why) {
    struct str type = STR_EMPTY;
    struct str body = STR_EMPTY;
    struct http_field fields[2];
    struct http_head head = {.status = status, .fields = {fields, 0, 2}};
    bool is_upgrade = status == 426; /* RFC 9110 §15.5.22, RFC 6455 §4.4 */
    h1_server_core_close(server);
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

void h1_server_core_fail_later(struct h1_server *server, enum http_close reason) {
    server->has_failed = true;
    server->failure = reason;
    server->is_keep_alive = false;
    engine_notify(&server->engine);
}
