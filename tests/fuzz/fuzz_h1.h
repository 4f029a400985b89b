/* fuzz_h1.h: for the HTTP/1 targets: an owner that hashes every event, and a feeder that splits the input. A split must
 * not change what an owner sees. */
#include <stdlib.h>
#include <string.h>

#include "base/engine.h"
#include "http/http_stream.h"

struct drive {
    uint64_t hash;
    struct http_stream *stream;
    bool answers;     /* servers: with an echo of the body */
    bool is_switched; /* to a WebSocket */
};

static void drive_hash(struct drive *drive, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) {
        drive->hash = (drive->hash ^ at[i]) * 0x100000001b3u;
    }
}

static void drive_hash_fields(struct drive *drive, const struct http_fields *fields) {
    for (size_t i = 0; fields != NULL && i < fields->count; i++) {
        drive_hash(drive, fields->at[i].name.at, fields->at[i].name.len);
        drive_hash(drive, ":", 1);
        drive_hash(drive, fields->at[i].value.at, fields->at[i].value.len);
    }
}

static void drive_hash_head(struct drive *drive, const struct http_head *head) {
    drive_hash(drive, &head->status, sizeof(head->status));
    drive_hash(drive, head->method.at, head->method.len);
    drive_hash(drive, head->authority.at, head->authority.len);
    drive_hash(drive, head->path.at, head->path.len);
    drive_hash(drive, head->protocol.at, head->protocol.len);
    drive_hash_fields(drive, &head->fields);
}

static void drive_on_head(void *owner, const struct http_head *head, bool is_end) {
    ((struct drive *)owner)->is_switched = head->status == 101;
    drive_hash_head(owner, head);
    drive_hash(owner, is_end ? "|" : "+", 1);
}

static void drive_on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct drive *drive = owner;
    drive_hash(drive, bytes, len);
    http_stream_consumed(drive->stream, len);
}

static void drive_on_end(void *owner, const struct http_fields *trailers) {
    struct drive *drive = owner;
    struct http_head head = {.status = 200};
    drive_hash(drive, "end", 3);
    drive_hash_fields(drive, trailers);
    if (drive->is_switched) {
        http_stream_end(drive->stream, trailers);
    } else if (drive->answers) {
        http_stream_send_head(drive->stream, &head, false);
        http_stream_send(drive->stream, (const uint8_t *)"hello", 5);
        http_stream_end(drive->stream, trailers);
    }
}

static void drive_on_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void drive_on_closed(void *owner, enum http_close reason) {
    struct drive *drive = owner;
    drive_hash(drive, &reason, sizeof(reason));
    drive->stream = NULL;
}

static const struct http_stream_events drive_events = {drive_on_head, drive_on_data, drive_on_end,
                                                       drive_on_sent, drive_on_closed};

static void drive_drain(struct engine *engine) {
    const uint8_t *bytes;
    for (size_t len; (len = engine->ops->peek(engine, &bytes)) > 0;) {
        engine->ops->wrote(engine, len > 3 ? len / 2 : len);
    }
}

/* In parts of 1 to `step` bytes, each an exact copy. */
static void drive_feed(struct engine *engine, const uint8_t *bytes, size_t len, size_t step) {
    for (size_t at = 0; at < len;) {
        size_t part = 1 + at * 7 % step;
        part = part < len - at ? part : len - at;
        uint8_t *copy = malloc(part);
        if (copy == NULL) {
            abort();
        }
        memcpy(copy, bytes + at, part);
        engine->ops->feed(engine, copy, part);
        free(copy);
        drive_drain(engine);
        (void)engine->ops->wants_read(engine);
        (void)engine->ops->phase(engine);
        at += part;
    }
    engine->ops->feed_end(engine);
    drive_drain(engine);
    engine->ops->lost(engine);
    engine->ops->free(engine);
}
