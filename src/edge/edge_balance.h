/* edge_balance.h: which tunnel carries the next request.
 *
 * Among the warpgates of the environment that have a ready tunnel on this worker: of two chosen at random, the one with fewer
 * open exchanges ("power of two choices"), and of its tunnels here the one with fewest. In order of preference:
 *   1. those that declared the route's upstream and look healthy (edge_warpgate.h);
 *   2. when fewer than one in EDGE_BALANCE_PANIC look healthy, or none: all that declared it. So many do not fail at once by
 *      themselves: it is the check, or the workload's own backend, and the few left over could not carry what all of them did;
 *   3. all: the warpgate says itself what is wrong with it.
 * A sticky visitor stays with the warpgate of its cookie for as long as that is among those that 1. or 2. let choose.
 */
#ifndef EDGE_EDGE_BALANCE_H
#define EDGE_EDGE_BALANCE_H

#include "edge/edge_environment.h"
#include "edge/edge_warpgate.h"

#define EDGE_BALANCE_PANIC 3

struct edge_balance_wish {
    struct str upstream;
    struct str affinity;               /* the visitor's cookie; empty: none */
    const struct edge_tunnel *tried;   /* this one has failed: another, if there is one; or NULL */
    const struct edge_warpgate *never; /* none of this warpgate's; or NULL */
};

/* NULL: there is none. Uses the worker's cheap generator. */
struct edge_tunnel *edge_balance_pick(struct edge_environment *environment,
                                      const struct edge_balance_wish *wish);

#endif
