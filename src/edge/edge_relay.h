/* edge_relay.h: body bytes across: visitor to warpgate and back, with back-pressure (see http_stream.h). */
#ifndef EDGE_EDGE_RELAY_H
#define EDGE_EDGE_RELAY_H

#include "edge/edge_request.h"

/* Events of the visitor's stream and of the tunnel's; owner: struct edge_request. */
extern const struct http_stream_events edge_relay_visitor_events;
extern const struct http_stream_events edge_relay_tunnel_events;

/* Gives the tunnel stream what was held for it. */
void edge_relay_flush_held(struct edge_request *request);

#endif
