/* h1_server.h: HTTP/1.0 and 1.1, server side (RFC 9112), over llhttp in strict mode plus our own checks.
 *
 * Stands between a visitor's connection and the edge's request. One exchange at a time; pipelined bytes are kept (at most
 * one read) and parsed when the response before them is written. Refused with 400 (431 for size, 505 for version, 501
 * for an unknown Transfer-Encoding) and the connection closed: both framings at once, any Transfer-Encoding but exactly
 * "chunked", repeated or odd Content-Length, bare CR or LF, NUL, obs-fold, white space before the colon, missing or
 * repeated or malformed Host, chunk extensions over 64 bytes, userinfo or fragments in the target, CONNECT. Absolute-form
 * targets are accepted when their authority equals Host, and become origin form.
 * Limits: HTTP_HEAD_BYTES_MAX, HTTP_FIELDS_MAX, HTTP_TARGET_BYTES_MAX; 100 kept-alive leading CRLFs are not tolerated (1 is).
 * `Expect: 100-continue` is passed on as a field and answered with 100 by the engine when the owner first consumes or
 * asks to go on (http_stream_send_head with status 100); other expectations get 417.
 * An answer that begins before the request's body ended says Connection: close, and the engine is done when it is
 * written. A visitor that closes its sending side behind a complete request still gets its answer, and then the
 * connection is done; inside a request, or while it waits for a WebSocket, it has given up: HTTP_CLOSE_CANCELLED.
 * WebSocket (RFC 6455; h1_upgrade.h says which requests ask for one): on_request with head->protocol set, `is_end` false and no
 * on_end. Until the answer, what the visitor sends is kept here unread (one read; then reading stops). With 101 it is
 * handed out, and from then on bytes are raw in both directions; on_end when the visitor closes its side. When the owner has
 * ended its direction and that is written, on_end comes if it had not, then on_closed, and the connection is done. With any other final
 * answer the request is over (on_end comes); had bytes come behind it, they are dropped and the connection closes after the answer.
 * Engine errors are answered by `on_error` if set (to make a page), else by a bare status line and Connection: close.
 */
#ifndef HTTP_H1_SERVER_H
#define HTTP_H1_SERVER_H

#include "base/block.h"
#include "base/engine.h"
#include "http/http_stream.h"

struct h1_server;

struct h1_server_config {
    struct block_pool *pool;
    struct http_server server;
    struct str scheme; /* "https" or "http": of every request here */
    /* Writes the body of an error answer into `body`/`type` (borrowed until the next call); may be NULL. */
    void (*on_error)(void *context, unsigned status, const struct why *why, struct str *type,
                     struct str *body);
    /* body bytes that may be unconsumed before wants_read turns false; 0: 64 KiB */
    size_t read_ahead_max;
};

struct h1_server *h1_server_new(const struct h1_server_config *config);
struct engine *h1_server_engine(struct h1_server *server);
/* The connection is to end without a request being lost: the next answer whose head is not yet written says Connection: close, and
 * the engine is done behind it. While it is idle the visitor's next request may be on its way, so it waits for that one; how
 * long is the caller's business: `is_final` ends it as soon as no exchange is open, at once when idle. */
void h1_server_drain(struct h1_server *server, bool is_final);

#endif
