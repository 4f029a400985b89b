/* edge_relay.h: body bytes across: visitor to warpgate and back, with back-pressure (see http_stream.h).
 *
 * The events of both streams of a request: what arrives goes out on the other side at once, or is held in the request until there
 * is another side. Heads and ends that change its course are stored in it, and its steps resumed (edge_request.c). It owns nothing.
 * The worker's thread; a request may be gone when one of these returns, where that is said.
 * Limits: one window of a stream is held in each direction; what visitors leave unread is counted for each connection and worker, and
 * answers that nobody reads are cut after the times below.
 */
#ifndef EDGE_EDGE_RELAY_H
#define EDGE_EDGE_RELAY_H

#include "edge/edge_request.h"

/* a visitor that reads nothing of its answer for so long does not get the rest of it */
#define EDGE_STALL_MS 30000
/* Answers that visitors do not read are held here. When they are more than this, those that have read nothing for
 * EDGE_STALL_PRESSED_MS are cut, the longest silent ones first. */
#define EDGE_UNREAD_BYTES_MAX ((size_t)128 << 20)
#define EDGE_STALL_PRESSED_MS 3000
/* So much unread on one connection, in all of its streams, is held for less time. */
#define EDGE_VISITOR_UNREAD_BYTES_MAX ((size_t)4 << 20)
#define EDGE_STALL_HEAVY_MS 5000
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
