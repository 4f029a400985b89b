/* warpgate_parts.h: what the parts of one agent share: upstreams, edges, tunnels and requests all hang from this.
 *
 * Owned by warpgate.c. Everything with an asynchronous end (connections, dials, timers) is counted while it lives, so that the
 * agent ends only when nothing can call back any more.
 */
#ifndef WARPGATE_WARPGATE_PARTS_H
#define WARPGATE_WARPGATE_PARTS_H

#include "base/list.h"
#include "base/wheel.h"
#include "net/loop.h"
#include "net/tls_context.h"
#include "pki/cert_identity.h"
#include "tunnel/enrolment.h"
#include "tunnel/signed_edges.h"
#include "warpgate/warpgate.h"
#include "warpgate/warpgate_anchors.h"
#include "warpgate/warpgate_policy.h"

struct warpgate_upstream;
struct warpgate_proxy;

/* What happens in the parts and is the agent's to decide. Called with `context`, also from inside calls of the agent's: what
 * they set off is done later (loop_task). */
struct warpgate_parts_events {
    void (*on_revoked)(void *context, struct str reason); /* an edge says so: once or more often */
    void (*on_connected)(void *context);                  /* a tunnel is ready */
    void (*on_edges)(void *context, struct str jws);      /* the list of edges; may be NULL */
    void (*on_health)(void *context);                     /* an upstream came up or went down */
    void (*on_edge_left)(void *context);                  /* an edge that was left is gone */
    void (*on_settled)(void *context);                    /* open_count is 0 again */
};

struct warpgate_parts {
    struct loop *loop;
    const struct warpgate_parts_events *events;
    void *context;
    const struct warpgate_proxy *proxy; /* the way to control plane and edges; NULL: straight */
    struct tls_context *tunnel_tls;     /* our present certificate; set when enrolled */
    char trust_domain[CERT_TRUST_DOMAIN_SIZE];
    struct warpgate_anchors anchors;
    unsigned generation; /* of the certificate: tunnels of older ones are to be replaced */
    struct warpgate_policy policy;
    struct signed_edges edges; /* the newest list that was signed; none: revision 0 */
    struct warpgate_upstream *upstreams[WARPGATE_UPSTREAMS_MAX];
    size_t upstream_count;
    char name[ENROLMENT_NAME_MAX + 1];
    struct wheel wheel;      /* deadlines of requests (warpgate_deadline.h) */
    struct loop_timer sweep; /* looks at them */
    int64_t refused_at_ms;   /* when a refusal of the second line was last spoken of */
    uint64_t request_count;  /* begun so far */
    uint64_t closed_count;   /* links to workloads that were closed so far */
    size_t open_count;
};

static inline void warpgate_parts_hold(struct warpgate_parts *parts) {
    parts->open_count++;
}

static inline void warpgate_parts_drop(struct warpgate_parts *parts) {
    parts->open_count--;
    if (parts->open_count == 0) {
        parts->events->on_settled(parts->context);
    }
}

#endif
