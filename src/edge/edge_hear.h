/* edge_hear.h: what a record does to the edge, whether it comes from a feed or from the edge's own disk.
 *
 * Several feeds tell the same state, each from the beginning (tunnel/feed_message.h): bundles and lists are signed and numbered, so the newest
 * of each holds, whoever brings it. What a sync does not mention is gone; but a control plane whose state is older than one that was heard
 * before (`as_of`) adds nothing that is unknown, and takes nothing away: one that was left behind by a failover never brings back what
 * is deleted, nor deletes what is new. Loop thread of the edge.
 */
#ifndef EDGE_EDGE_HEAR_H
#define EDGE_EDGE_HEAR_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

/* One who tells: a feed's present connection, or the disk (generation 0). */
struct edge_hearing {
    uint64_t generation; /* counts syncs of all feeds, from 1 */
    uint64_t as_of_ms;   /* wall, of the control plane's state; 0: it has not said */
    bool is_behind;      /* others had told a later state before */
    bool is_flawed;      /* a part of the present sync was refused: it takes nothing away */
    bool is_live;        /* synced: what comes is a change */
};

void edge_hear_begin(struct edge *edge, struct edge_hearing *hearing);
/* Takes it in, and keeps it (edge_keep.h). A status other than STATUS_OK, with why: it was refused, and the last good stays. Records that
 * are not about the state are ignored. `object`: what it was read from; NULL: it is on the disk already. */
enum status edge_hear(struct edge *edge, struct edge_hearing *hearing,
                      const struct feed_message *message, const json_t *object,
                      struct why *why) MUST_USE;

#endif
