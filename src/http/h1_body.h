/* h1_body.h: reads a message body off the wire (RFC 9112 §6, §7): by length, by chunks, or to the end of the connection.
 *
 * Data is handed on where it lies; only an unfinished trailer section is copied. Chunks are taken strictly: 1 to 15
 * hexadecimal digits, CRLF and nothing else at every line's end, extensions skipped up to 64 bytes each and 4 KiB a body.
 */
#ifndef HTTP_H1_BODY_H
#define HTTP_H1_BODY_H

#include "http/h1_scan.h"

enum h1_framing {
    H1_FRAMING_NONE,    /* no body */
    H1_FRAMING_LENGTH,  /* Content-Length */
    H1_FRAMING_CHUNKED, /* Transfer-Encoding: chunked */
    H1_FRAMING_CLOSE,   /* ends with the connection */
};

enum h1_body_state {
    H1_BODY_DATA, /* `left` bytes of the body or of the chunk are to come */
    H1_BODY_SIZE, /* in the digits of a chunk's size */
    H1_BODY_EXTENSION,
    H1_BODY_SIZE_LF, /* after the CR of a chunk's size line */
    H1_BODY_DATA_CR, /* after a chunk's last byte */
    H1_BODY_DATA_LF,
    H1_BODY_TRAILERS,
    H1_BODY_COMPLETE,
};

struct h1_body {
    enum h1_framing framing;
    enum h1_body_state state;
    unsigned digit_count;
    unsigned extension_bytes;       /* of this chunk */
    unsigned extension_total_bytes; /* of the body */
    uint64_t left;
    struct h1_scan trailers;
};

void h1_body_init(struct h1_body *body, enum h1_framing framing, uint64_t length);
void h1_body_fini(struct h1_body *body);

/* STATUS_OK: `data` is the next part of the body; call again with the rest. STATUS_AGAIN: all were taken, without data.
 * STATUS_END: the body is complete and `data` is its trailer section, empty line included (empty if it was not chunked),
 * until fini. STATUS_INVALID, STATUS_TOO_LARGE with why. An H1_FRAMING_CLOSE body never ends here. */
enum status h1_body_read(struct h1_body *body, const uint8_t *bytes, size_t len, size_t *used,
                         struct str *data, struct why *why) MUST_USE;

#endif
