/* h1_out.h: what one HTTP/1 connection has to write: heads, framed body bytes and trailers, in one queue of blocks.
 *
 * A head goes straight into the queue, a body byte is copied once. Names and values are checked once more on their way
 * out, because a line break in one of them would be a second message (RFC 9112 §11.1); connection-level fields of the
 * owner's are left out. Body bytes are told from framing by one counter: bytes written are framing first, so a body byte is
 * never reported before it was written, and all are when the queue is empty.
 */
#ifndef HTTP_H1_OUT_H
#define HTTP_H1_OUT_H

#include "base/block.h"
#include "http/h1_body.h"
#include "http/http_message.h"

struct h1_out {
    struct block_queue queue;
    size_t framing_bytes; /* of the queue, not yet reported as written */
    enum h1_framing framing;
    uint64_t left; /* H1_FRAMING_LENGTH: body bytes still to come */
};

struct h1_out_head {
    const struct http_head *head;
    bool is_request;
    enum h1_framing framing; /* of the body that follows */
    bool has_length;         /* write Content-Length: `length` */
    uint64_t length;
    struct str connection; /* the value of Connection; empty: none */
    bool is_upgrade;       /* write Upgrade: websocket */
    /* Sec-WebSocket-Key in a request, Sec-WebSocket-Accept in a response; empty: none */
    struct str handshake;
};

void h1_out_init(struct h1_out *out, struct block_pool *pool);
/* STATUS_INVALID, and nothing queued, if something in it cannot be written; STATUS_TOO_LARGE over 64 KiB. Responses get
 * a Date if they have none. */
enum status h1_out_put_head(struct h1_out *out, const struct h1_out_head *head) MUST_USE;
/* STATUS_TOO_LARGE, and nothing queued, if that is more than the declared length. */
enum status h1_out_put_body(struct h1_out *out, const uint8_t *bytes, size_t len) MUST_USE;
/* Trailers are written where there are chunks, else dropped; so are those that may not be trailers. STATUS_INVALID if the
 * body is shorter than declared. */
enum status h1_out_end(struct h1_out *out, const struct http_fields *trailers) MUST_USE;
/* Returns how many body bytes may be reported as sent. */
size_t h1_out_wrote(struct h1_out *out, size_t len);
void h1_out_clear(struct h1_out *out);

#endif
