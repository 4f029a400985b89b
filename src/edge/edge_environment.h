/* edge_environment.h: one environment as this edge knows it: its policy in force, and the tunnels that serve it.
 *
 * A new bundle is first given to the warpgates and comes into force here when all that are connected have applied it, at
 * the latest after EDGE_APPLY_WAIT_MS: so a request that the edge lets through is not refused by a second line that has not
 * heard yet. Switching an environment off does not wait.
 */
#ifndef EDGE_EDGE_ENVIRONMENT_H
#define EDGE_EDGE_ENVIRONMENT_H

#include "base/buf.h"
#include "edge/edge_retry.h"
#include "edge/edge_state.h"
#include "policy/bundle.h"

/* how long a change waits for warpgates, so that the second line knows it first */
#define EDGE_APPLY_WAIT_MS 250

struct edge_tunnel;

struct edge_environment {
    struct edge_worker *worker;
    struct id id;
    struct bundle *bundle;         /* in force; NULL until the first */
    struct route_matcher *matcher; /* of that bundle */
    struct bundle *pending;        /* newer, known to be good, waiting for the warpgates; or NULL */
    struct buf jws;                /* the newest bundle as it was signed: what tunnels are sent */
    uint64_t newest_revision;
    struct list tunnels;     /* struct edge_tunnel.environment_node: ready to carry requests */
    struct list warpgates;   /* struct edge_warpgate.node: of these and of others */
    bool has_served;         /* there was a ready tunnel at some time */
    int64_t served_until_ms; /* monotonic: when the last one went */
    struct list parked;      /* struct edge_request.parking.node: wait for one; see edge_park.h */
    size_t parked_count;
    struct loop_task wake_task;
    struct edge_retry_budget retries;
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
/* A tunnel has become ready, or is so no longer. */
void edge_environment_add_tunnel(struct edge_environment *environment, struct edge_tunnel *tunnel);
void edge_environment_remove_tunnel(struct edge_environment *environment,
                                    struct edge_tunnel *tunnel);
/* A ready tunnel on this worker takes another request. */
bool edge_environment_has_room(const struct edge_environment *environment);
/* There is a ready tunnel on this worker. */
bool edge_environment_is_served(const struct edge_environment *environment);

#endif
