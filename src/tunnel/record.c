#include "tunnel/record.h"

#include "base/json.h"
#include "tunnel/message_form.h"

#define LENGTH_BYTES 4
#define PAYLOAD_BYTES_MIN 2 /* "{}" */
/* One whole record and what may have been read along with it. */
#define PENDING_BYTES_MAX ((size_t)RECORD_BYTES_MAX + LENGTH_BYTES + ((size_t)1 << 20))

enum status record_write(const json_t *object, struct buf *out) {
    struct buf payload;
    buf_init(&payload, RECORD_BYTES_MAX);
    enum status status = json_write(object, &payload);
    uint8_t *room = NULL;
    if (status == STATUS_OK) {
        status = buf_reserve(out, LENGTH_BYTES + buf_len(&payload), &room);
    }
    if (status == STATUS_OK) {
        uint32_t len = (uint32_t)buf_len(&payload);
        for (unsigned i = 0; i < LENGTH_BYTES; i++) {
            room[i] = (uint8_t)(len >> (24 - 8 * i));
        }
        memcpy(room + LENGTH_BYTES, buf_bytes(&payload), len);
        buf_commit(out, LENGTH_BYTES + (size_t)len);
    }
    buf_fini(&payload);
    return status;
}

void record_reader_init(struct record_reader *reader) {
    buf_init(&reader->pending, PENDING_BYTES_MAX);
    reader->bytes_max = RECORD_BYTES_MAX;
}

void record_reader_fini(struct record_reader *reader) {
    buf_fini(&reader->pending);
}

/* The payload's length, once its four bytes are here. STATUS_AGAIN, STATUS_TOO_LARGE, STATUS_INVALID. */
static enum status read_length(const struct record_reader *reader, size_t *len, struct why *why) {
    const struct buf *pending = &reader->pending;
    if (buf_len(pending) < LENGTH_BYTES) {
        return STATUS_AGAIN;
    }
    const uint8_t *at = buf_bytes(pending);
    *len = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | (size_t)at[3];
    if (*len > reader->bytes_max) {
        return why_set(why, STATUS_TOO_LARGE, "record_length",
                       "a record of %zu bytes is over the limit", *len);
    }
    if (*len < PAYLOAD_BYTES_MIN) {
        return why_set(why, STATUS_INVALID, "record_length", "a record of %zu bytes cannot be one",
                       *len);
    }
    return STATUS_OK;
}

enum status record_reader_feed(struct record_reader *reader, const uint8_t *bytes, size_t len,
                               struct why *why) {
    if (buf_append(&reader->pending, bytes, len) != STATUS_OK) {
        return why_set(why, STATUS_TOO_LARGE, "record_length",
                       "more bytes at once than any record has");
    }
    size_t payload_len;
    enum status status = read_length(reader, &payload_len, why);
    return status == STATUS_TOO_LARGE ? status : STATUS_OK;
}

enum status record_reader_next(struct record_reader *reader, json_t **object, struct why *why) {
    size_t len;
    enum status status = read_length(reader, &len, why);
    if (status != STATUS_OK) {
        return status == STATUS_TOO_LARGE ? STATUS_INVALID : status;
    }
    if (buf_len(&reader->pending) - LENGTH_BYTES < len) {
        return STATUS_AGAIN;
    }
    json_t *tree = NULL;
    struct str type;
    status = json_parse(str_make(buf_bytes(&reader->pending) + LENGTH_BYTES, len), &tree, why);
    if (status == STATUS_OK) {
        status = message_form_type(tree, &type, why);
    }
    if (status != STATUS_OK) {
        json_decref(tree);
        return status;
    }
    buf_consume(&reader->pending, LENGTH_BYTES + len);
    *object = tree;
    return STATUS_OK;
}
