/* edge_shed.h: giving way when memory, descriptors or places for visitors are scarce: what is new first, then what is idle, then
 * answers that nobody reads. Tunnels are never dropped.
 *
 * Memory is what the process has resident, measured by the main loop every EDGE_SHED_WATCH_MS against edge_config.memory_limit_bytes:
 *   over 85 %   new requests are answered 503 `overloaded` with Retry-After, idle visitors are closed
 *   over 95 %   and the largest answers that wait for their readers are cut
 * until it is under 80 % again. Descriptors: the front says how many are missing, and as many idle visitors go, the longest idle first.
 * Over edge_config.visitor_max connections, a new visitor takes the place of an idle one, or is answered 503 and closed.
 */
#ifndef EDGE_EDGE_SHED_H
#define EDGE_EDGE_SHED_H

#include "edge/edge_state.h"

#define EDGE_SHED_WATCH_MS 250

/* Main thread, every EDGE_SHED_WATCH_MS. */
void edge_shed_watch(struct edge *edge);
/* What a measured size means, after `before`. Pure. */
enum edge_pressure edge_shed_judge(enum edge_pressure before, size_t used_bytes,
                                   size_t limit_bytes);

/* A worker's: as often. */
void edge_shed_sweep(struct edge_worker *worker);
/* front_set_on_pressure, with the worker as context. */
void edge_shed_descriptors(void *worker, size_t missing_count);
/* Closes at most `count` visitors that have been idle for `idle_ms`, the longest idle first; returns how many. */
size_t edge_shed_idle(struct edge_worker *worker, size_t count, int64_t idle_ms);
/* True while new requests are refused. */
bool edge_shed_is_on(const struct edge_worker *worker);

#endif
