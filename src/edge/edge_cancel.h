/* edge_cancel.h: what visitors give up is given up on the tunnel, too, but not in a flood.
 *
 * A tunnel is shared: nothing that one visitor does may cut it for the others. Its own budget bounds how often a visitor cancels
 * (edge_offence.h, http/h2_budget.h); here a tunnel passes on EDGE_CANCEL_BURST cancels at once and EDGE_CANCEL_PER_SECOND more each
 * second. What is beyond that stays open for a moment, unread (so at most a window of it comes), and is given up in its turn.
 * What was a WebSocket is not given up but ended: its last bytes arrive, and the workload has EDGE_CANCEL_LINGER_MS to end its side.
 */
#ifndef EDGE_EDGE_CANCEL_H
#define EDGE_EDGE_CANCEL_H

#include "base/allowance.h"
#include "base/list.h"
#include "http/http_stream.h"

#define EDGE_CANCEL_BURST 500
#define EDGE_CANCEL_PER_SECOND 1000
#define EDGE_CANCEL_LINGER_MS 5000

/* Of one tunnel. */
struct edge_cancels {
    struct list late; /* struct edge_cancel, in the streams' own arenas */
    struct list lingering;
    struct allowance passing;
};

void edge_cancel_init(struct edge_cancels *cancels, int64_t now_ms);
/* Instead of http_stream_release, for an exchange whose request is over. */
void edge_cancel_exchange(struct edge_cancels *cancels, struct http_stream *exchange,
                          int64_t now_ms);
/* Instead of it, for one whose request has ended: what still comes is thrown away until the other side has ended, too. */
void edge_cancel_linger(struct edge_cancels *cancels, struct http_stream *exchange, int64_t now_ms);
/* Called several times a second. */
void edge_cancel_sweep(struct edge_cancels *cancels, int64_t now_ms);

#endif
