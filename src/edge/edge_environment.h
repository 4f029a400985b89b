/* edge_environment.h: one environment as this edge knows it: its policy in force, and the tunnels that serve it.
 *
 * A new bundle is first given to the warpgates and comes into force here when all that are connected have applied it, at
 * the latest after EDGE_APPLY_WAIT_MS: so a request that the edge lets through is not refused by a second line that has not
 * heard yet. Switching an environment off does not wait.
 */
#ifndef EDGE_EDGE_ENVIRONMENT_H
#define EDGE_EDGE_ENVIRONMENT_H

#include "base/buf.h"
#include "edge/edge_state.h"
#include "policy/bundle.h"

struct edge_tunnel;

struct edge_environment {
    struct edge_worker *worker;
    struct id id;
    struct bundle *bundle;         /* in force; NULL until the first */
    struct route_matcher *matcher; /* of that bundle */
    struct bundle *pending;        /* newer, known to be good, waiting for the warpgates; or NULL */
    struct buf jws;                /* the newest bundle as it was signed: what tunnels are sent */
    uint64_t newest_revision;
    struct list tunnels; /* struct edge_tunnel.environment_node: ready to carry requests */
    struct loop_timer apply_timer;
    uint64_t sync_generation; /* of the feed: to forget what a sync did not mention */
};

/* Takes a signed bundle from the feed: verified, kept as pending, given to the tunnels. Makes the environment if it is new.
 * STATUS_CONFLICT bundle_not_newer when it is the one we have; what signed_bundle_open returns. */
enum status edge_environment_offer(struct edge_worker *worker, struct str jws,
                                   uint64_t sync_generation, struct why *why) MUST_USE;
struct edge_environment *edge_environment_find(struct edge_worker *worker, const struct id *id);
/* By canonical host name; NULL if none has it. */
struct edge_environment *edge_environment_of_host(struct edge_worker *worker, struct str host);
/* Closes its tunnels and forgets it. Requests under way keep their bundle. */
void edge_environment_remove(struct edge_environment *environment);

/* A tunnel says that it has applied or refused something: perhaps the pending bundle can come into force. */
void edge_environment_tunnel_changed(struct edge_environment *environment);
/* The tunnel for the next request: the one with the fewest open exchanges, not `avoid` if there is another. NULL: none. */
struct edge_tunnel *edge_environment_pick(struct edge_environment *environment,
                                          const struct edge_tunnel *avoid);

#endif
