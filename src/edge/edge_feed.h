/* edge_feed.h: the edge's ear: one connection to the control plane, kept up for ever (tunnel/feed_message.h).
 *
 * Dials, greets, takes in the whole state and then each change; reports what was applied and how warpgates stand. While the
 * control plane is away, the edge goes on with what it knows.
 */
#ifndef EDGE_EDGE_FEED_H
#define EDGE_EDGE_FEED_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

struct edge_feed *edge_feed_new(struct edge_worker *worker, const char *control_address,
                                struct str control_server_name);
void edge_feed_start(struct edge_feed *feed);
/* Sends now if connected; a reconnected feed begins with the present state of everything, so nothing is queued. `feed` may be NULL. */
void edge_feed_report(struct edge_feed *feed, const struct feed_message *message);
void edge_feed_report_applied(struct edge_feed *feed, const struct id *environment,
                              uint64_t revision);
/* Ends the connection and frees. NULLs the pointer. */
void edge_feed_free(struct edge_feed **feed);

#endif
