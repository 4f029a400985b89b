/* http_message.h: what a request or response head is, whichever version carried it (RFC 9110).
 *
 * Parsers fill it strictly; nothing in it is believed beyond its grammar. All text is borrowed from the arena of the
 * stream that carried it and lives until that stream is released. Field names are lower case. Connection-level fields
 * (Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding, Upgrade, TE, HTTP2-Settings) and fields that Connection
 * nominates never appear in a head: engines take them off and write their own. Trailers are fields, too.
 *
 * WebSocket has one form here, whichever version carries it: a request with method GET and `protocol` "websocket", without a body.
 * A final answer with status 101 says yes: from then on both directions are the WebSocket's bytes, until each side ends
 * its own (http_stream.h). Any other final status is an ordinary answer. Sec-WebSocket-Key and -Accept belong to the engines
 * and never appear.
 */
#ifndef HTTP_HTTP_MESSAGE_H
#define HTTP_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* names + values + 32 per field (the measure of RFC 9113 §6.5.2) */
#define HTTP_HEAD_BYTES_MAX 32768
#define HTTP_FIELDS_MAX 100 /* counted before cookie crumbs are joined */
#define HTTP_TARGET_BYTES_MAX 16384
#define HTTP_AUTHORITY_BYTES_MAX 255
#define HTTP_METHOD_BYTES_MAX 32

enum http_version {
    HTTP_VERSION_10,
    HTTP_VERSION_11,
    HTTP_VERSION_2,
};

struct http_field {
    struct str name;  /* lower case token */
    struct str value; /* no leading or trailing white space, no CR, LF, NUL */
    /* no other message has this value: HPACK need not remember it, and forget others for it */
    bool is_unique;
};

struct http_fields {
    struct http_field *at; /* in the arena */
    size_t count;
    size_t cap;
};

struct http_head {
    enum http_version version; /* that it arrived with */
    struct str method;         /* requests; case as sent */
    struct str scheme;         /* requests: "http" or "https" */
    struct str
        authority;   /* requests: Host or :authority, byte for byte; never empty for 1.1 and 2 */
    struct str path; /* requests: origin form or "*", byte for byte, with the query */
    /* requests: "websocket" when the exchange asks to become one (RFC 6455, RFC 8441), else empty. See above. */
    struct str protocol;
    bool
        takes_trailers; /* requests: TE: trailers. Written again by the client engines: gRPC servers insist on it. */
    unsigned status;           /* responses: 100..599; 0 in requests */
    struct http_fields fields; /* without Host; Content-Length is kept */
    bool has_content_length;
    uint64_t content_length; /* when has_content_length */
};

void http_fields_add(struct http_fields *fields, struct arena *arena, struct str name,
                     struct str value);
/* The first with this lower-case name, or NULL. */
const struct http_field *http_fields_get(const struct http_fields *fields, struct str name);
/* Removes all with this lower-case name; order is kept. */
void http_fields_remove(struct http_fields *fields, struct str name);
/* A list of its own in `arena`, with room for `room` more; names and values are still those of `from`. */
void http_fields_copy(struct http_fields *to, const struct http_fields *from, struct arena *arena,
                      size_t room);
/* A deep copy into `arena`. */
void http_head_copy(struct http_head *to, const struct http_head *from, struct arena *arena);

/* GET, HEAD, OPTIONS, TRACE, PUT, DELETE (RFC 9110 §9.2.2). */
bool http_method_is_idempotent(struct str method);
/* The reason phrase, "" if unknown. */
const char *http_status_reason(unsigned status);
/* True for responses that never have a body: 1xx, 204, 304, and everything in answer to HEAD. */
bool http_response_has_no_body(struct str request_method, unsigned status);

#endif
