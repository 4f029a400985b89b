#include "http/h1_body.h"

#include "http/http_message.h"

#define DIGITS_MAX 15 /* so that no sum of a size overflows */
#define EXTENSION_BYTES_MAX 64
#define EXTENSION_TOTAL_BYTES_MAX 4096

void h1_body_init(struct h1_body *body, enum h1_framing framing, uint64_t length) {
    *body = (struct h1_body){.framing = framing, .left = length};
    h1_scan_init(&body->trailers, HTTP_HEAD_BYTES_MAX);
    switch (framing) {
    case H1_FRAMING_NONE:
        body->state = H1_BODY_COMPLETE;
        break;
    case H1_FRAMING_LENGTH:
        body->state = length == 0 ? H1_BODY_COMPLETE : H1_BODY_DATA;
        break;
    case H1_FRAMING_CHUNKED:
        body->state = H1_BODY_SIZE;
        body->left = 0;
        break;
    case H1_FRAMING_CLOSE:
        body->state = H1_BODY_DATA;
        body->left = UINT64_MAX;
        break;
    }
}

void h1_body_fini(struct h1_body *body) {
    h1_scan_reset(&body->trailers);
}

static int hex_value(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum status refuse(struct why *why, const char *text) {
    return why_set(why, STATUS_INVALID, "chunk", "%s", text);
}

static enum status take_size(struct h1_body *body, uint8_t c, struct why *why) {
    int value = hex_value(c);
    if (value >= 0) {
        if (++body->digit_count > DIGITS_MAX) {
            return refuse(why, "a chunk's size has too many digits");
        }
        body->left = body->left << 4 | (unsigned)value;
        return STATUS_OK;
    }
    if (body->digit_count == 0 || (c != ';' && c != '\r')) {
        return refuse(why, "a chunk's size is malformed");
    }
    body->state = c == ';' ? H1_BODY_EXTENSION : H1_BODY_SIZE_LF;
    return STATUS_OK;
}

static enum status take_extension(struct h1_body *body, uint8_t c, struct why *why) {
    if (c == '\r') {
        body->state = H1_BODY_SIZE_LF;
        return STATUS_OK;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return refuse(why, "a chunk extension has a control character");
    }
    if (++body->extension_bytes > EXTENSION_BYTES_MAX ||
        ++body->extension_total_bytes > EXTENSION_TOTAL_BYTES_MAX) {
        return refuse(why, "chunk extensions are too long");
    }
    return STATUS_OK;
}

static void begin_size(struct h1_body *body) {
    body->state = H1_BODY_SIZE;
    body->left = 0;
    body->digit_count = 0;
    body->extension_bytes = 0;
}

/* One byte of what stands around the chunks. */
static enum status take_byte(struct h1_body *body, uint8_t c, struct why *why) {
    switch (body->state) {
    case H1_BODY_SIZE:
        return take_size(body, c, why);
    case H1_BODY_EXTENSION:
        return take_extension(body, c, why);
    case H1_BODY_SIZE_LF:
        body->state = body->left == 0 ? H1_BODY_TRAILERS : H1_BODY_DATA;
        return c == '\n' ? STATUS_OK : refuse(why, "a chunk's size does not end in CRLF");
    case H1_BODY_DATA_CR:
        body->state = H1_BODY_DATA_LF;
        return c == '\r' ? STATUS_OK : refuse(why, "a chunk is longer than its size");
    default:
        begin_size(body);
        return c == '\n' ? STATUS_OK : refuse(why, "a chunk does not end in CRLF");
    }
}

static void take_data(struct h1_body *body, const uint8_t *bytes, size_t len, size_t *used,
                      struct str *data) {
    size_t part = len < body->left ? len : (size_t)body->left;
    *data = str_make(bytes, part);
    *used += part;
    if (body->framing == H1_FRAMING_CLOSE) {
        return;
    }
    body->left -= part;
    if (body->left == 0) {
        body->state = body->framing == H1_FRAMING_CHUNKED ? H1_BODY_DATA_CR : H1_BODY_COMPLETE;
    }
}

static enum status take_trailers(struct h1_body *body, const uint8_t *bytes, size_t len,
                                 size_t *used, struct str *data, struct why *why) {
    size_t part = 0;
    enum status status = h1_scan_feed(&body->trailers, bytes, len, &part, data, why);
    *used += part;
    if (status != STATUS_OK) {
        return status;
    }
    body->state = H1_BODY_COMPLETE;
    return STATUS_END;
}

enum status h1_body_read(struct h1_body *body, const uint8_t *bytes, size_t len, size_t *used,
                         struct str *data, struct why *why) {
    *used = 0;
    *data = STR_EMPTY;
    if (body->state == H1_BODY_COMPLETE) {
        return STATUS_END;
    }
    while (*used < len) {
        if (body->state == H1_BODY_DATA) {
            take_data(body, bytes + *used, len - *used, used, data);
            return STATUS_OK;
        }
        if (body->state == H1_BODY_TRAILERS) {
            return take_trailers(body, bytes + *used, len - *used, used, data, why);
        }
        enum status status = take_byte(body, bytes[*used], why);
        if (status != STATUS_OK) {
            return status;
        }
        (*used)++;
    }
    return STATUS_AGAIN;
}
