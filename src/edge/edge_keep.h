/* edge_keep.h: what the edge keeps on its disk of what it hears: every record that makes up the state, as it came, sealed (edge_disk.h).
 *
 * At a start all of it is learned again as if it came from a feed: bundles are verified again, by signature and revision. What cannot be
 * opened or read is left out, each with a line, and the rest serves. Then the feeds bring what has changed since. Loop thread only.
 */
#ifndef EDGE_EDGE_KEEP_H
#define EDGE_EDGE_KEEP_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

/* A record that was taken; `object` is what it was read from. Nothing happens without a disk, and for records that are no state. */
void edge_keep_record(struct edge *edge, const struct feed_message *message, const json_t *object);
/* After a sync: what the edge has forgotten is dropped. */
void edge_keep_synced(struct edge *edge);
/* Learns what is there. True if it is enough to serve by: bundle keys, and nothing missing that a sync had told. */
bool edge_keep_load(struct edge *edge);

#endif
