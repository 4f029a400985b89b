/* edge_probe.h: whether the whole path to a warpgate works, tunnel by tunnel: an open socket, and even an answered PING, do not say so.
 *
 * Every answer that comes through a tunnel, whoever's request it was, proves its path. When none came for EDGE_PROBE_QUIET_MS, the edge asks
 * for one itself: GET /mezusphere/probe (docs/protocol.md), which the warpgate answers without its workload. No answer within
 * EDGE_PROBE_LIMIT_MS: the tunnel counts as silent in the roster, and so in what the control plane is told, until something is answered; it is
 * asked again every EDGE_PROBE_AGAIN_MS. Requests are still sent on it where there is no better one. A warpgate that does not know
 * probes (its hello does not name the capability) is believed for as long as its tunnel's heartbeat goes on.
 *
 * In all, a path that broke is noticed in EDGE_PROBE_QUIET_MS + EDGE_PROBE_LIMIT_MS. Time in which the edge itself stood still is nobody's
 * silence. Cost: one small exchange in 5 s on an idle tunnel; no memory but this struct in between. The worker's thread.
 */
#ifndef EDGE_EDGE_PROBE_H
#define EDGE_EDGE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http_stream.h"

#define EDGE_PROBE_QUIET_MS 5000
#define EDGE_PROBE_LIMIT_MS 4000
#define EDGE_PROBE_AGAIN_MS 1000

struct edge_tunnel;

struct edge_probe {
    struct http_stream *exchange; /* the probe that is under way; NULL: none */
    int64_t quiet_ms;             /* without an answer, or since the last failure */
    int64_t waited_ms;            /* for the answer to `exchange` */
    int64_t looked_at_ms;         /* 0: not yet */
    bool is_understood;           /* the warpgate answers probes */
    bool is_silent;               /* the last one was not answered in time */
};

/* Something was answered through the tunnel. */
void edge_probe_heard(struct edge_tunnel *tunnel);
/* Called several times a second, for a tunnel that is ready. */
void edge_probe_look(struct edge_tunnel *tunnel, int64_t now_ms);

#endif
