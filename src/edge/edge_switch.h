/* edge_switch.h: requests that have become a WebSocket: both directions are its bytes, for as long as the two ends like.
 *
 * They have no deadline but the route's idle one; ends that have vanished are found by the connections. When the worker must end, both
 * ends get a Close frame with 1001 instead of a cut: put in after the frame that is on its way, and behind it nothing.
 * When the tunnel is lost, the visitor gets it, unless a frame is on its way: that is a cut.
 * What is no WebSocket after all (its frames cannot be followed) is just ended.
 */
#ifndef EDGE_EDGE_SWITCH_H
#define EDGE_EDGE_SWITCH_H

#include "edge/edge_request.h"
#include "http/websocket_frames.h"

/* One direction. */
struct edge_switch_way {
    struct websocket_frames frames;
    bool is_over; /* its source has ended it, or we have: nothing more is sent */
};

/* In the request's arena. */
struct edge_switch {
    struct list node; /* worker->switched */
    struct edge_request *request;
    struct edge_switch_way to_workload, to_visitor;
    bool is_leaving;       /* each direction is closed at the next chance */
    bool is_visitor_ended; /* by us, when both are */
};

/* The 101 has been sent. */
void edge_switch_begin(struct edge_request *request);
/* The request is over, switched or not. */
void edge_switch_leave(struct edge_request *request);
/* Bytes, or the end, of one direction are about to be sent. How many of the bytes may be: the rest is to be dropped. */
size_t edge_switch_pass(struct edge_switch *at, struct edge_switch_way *way, const uint8_t *bytes,
                        size_t len);
void edge_switch_end(struct edge_switch *at, struct edge_switch_way *way);
/* After what edge_switch_pass allowed has been sent: closes the direction if it is time to. */
void edge_switch_settle(struct edge_switch *at);

/* There is nobody left to take the visitor's bytes, nor to send any. */
void edge_switch_lose(struct edge_switch *at);

/* Every WebSocket of the worker gets a clean end: at once, or after the frame that is on its way. Ends are told; connections stay. */
void edge_switch_go_away(struct edge_worker *worker);

#endif
