/* edge_park.h: a request that finds no ready tunnel waits a moment for one, so that neither a lone warpgate nor the edge can be
 * restarted at the cost of a request.
 *
 * Only where one is to be expected: the environment had a ready tunnel in the last EDGE_PARK_RECENT_MS, or this edge has begun
 * less long ago. For at most EDGE_PARK_MS (EDGE_PARK_BEGINNING_MS for the first tunnel after the edge has begun: warpgates that have found it gone
 * ask again within 5 s), and at most EDGE_PARK_ENVIRONMENT_MAX of an environment and EDGE_PARK_WORKER_MAX of a worker
 * at once: beyond that the answer is 503 immediately. They go on in the order in which they came.
 * Where another worker has a tunnel meanwhile, the visitor's connection takes no further requests: those come on a new one, which
 * gets there (edge_spread.h). This one waits on: no request goes from thread to thread.
 */
#ifndef EDGE_EDGE_PARK_H
#define EDGE_EDGE_PARK_H

#include "edge/edge_request.h"

#define EDGE_PARK_MS 2000
#define EDGE_PARK_BEGINNING_MS 6000
#define EDGE_PARK_RECENT_MS 30000
#define EDGE_PARK_ENVIRONMENT_MAX 1000
#define EDGE_PARK_WORKER_MAX 10000

/* WAIT, with the request on the environment's list; or DONE: answered 503 no_warpgate. `environment` may be NULL. */
enum edge_step_result edge_park(struct edge_request *request, struct edge_environment *environment);
/* Takes it off that list, if it is there. */
void edge_park_leave(struct edge_request *request);
/* A tunnel has become ready: those that wait go on, at the end of this iteration. */
void edge_park_wake(struct edge_environment *environment);
/* loop_task of the environment. */
void edge_park_run(struct loop_task *task);
/* The environment goes: none will come. */
void edge_park_dismiss(struct edge_environment *environment);

#endif
