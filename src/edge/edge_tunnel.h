/* edge_tunnel.h: one tunnel from one warpgate, the edge's end (docs/protocol.md).
 *
 * The warpgate dialled; here the edge is the HTTP/2 client. The tunnel's identity comes from its certificate alone. It carries
 * requests once the warpgate has said hello and applied a bundle.
 * On the worker's list until its connection has closed, which frees it: every exchange has had its on_closed by then. It owns its seat
 * in the roster, and holds a reference to its warpgate; its environment may go before it. The worker's thread.
 * Limits: what a warpgate may say on the control stream (edge_tunnel.c); what is given up on it at a time (edge_cancel.h).
 */
#ifndef EDGE_EDGE_TUNNEL_H
#define EDGE_EDGE_TUNNEL_H

#include "base/allowance.h"
#include "edge/edge_cancel.h"
#include "edge/edge_environment.h"
#include "edge/edge_probe.h"
#include "edge/edge_warpgate.h"
#include "http/h2_session.h"
#include "net/conn.h"
#include "pki/cert_identity.h"
#include "tunnel/tunnel_channel.h"
#include "tunnel/tunnel_heartbeat.h"

enum edge_tunnel_state {
    EDGE_TUNNEL_GREETING, /* the control stream is open; no hello or no applied bundle yet */
    EDGE_TUNNEL_READY,    /* carries requests */
    EDGE_TUNNEL_DRAINING, /* finishes what it carries; gets nothing new */
    EDGE_TUNNEL_CLOSED,   /* the connection is on its way out */
};

/* A live tunnel outlives its certificate by so much for clocks that differ; by EDGE_TUNNEL_GRACE_MS while no control plane can be reached; and
 * once one is, by the time that its warpgate needs to renew. */
#define EDGE_TUNNEL_LEEWAY_MS 60000
#define EDGE_TUNNEL_GRACE_MS (INT64_C(24) * 3600 * 1000)
#define EDGE_TUNNEL_RENEWAL_MS 600000

struct edge_tunnel {
    struct list node;             /* worker->tunnels */
    struct list environment_node; /* environment->tunnels while READY */
    struct edge_worker *worker;
    struct edge_environment *environment; /* NULL once the environment is gone */
    struct edge_warpgate *warpgate;       /* a reference; NULL if there never was an environment */
    struct list warpgate_node;            /* warpgate->tunnels while READY */
    enum edge_tunnel_state state;
    struct conn *conn; /* NULL once closed */
    struct h2_session *session;
    struct tunnel_channel *channel;
    struct tunnel_heartbeat heartbeat;
    struct edge_probe probe;
    bool has_hello;
    struct cert_identity identity;
    struct edge_roster_seat *seat; /* NULL in tests of one worker */
    char ip_address[ADDRESS_TEXT_SIZE];
    char version[65];
    char name[65];
    int64_t cut_at_ms;        /* monotonic; 0: not revoked */
    int64_t place_asked_ms;   /* when the roster was last asked whether this is the worker for it */
    struct allowance records; /* that the warpgate may send */
    uint64_t applied_revision;
    uint64_t refused_revision;
    char refused_code[65];
    size_t waiting_count;  /* requests without a response head */
    size_t exchange_count; /* requests that it carries */
    struct edge_cancels cancels;
};

/* The handshake stands: who is it, by its certificate, and may it join? STATUS_DENIED, STATUS_UNAVAILABLE with why. */
enum status edge_tunnel_judge(struct edge_worker *worker, struct conn *conn,
                              struct cert_identity *identity, struct why *why) MUST_USE;
/* Begins the tunnel on the worker that its seat in the roster is for; the tunnel owns the seat. */
void edge_tunnel_accept(struct edge_worker *worker, struct conn *conn,
                        const struct cert_identity *identity, struct edge_roster_seat *seat);
/* Sends the environment's newest bundle. */
void edge_tunnel_send_bundle(struct edge_tunnel *tunnel);
/* The list of all edges, if this one has heard it. */
void edge_tunnel_send_edges(struct edge_tunnel *tunnel);
/* Says why, takes no more requests, and is cut a moment later. */
void edge_tunnel_revoke(struct edge_tunnel *tunnel, struct str reason);
/* Called several times a second: cuts revoked tunnels whose moment is over; asks for others in place of those that stand on the wrong
 * worker. */
void edge_tunnel_sweep(struct edge_worker *worker);
/* Asks the warpgate to make a tunnel elsewhere. This one carries requests until the warpgate, or edge_tunnel_end, ends it. */
void edge_tunnel_take_leave(struct edge_tunnel *tunnel, enum edge_farewell farewell);
/* GOAWAY, and the connection ends in an orderly way; what it carries is lost. */
void edge_tunnel_end(struct edge_tunnel *tunnel);
/* At once. */
void edge_tunnel_abort(struct edge_tunnel *tunnel);

/* Opens an exchange; NULL if the tunnel cannot take one now. */
struct http_stream *edge_tunnel_open(struct edge_tunnel *tunnel, const struct http_head *head,
                                     bool is_end, const struct http_stream_events *events,
                                     void *owner);
/* One request began, or stopped, to wait for its response head: silence then counts sooner. */
void edge_tunnel_expect(struct edge_tunnel *tunnel, int change);
/* One request began, or ceased, to have an exchange here. */
void edge_tunnel_carry(struct edge_tunnel *tunnel, int change);
/* A WebSocket is over, and its request has been ended: the exchange may end in its own time, within limits. */
void edge_tunnel_linger(struct edge_tunnel *tunnel, struct http_stream *exchange);
/* The request is over, and wants nothing more of this exchange: resets it, unless it is complete; perhaps a little later. */
void edge_tunnel_cancel(struct edge_tunnel *tunnel, struct http_stream *exchange);

#endif
