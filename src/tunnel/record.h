/* record.h: how messages are laid into a stream of bytes: on the tunnel's control stream and on the edge's feed.
 *
 *   record = length payload
 *   length = 4 bytes, unsigned, big-endian: bytes of the payload, 2 to RECORD_BYTES_MAX
 *   payload = one JSON object (base/json.h rules) with a member "type"
 *
 * A peer that sends anything else has broken the protocol: the stream is ended.
 */
#ifndef TUNNEL_RECORD_H
#define TUNNEL_RECORD_H

#include <jansson.h>

#include "base/buf.h"
#include "base/status.h"

#define RECORD_BYTES_MAX (8u << 20)
/* Of a warpgate: a tenant's own program, perhaps. Megabytes of JSON from it would hold up everybody whom its edge's thread serves. */
#define RECORD_WARPGATE_BYTES_MAX (16u << 10)

/* A record, made from a JSON object (which is not consumed), appended to `out`. STATUS_TOO_LARGE. */
enum status record_write(const json_t *object, struct buf *out) MUST_USE;

struct record_reader {
    struct buf pending;
    size_t bytes_max; /* of a payload; RECORD_BYTES_MAX where the owner does not say less */
};

void record_reader_init(struct record_reader *reader);
void record_reader_fini(struct record_reader *reader);
/* Adds bytes as they arrive. STATUS_TOO_LARGE: a length over the limit. */
enum status record_reader_feed(struct record_reader *reader, const uint8_t *bytes, size_t len,
                               struct why *why) MUST_USE;
/* The next complete record: *object is new, json_decref it. STATUS_AGAIN: none yet. STATUS_INVALID with why. */
enum status record_reader_next(struct record_reader *reader, json_t **object,
                               struct why *why) MUST_USE;

#endif
