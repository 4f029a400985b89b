/* feed_edge.h: the feed of one edge, the control plane's side (tunnel/feed_message.h). Loop thread only.
 *
 * Begins with a request to FEED_PATH on the machines' service; that its sender is an edge was judged before, by its
 * certificate. Sends the whole state paced by what the edge takes, then each change; hears reports. Ends by itself when
 * the edge is gone, silent, or breaks the protocol.
 */
#ifndef CONTROL_FEED_EDGE_H
#define CONTROL_FEED_EDGE_H

#include "base/list.h"
#include "control/feed_hub.h"
#include "http/http_stream.h"

enum feed_edge_state {
    FEED_EDGE_SYNCING, /* the state is on its way */
    FEED_EDGE_LIVE,    /* only changes from here */
};

struct feed_edge {
    struct list node; /* in the hub */
    struct feed_hub *hub;
    struct id id;
    enum feed_edge_state state;
    struct http_stream *stream; /* borrowed: its queue paces the state */
    struct tunnel_channel *channel;
    struct feed_hub_walk walk;
    int64_t heard_at_ms;  /* mono */
    int64_t pinged_at_ms; /* mono */
    uint64_t instance;    /* when the edge's process began, wall ms; 0: not told */
    char version[65];
};

/* Takes over a server's stream and answers its head. A feed that the same edge had before ends: feed_hub_may_join was asked. */
void feed_edge_begin(struct feed_hub *hub, const struct id *id, uint64_t instance,
                     struct http_stream *stream);
void feed_edge_send(struct feed_edge *edge, const struct feed_message *message);
/* Pings and judges silence; goes on with the state. May end it. */
void feed_edge_tick(struct feed_edge *edge);
void feed_edge_end(struct feed_edge *edge, const char *reason);

#endif
