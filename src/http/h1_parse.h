/* h1_parse.h: a complete head or trailer section, as h1_scan found it, becomes fields and framing (RFC 9112 §3-§6).
 *
 * The start line is read here, because llhttp knows a fixed list of methods and is generous with spaces; field lines go
 * through h1_lines.h, and what it found is held against http_check. Then comes what
 * belongs to the connection: Host, framing, keep-alive, Expect; those fields, and those that Connection nominates, are
 * taken off. So are an Upgrade and its WebSocket key (h1_upgrade.h). A nomination never takes off framing, routing or the platform's own fields (RFC 9110 §7.6.1).
 * `text` is in the arena and is written to: names become lower case where they lie, and the head points into it.
 */
#ifndef HTTP_H1_PARSE_H
#define HTTP_H1_PARSE_H

#include "base/arena.h"
#include "http/h1_body.h"
#include "http/http_message.h"

/* The start line at its longest, besides fields at their most. */
#define H1_HEAD_RAW_BYTES_MAX                                                                      \
    (HTTP_HEAD_BYTES_MAX + HTTP_TARGET_BYTES_MAX + HTTP_METHOD_BYTES_MAX + 64)

struct h1_parse {
    struct arena *arena;
    struct str text;   /* the section, its empty line included */
    size_t line_count; /* of the section */
    struct str scheme; /* requests: of the connection */
    struct str method; /* responses: of the request that they answer */
    struct str
        accept; /* responses: what a 101 must bring (websocket_handshake.h); empty: none was asked for */

    struct http_head *head; /* where the result goes; for trailers only its fields */
    enum h1_framing framing;
    bool is_keep_alive;
    bool expects_continue;
    struct str key;  /* requests for a WebSocket (head->protocol): its Sec-WebSocket-Key */
    unsigned answer; /* after a failure: the status that a server refuses it with */
    struct why why;
};

/* STATUS_INVALID, STATUS_TOO_LARGE, STATUS_UNSUPPORTED with `answer` and `why`. */
enum status h1_parse_request(struct h1_parse *parse) MUST_USE;
enum status h1_parse_response(struct h1_parse *parse) MUST_USE;
enum status h1_parse_trailers(struct h1_parse *parse) MUST_USE;

#endif
