#include "http/h1_out.h"

#include <string.h>

#include "base/clock.h"
#include "http/http_check.h"

#define U64_DIGITS 20

void h1_out_init(struct h1_out *out, struct block_pool *pool) {
    *out = (struct h1_out){0};
    block_queue_init(&out->queue, pool);
}

void h1_out_clear(struct h1_out *out) {
    block_queue_clear(&out->queue);
    out->framing_bytes = 0;
}

/* Formatted once a second and thread. */
static struct str http_date(void) {
    static _Thread_local int64_t second = -1;
    static _Thread_local char text[CLOCK_HTTP_DATE_SIZE];
    int64_t now = clock_wall_ms(clock_system());
    if (now / 1000 != second) {
        second = now / 1000;
        clock_format_http_date(now, text);
    }
    return str_from(text);
}

static char *put(char *to, struct str s) {
    memcpy(to, s.at, s.len);
    return to + s.len;
}

static char *put_u64(char *to, uint64_t value) {
    char digits[U64_DIGITS];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(to, str_make(digits + at, sizeof(digits) - at));
}

static char *put_line(char *to, struct str name, struct str value) {
    to = put(to, name);
    to = put(to, STR(": "));
    to = put(to, value);
    return put(to, STR("\r\n"));
}

static size_t lines_size(const struct http_fields *fields) {
    size_t size = 0;
    for (size_t i = 0; i < fields->count; i++) {
        size += fields->at[i].name.len + fields->at[i].value.len + sizeof(": \r\n");
    }
    return size;
}

/* The engine's own business, whatever the owner's head says. */
static bool is_engines(struct str name, bool is_request) {
    return http_check_is_hop_by_hop(name) || http_check_is_handshake(name) ||
           (name.len == 14 && str_eq(name, STR("content-length"))) ||
           (is_request && name.len == 4 && str_eq(name, STR("host")));
}

/* NULL if a field cannot be written. */
static char *put_fields(char *to, const struct h1_out_head *head) {
    const struct http_fields *fields = &head->head->fields;
    bool has_date = head->is_request;
    for (size_t i = 0; i < fields->count; i++) {
        struct str name = fields->at[i].name;
        if (is_engines(name, head->is_request)) {
            continue;
        }
        if (!http_check_lower_token(name) || !http_check_value(fields->at[i].value)) {
            return NULL;
        }
        has_date = has_date || (name.len == 4 && str_eq(name, STR("date")));
        to = put_line(to, name, fields->at[i].value);
    }
    return has_date || head->head->status < 200 ? to : put_line(to, STR("Date"), http_date());
}

static char *put_start(char *to, const struct h1_out_head *head) {
    if (!head->is_request) {
        to = put(to, STR("HTTP/1.1 "));
        to = put_u64(to, head->head->status);
        to = put(to, STR(" "));
        to = put(to, str_from(http_status_reason(head->head->status)));
        return put(to, STR("\r\n"));
    }
    to = put(to, head->head->method);
    to = put(to, STR(" "));
    to = put(to, head->head->path);
    to = put(to, STR(" HTTP/1.1\r\n"));
    return put_line(to, STR("Host"), head->head->authority);
}

static char *put_framing(char *to, const struct h1_out_head *head) {
    if (head->has_length) {
        to = put(to, STR("Content-Length: "));
        to = put_u64(to, head->length);
        to = put(to, STR("\r\n"));
    }
    if (head->framing == H1_FRAMING_CHUNKED) {
        to = put(to, STR("Transfer-Encoding: chunked\r\n"));
    }
    if (head->connection.len > 0) {
        to = put_line(to, STR("Connection"), head->connection);
    }
    if (head->head->takes_trailers && head->is_request) {
        to = put_line(to, STR("TE"), STR("trailers"));
    }
    if (head->is_upgrade) {
        to = put_line(to, STR("Upgrade"), STR("websocket"));
    }
    if (head->handshake.len > 0) {
        to = put_line(to, head->is_request ? STR("Sec-WebSocket-Key") : STR("Sec-WebSocket-Accept"),
                      head->handshake);
    }
    return put(to, STR("\r\n"));
}

