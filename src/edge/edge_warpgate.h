/* edge_warpgate.h: one warpgate as this worker knows it: its tunnels here, what it declared, and how its upstreams fare.
 *
 * Made with the first tunnel of a warpgate id, gone with the last. What two tunnels of one warpgate say goes to one place. Health
 * has two sources: what the warpgate reports of an upstream (`health` records), and what its answers show: the first
 * `upstream_refused` or `upstream_tls`, or EDGE_WARPGATE_TIMEOUTS `upstream_timeout` in a row, put the upstream of this warpgate aside for a
 * second, and for twice as long each time that it happens again, up to EDGE_WARPGATE_EJECTION_MS_MAX. An answer of the
 * workload's own, or a report that it is up, ends that. Only edge_balance.c decides by it.
 * Bounds: TUNNEL_UPSTREAMS_MAX upstreams.
 */
#ifndef EDGE_EDGE_WARPGATE_H
#define EDGE_EDGE_WARPGATE_H

#include "base/id.h"
#include "base/list.h"
#include "edge/edge_affinity.h"
#include "policy/bundle.h"
#include "tunnel/tunnel_message.h"

#define EDGE_WARPGATE_TIMEOUTS 3
#define EDGE_WARPGATE_EJECTION_MS 1000
#define EDGE_WARPGATE_EJECTION_MS_MAX 30000

struct edge_upstream {
    char name[BUNDLE_UPSTREAM_NAME_MAX + 1];
    bool is_down;            /* as reported */
    unsigned timeout_count;  /* in a row */
    unsigned ejection_count; /* in a row */
    int64_t ejected_until_ms;
};

struct edge_warpgate {
    struct list node; /* environment->warpgates, while there is that environment */
    struct id id;
    char affinity[EDGE_AFFINITY_SIZE];
    unsigned refs;       /* tunnels in any state */
    struct list tunnels; /* struct edge_tunnel.warpgate_node: ready ones */
    struct edge_upstream *upstreams;
    size_t upstream_count;
    bool is_troubled; /* something may be forgiven: spares the look-up for every good answer */
};

/* What one answer says about the upstream that gave it, or did not. */
enum edge_warpgate_outcome {
    EDGE_WARPGATE_ANSWERED,
    EDGE_WARPGATE_REFUSED, /* no connection, or no TLS, with the workload */
    EDGE_WARPGATE_TIMED_OUT,
};

/* The one on `warpgates` with this id, or a new one there; with a reference for the caller. */
struct edge_warpgate *edge_warpgate_join(struct list *warpgates, const struct id *environment,
                                         const struct id *id);
void edge_warpgate_leave(struct edge_warpgate **warpgate);
/* `hello`: what it declares now; what is known of upstreams of the same name stays. */
void edge_warpgate_declare(struct edge_warpgate *warpgate, const struct tunnel_message *hello);
/* `health`: of declared upstreams; others are ignored. */
void edge_warpgate_report(struct edge_warpgate *warpgate, const struct tunnel_message *health);
void edge_warpgate_note(struct edge_warpgate *warpgate, struct str upstream,
                        enum edge_warpgate_outcome outcome, int64_t now_ms);
/* NULL: not declared. */
const struct edge_upstream *edge_warpgate_find(const struct edge_warpgate *warpgate,
                                               struct str upstream);
bool edge_warpgate_is_fit(const struct edge_upstream *upstream, int64_t now_ms);

#endif
