/* edge_feed.h: the edge's ear: one connection to a control plane, kept up for ever (tunnel/feed_message.h); edge_feeds.h has all of them.
 *
 * Dials, greets, takes in the whole state and then each change; reports what was applied and how warpgates stand. While the
 * control plane is away, the edge goes on with what it knows.
 * On the main loop, for all workers: what is heard is handed to each of them (edge_hear.h, edge_learn.h).
 */
#ifndef EDGE_EDGE_FEED_H
#define EDGE_EDGE_FEED_H

#include "edge/edge_hear.h"
#include "tunnel/feed_message.h"

/* NULL: the control address is not host:port. */
struct edge_feed *edge_feed_new(struct edge *edge, const struct edge_config *config);
void edge_feed_start(struct edge_feed *feed);
/* Sends now if connected; a reconnected feed begins with the present state of everything, so nothing is queued. `feed` may be NULL. */
void edge_feed_report(struct edge_feed *feed, const struct feed_message *message);
/* Whether it goes to this host:port and name. */
bool edge_feed_is_at(const struct edge_feed *feed, const char *address, const char *server_name);
/* Somebody hears what is reported; the whole state has been heard. */
bool edge_feed_is_connected(const struct edge_feed *feed);
bool edge_feed_is_live(const struct edge_feed *feed);
/* Ends the connection and frees. NULLs the pointer. */
void edge_feed_free(struct edge_feed **feed);

#endif
