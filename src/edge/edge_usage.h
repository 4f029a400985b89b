/* edge_usage.h: what all workers of one process have counted, on its way to the control plane.
 *
 * The main loop asks every worker for its table (edge_meter.h) every FEED_PACE_MS, or as often as the control plane wants, merges them and
 * sends them up the feed: one record at a time, each with a number of its own, kept until the control plane has answered that it is
 * committed. Not answered means sent again as it was, on whichever feed is live: the control plane takes no number twice. So a count
 * arrives once, whatever breaks; a process that is killed loses what it counted since the last sweep.
 * While no control plane is there, counts are merged by minute; when those become too many, by hour and more. Of logged requests the
 * newest EDGE_USAGE_REQUESTS_MAX are kept. A count is of the minute in which it was swept, by this machine's clock.
 * Threads: the main loop's.
 */
#ifndef EDGE_EDGE_USAGE_H
#define EDGE_EDGE_USAGE_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

#define EDGE_USAGE_MINUTES_MAX 128 /* apart from each other */
#define EDGE_USAGE_ROWS_MAX 32768  /* in all of them, before they are merged */
#define EDGE_USAGE_REQUESTS_MAX 4000
#define EDGE_USAGE_AGAIN_MS 10000 /* what was not answered is sent again after so long */
#define EDGE_USAGE_FLUSH_MS 2000  /* at the end, for the control plane to take the rest */
#define EDGE_USAGE_FEEDS_MAX 8

struct edge_usage;
struct edge_feed;

/* `send` writes a record to a feed: edge_feed_report. */
struct edge_usage *edge_usage_new(struct edge *edge,
                                  void (*send)(struct edge_feed *feed,
                                               const struct feed_message *message));
/* What was not sent is lost. NULLs the pointer, which may be NULL. */
void edge_usage_free(struct edge_usage **usage);

/* A feed has heard everything, and is gone. The first of those that are there is used. */
void edge_usage_feed_live(struct edge_usage *usage, struct edge_feed *feed);
void edge_usage_feed_lost(struct edge_usage *usage, struct edge_feed *feed);
/* Records of type FEED_MESSAGE_USAGE_TAKEN and FEED_MESSAGE_PACE. */
void edge_usage_taken(struct edge_usage *usage, const struct feed_message *message);
void edge_usage_pace(struct edge_usage *usage, const struct feed_message *message);

/* Adds a table to what is to be sent, as of now. Empties it. */
void edge_usage_add(struct edge_usage *usage, struct edge_meter_table *table);
/* All workers have ended: asks them a last time, and calls back when the control plane has taken all, at the latest after
 * EDGE_USAGE_FLUSH_MS; at once where `usage` is NULL (tests of workers). */
void edge_usage_finish(struct edge_usage *usage, void (*on_done)(void *context), void *context);

#endif
