/* edge_relay.h: body bytes across: visitor to warpgate and back, with back-pressure (see http_stream.h). */
#ifndef EDGE_EDGE_RELAY_H
#define EDGE_EDGE_RELAY_H

#include "edge/edge_request.h"

/* A body that is not longer than this, and says so, can be sent again where a warpgate provably did not process the request. */
#define EDGE_REPLAY_BYTES_MAX 16384

/* Events of the visitor's stream and of the tunnel's; owner: struct edge_request. */
extern const struct http_stream_events edge_relay_visitor_events;
extern const struct http_stream_events edge_relay_tunnel_events;

/* Gives the tunnel stream what was held for it, after what has been sent before and is to be sent again. Not before the 101 of a
 * WebSocket. */
void edge_relay_flush_held(struct edge_request *request);

/* Answer bytes to the visitor, counted until it reads them. */
void edge_relay_send(struct edge_request *request, const uint8_t *bytes, size_t len);
/* The request is over: what was not read of it does not count any more. */
void edge_relay_forget_unread(struct edge_request *request);
/* The answer has begun and breaks off: the visitor must see that, not a shorter body. The request is no more when it returns. */
void edge_relay_cut(struct edge_request *request);
/* Cuts the largest answers that wait for their readers, until `bytes` less wait. */
void edge_relay_cut_largest(struct edge_worker *worker, size_t bytes);
/* Called several times a second: cuts answers that are not read. */
void edge_relay_sweep(struct edge_worker *worker);

#endif
