/* h1_client.h: HTTP/1.1, client side (RFC 9112): from the warpgate to its workload, and from both programs to the API.
 *
 * One exchange at a time on a connection; the caller pools connections. After on_closed(DONE), h1_client_is_reusable says
 * whether the next request may use it: never after a response that ended before the request body did, after
 * Connection: close, HTTP/1.0 without keep-alive, a body that ended by closing, or bytes that nobody asked for.
 * A response that is complete before its request ends the exchange (HTTP_CLOSE_DONE): what is still queued is dropped.
 * Responses are checked as strictly as requests: both framings, odd lengths, bad chunks, bare LF, obs-fold, more than 16
 * informational responses or more than HTTP_HEAD_BYTES_MAX of them, 101 that nobody asked for, heads over that limit close the stream with
 * HTTP_CLOSE_MALFORMED. The request's body is framed by Content-Length if the head has one, else chunked.
 * WebSocket: a head with `protocol` is sent as an upgrade with a fresh key (RFC 6455 §4.1). A 101 must answer exactly that
 * (protocol, Sec-WebSocket-Accept, no subprotocol or extension that was not offered), else MALFORMED; from on_head with 101 on
 * bytes are raw in both directions. What the owner sends or ends before is a bug of it and closes the stream with MALFORMED.
 * on_end when the workload closes its side; when the owner has ended its direction and that is written, on_end comes if it had not,
 * then on_closed. Any other final head is an ordinary response to a request that has ended.
 * Either way no other request may use the connection afterwards.
 */
#ifndef HTTP_H1_CLIENT_H
#define HTTP_H1_CLIENT_H

#include "base/block.h"
#include "base/engine.h"
#include "base/random.h"
#include "http/http_stream.h"

struct h1_client;

struct h1_client_config {
    struct block_pool *pool;
    size_t read_ahead_max;       /* 0: 64 KiB */
    const struct random *random; /* for WebSocket keys; NULL: the system's */
};

struct h1_client *h1_client_new(const struct h1_client_config *config);
struct engine *h1_client_engine(struct h1_client *client);
/* Sends a request head (copied; `authority` becomes Host, byte for byte). NULL if an exchange is open or the connection is not
 * usable. `is_end`: no body. */
struct http_stream *h1_client_open(struct h1_client *client, const struct http_head *head,
                                   bool is_end, const struct http_stream_events *events,
                                   void *owner);
bool h1_client_is_reusable(const struct h1_client *client);
/* True once any byte of the response to the present exchange has arrived. */
bool h1_client_has_response_bytes(const struct h1_client *client);

#endif
