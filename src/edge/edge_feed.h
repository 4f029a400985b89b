/* edge_feed.h: the edge's ear: one connection to the control plane, kept up for ever (tunnel/feed_message.h).
 *
 * Dials, greets, takes in the whole state and then each change; reports what was applied and how warpgates stand. While the
 * control plane is away, the edge goes on with what it knows.
 * One for all workers, on the main loop: what it hears it hands to each of them (edge_learn.h).
 */
#ifndef EDGE_EDGE_FEED_H
#define EDGE_EDGE_FEED_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

/* NULL: the control address is not host:port. */
struct edge_feed *edge_feed_new(struct edge *edge, const struct edge_config *config);
void edge_feed_start(struct edge_feed *feed);
/* Sends now if connected; a reconnected feed begins with the present state of everything, so nothing is queued. `feed` may be NULL. */
void edge_feed_report(struct edge_feed *feed, const struct feed_message *message);
/* Reports what the roster has to tell. `feed` may be NULL. */
void edge_feed_report_due(struct edge_feed *feed);
/* Ends the connection and frees. NULLs the pointer. */
void edge_feed_free(struct edge_feed **feed);

#endif