static bool is_writable(const struct h1_out_head *head) {
    if (!head->is_request) {
        return head->head->status >= 100 && head->head->status <= 599;
    }
    return http_check_token(head->head->method) && http_check_target(head->head->path) &&
           http_check_authority(head->head->authority);
}

enum status h1_out_put_head(struct h1_out *out, const struct h1_out_head *head) {
    /* 512: start line, framing, connection, upgrade and date, besides what is counted. */
    size_t size = 512 + head->head->method.len + head->head->path.len + head->head->authority.len +
                  head->connection.len + head->handshake.len + lines_size(&head->head->fields);
    size_t room;
    if (size > BLOCK_BYTES) {
        return STATUS_TOO_LARGE;
    }
    if (!is_writable(head)) {
        return STATUS_INVALID;
    }
    char *start = (char *)block_queue_reserve(&out->queue, size, &room);
    char *to = put_fields(put_start(start, head), head);
    if (to == NULL) {
        block_queue_commit(&out->queue, 0);
        return STATUS_INVALID;
    }
    size_t len = (size_t)(put_framing(to, head) - start);
    block_queue_commit(&out->queue, len);
    out->framing_bytes += len;
    out->framing = head->framing;
    out->left = head->length;
    return STATUS_OK;
}

static void put_framing_bytes(struct h1_out *out, struct str s) {
    block_queue_append(&out->queue, s.at, s.len);
    out->framing_bytes += s.len;
}

static void put_chunk_size(struct h1_out *out, size_t len) {
    static const char digits[] = "0123456789abcdef";
    char text[18];
    size_t at = sizeof(text);
    text[--at] = '\n';
    text[--at] = '\r';
    for (; len > 0; len >>= 4) {
        text[--at] = digits[len & 15];
    }
    put_framing_bytes(out, str_make(text + at, sizeof(text) - at));
}

enum status h1_out_put_body(struct h1_out *out, const uint8_t *bytes, size_t len) {
    if (len == 0) {
        return STATUS_OK;
    }
    if (out->framing == H1_FRAMING_LENGTH) {
        if (len > out->left) {
            return STATUS_TOO_LARGE;
        }
        out->left -= len;
    }
    if (out->framing != H1_FRAMING_CHUNKED) {
        block_queue_append(&out->queue, bytes, len);
        return STATUS_OK;
    }
    put_chunk_size(out, len);
    block_queue_append(&out->queue, bytes, len);
    put_framing_bytes(out, STR("\r\n"));
    return STATUS_OK;
}

static void put_trailer(struct h1_out *out, const struct http_field *field) {
    if (!http_check_lower_token(field->name) || !http_check_value(field->value) ||
        !http_check_may_be_trailer(field->name)) {
        return;
    }
    put_framing_bytes(out, field->name);
    put_framing_bytes(out, STR(": "));
    put_framing_bytes(out, field->value);
    put_framing_bytes(out, STR("\r\n"));
}

enum status h1_out_end(struct h1_out *out, const struct http_fields *trailers) {
    if (out->framing == H1_FRAMING_LENGTH && out->left > 0) {
        return STATUS_INVALID;
    }
    if (out->framing != H1_FRAMING_CHUNKED) {
        return STATUS_OK;
    }
    put_framing_bytes(out, STR("0\r\n"));
    for (size_t i = 0; trailers != NULL && i < trailers->count; i++) {
        put_trailer(out, &trailers->at[i]);
    }
    put_framing_bytes(out, STR("\r\n"));
    return STATUS_OK;
}

size_t h1_out_wrote(struct h1_out *out, size_t len) {
    size_t framing = len < out->framing_bytes ? len : out->framing_bytes;
    block_queue_consume(&out->queue, len);
    out->framing_bytes -= framing;
    return len - framing;
}
