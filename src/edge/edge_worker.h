/* edge_worker.h: what runs on one loop: environments, visitors, tunnels, and the fronts that they come in by.
 *
 * The first worker runs on the main loop; each other has a loop and a thread. All functions are for the worker's own thread,
 * except where they say otherwise.
 */
#ifndef EDGE_EDGE_WORKER_H
#define EDGE_EDGE_WORKER_H

#include "edge/edge_state.h"

/* Main thread: a worker of an edge, on `loop`, or, with NULL, on one of its own whose thread is started. */
struct edge_worker *edge_worker_new(struct edge *edge, unsigned index, struct loop *loop);
/* Main thread, after it has ended or before anything was given to it: ends the thread; frees. */
void edge_worker_free(struct edge_worker **worker);

/* Opens a front on `fd`, which it takes. STATUS_FAILED with why. */
enum status edge_worker_open(struct edge_worker *worker, int fd,
                             void (*add_services)(void *context, struct front *front),
                             void *context, struct why *why) MUST_USE;
/* Accepts no more; when the handshakes under way are over, edge_worker_closed (edge.c) is told. */
void edge_worker_close(struct edge_worker *worker);
/* See edge_stop. */
void edge_worker_stop(struct edge_worker *worker, enum edge_farewell farewell, int64_t grace_ms);
/* In edge.c, for any thread: a worker's fronts have ended; a worker has. */
void edge_worker_closed(struct edge_worker *worker);
void edge_worker_ended(struct edge_worker *worker);

#endif
