/* edge_deadline.h: the one deadline that a request has at a time, and what becomes of it then.
 *
 * What is counted is silence: progress only writes down when it was, and a deadline that comes too early because of it is set anew.
 * The limits come from the route (policy/bundle.h). They are found by edge_deadline_sweep, so up to a third of a second late.
 */
#ifndef EDGE_EDGE_DEADLINE_H
#define EDGE_EDGE_DEADLINE_H

#include "edge/edge_request.h"

/* The warpgate's own limits run out before: what it answers tells more. */
#define EDGE_DEADLINE_SLACK_MS 1000

/* Sets it, or sets another one in its place. */
void edge_deadline_start(struct edge_request *request, enum edge_deadline_kind kind,
                         int64_t limit_ms);
/* EDGE_DEADLINE_FIRST_BYTE by the route's timeouts: connecting, the answer's first byte, and the slack. */
void edge_deadline_start_first_byte(struct edge_request *request);
/* EDGE_DEADLINE_IDLE by the route's timeouts; or none. */
void edge_deadline_start_idle(struct edge_request *request);
void edge_deadline_clear(struct edge_request *request);
/* Something has moved. That brings no tunnel nearer: what is parked waits no longer because of it. */
static inline void edge_deadline_progress(struct edge_request *request) {
    if (request->deadline.kind != EDGE_DEADLINE_PARKED) {
        request->deadline.progress_ms = loop_now_ms(request->worker->loop);
    }
}
/* Called several times a second. */
void edge_deadline_sweep(struct edge_worker *worker);

#endif
