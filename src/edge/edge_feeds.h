/* edge_feeds.h: the feeds of one edge: one to each control plane that it was told of, all kept up for ever, each as in edge_feed.h.
 *
 * All of them tell the same state and hear the same reports, so any of them may die. Which there are is told over them, too.
 * Main loop only.
 */
#ifndef EDGE_EDGE_FEEDS_H
#define EDGE_EDGE_FEEDS_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

struct edge_feeds;

/* NULL: an address is not host:port. */
struct edge_feeds *edge_feeds_new(struct edge *edge, const struct edge_config *config);
void edge_feeds_start(struct edge_feeds *feeds);
void edge_feeds_free(struct edge_feeds **feeds);
/* These from now on, soon: new ones are dialled, those that are not named end. Nothing changes where the control plane is in this process.
 * NULL is allowed. */
void edge_feeds_follow(struct edge_feeds *feeds, const struct edge_controls *controls);
/* To each that is connected. NULL is allowed. */
void edge_feeds_report(struct edge_feeds *feeds, const struct feed_message *message);
/* To one that is synced. False: there is none. */
bool edge_feeds_ask(struct edge_feeds *feeds, const struct feed_message *message);
/* Reports what the roster has to tell. NULL is allowed. */
void edge_feeds_report_due(struct edge_feeds *feeds);
/* Some feed is synced. */
bool edge_feeds_is_live(const struct edge_feeds *feeds);

#endif
