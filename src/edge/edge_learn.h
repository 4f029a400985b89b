/* edge_learn.h: what the feed says, as each worker learns it.
 *
 * The feed is one, and on the first worker's loop. What concerns workers it makes into a lesson: a copy, immutable and counted,
 * which each worker takes in order on its own thread. Host certificates and the edge's own are not lessons: the TLS contexts are shared.
 */
#ifndef EDGE_EDGE_LEARN_H
#define EDGE_EDGE_LEARN_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

struct edge_lesson;

/* `generation` counts syncs, from 1; `is_sync_flawed` goes with FEED_MESSAGE_SYNCED: something outside of the lessons had to be
 * refused. NULL: a message that does not concern workers. */
struct edge_lesson *edge_learn_prepare(const struct feed_message *message, uint64_t generation,
                                       bool is_sync_flawed);
/* Before it is shared: it comes from one whose state is older than what was heard before. A bundle of an environment that is not known
 * here is then none of ours. */
void edge_learn_mark(struct edge_lesson *lesson, bool is_behind);
void edge_learn_drop(struct edge_lesson **lesson);

/* On the worker's thread. A status other than STATUS_OK, with why: it was refused, and the last good state stays. */
enum status edge_learn(struct edge_worker *worker, const struct edge_lesson *lesson,
                       struct why *why) MUST_USE;
/* The same from any thread, soon; refusals are the first worker's to report. */
void edge_learn_later(struct edge_worker *worker, struct edge_lesson *lesson);

#endif
