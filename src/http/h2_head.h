/* h2_head.h: header lists of HTTP/2 (RFC 9113 §8.2, §8.3) to and from http_message.h.
 *
 * Reading: a list arrives field by field while HPACK decodes; h2_head_begin, h2_head_add for each, h2_head_finish when
 * the block is complete. A connection receives one block at a time, so a session has one reader. Over the limits of
 * http_message.h (fields counted before cookie crumbs are joined) the rest is dropped unread.
 * Refused as malformed: pseudo-fields that are unknown, repeated, missing, misplaced or empty; plain CONNECT; connection-level
 * fields; TE other than `trailers`; a Host that disagrees with :authority; fields in trailers that may not be there;
 * everything http_check.h refuses. Extended CONNECT (RFC 8441) becomes and comes from the form that http_message.h describes.
 * Writing: h2_head_pack and h2_head_pack_trailers make the library's array; its text is a copy in the given arena.
 */
#ifndef HTTP_H2_HEAD_H
#define HTTP_H2_HEAD_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "http/http_message.h"

enum h2_head_kind {
    H2_HEAD_REQUEST,
    H2_HEAD_RESPONSE,
    H2_HEAD_TRAILERS,
};

enum h2_head_verdict {
    H2_HEAD_OK,
    H2_HEAD_MALFORMED,
    H2_HEAD_TOO_LARGE,       /* HTTP_HEAD_BYTES_MAX or HTTP_FIELDS_MAX */
    H2_HEAD_TARGET_TOO_LONG, /* HTTP_TARGET_BYTES_MAX */
    H2_HEAD_UNSUPPORTED,     /* a :protocol other than websocket */
};

struct h2_head_reader {
    enum h2_head_kind kind;
    enum h2_head_verdict verdict; /* so far */
    struct arena *arena;
    struct http_head *head; /* trailers use its fields alone */
    unsigned seen;          /* pseudo-fields, as bits */
    size_t bytes;           /* names + values + 32 each */
    size_t count;
    size_t cookie_count;
    size_t cookie_bytes;
};

void h2_head_begin(struct h2_head_reader *reader, enum h2_head_kind kind, struct arena *arena);
/* Copies the value, and the name unless `is_static` says that it lives forever. */
void h2_head_add(struct h2_head_reader *reader, struct str name, bool is_static, struct str value);
/* Checks the whole; if H2_HEAD_OK, `reader->head` (in the arena) is complete. */
enum h2_head_verdict h2_head_finish(struct h2_head_reader *reader);

struct h2_head_nv {
    nghttp2_nv *at; /* in the arena, as is all its text */
    size_t count;
};

/* A request (status 0) with its pseudo-fields, or a response. */
struct h2_head_nv h2_head_pack(const struct http_head *head, struct arena *arena);
/* Leaves out what may not be in trailers; the count may be 0. */
struct h2_head_nv h2_head_pack_trailers(const struct http_fields *fields, struct arena *arena);

#endif
