/* warpgate_tunnel.h: one tunnel to one edge, the warpgate's end (docs/protocol.md).
 *
 * Dials, proves itself with our certificate, checks that the peer is an edge of our trust domain, and then serves HTTP/2 on the
 * connection it dialled: first the edge's control stream, then requests. Its owner (warpgate_edge.c) decides when one is
 * made and when it drains; on_closed is its last event, never from inside a call of the owner, and frees it.
 */
#ifndef WARPGATE_WARPGATE_TUNNEL_H
#define WARPGATE_WARPGATE_TUNNEL_H

#include "net/address.h"
#include "warpgate/warpgate_dial.h"
#include "warpgate/warpgate_parts.h"

struct warpgate_tunnel;

enum warpgate_tunnel_state {
    WARPGATE_TUNNEL_DIALLING, /* resolving, connecting, handshaking */
    WARPGATE_TUNNEL_GREETING, /* the edge is genuine; it has not opened the control stream yet */
    WARPGATE_TUNNEL_AGREEING, /* serves requests, but the edge may not know yet that we have its bundle */
    WARPGATE_TUNNEL_READY,    /* the edge knows: it sends requests here */
    WARPGATE_TUNNEL_DRAINING, /* finishes what it carries */
    WARPGATE_TUNNEL_CLOSING,  /* the connection is on its way out */
};

struct warpgate_tunnel_events {
    void (*on_standing)(void *owner); /* the control stream is there */
    void (*on_ready)(void *owner, struct warpgate_tunnel *tunnel);
    void (*on_count)(void *owner, unsigned count); /* how many tunnels this edge wants */
    void (*on_leaving)(void *owner,
                       struct warpgate_tunnel *tunnel); /* the edge asks for another in its place */
    void (*on_closed)(void *owner, struct warpgate_tunnel *tunnel, const struct why *why);
};

struct warpgate_tunnel_config {
    struct warpgate_parts *parts;
    const char *host; /* these three live as long as the tunnel */
    uint16_t port;
    const char *server_name;
    struct warpgate_known *known; /* addresses of `host` */
    const struct warpgate_tunnel_events *events;
    void *owner;
};

/* `node` is the owner's list. */
struct warpgate_tunnel *warpgate_tunnel_new(const struct warpgate_tunnel_config *config);
struct list *warpgate_tunnel_node(struct warpgate_tunnel *tunnel);
struct warpgate_tunnel *warpgate_tunnel_from_node(struct list *node);
enum warpgate_tunnel_state warpgate_tunnel_state(const struct warpgate_tunnel *tunnel);
/* When its control stream was there. Monotonic; 0: never. */
int64_t warpgate_tunnel_stood_at_ms(const struct warpgate_tunnel *tunnel);
/* To be replaced: asked for by the edge, or made with an older certificate. */
bool warpgate_tunnel_is_leaving(const struct warpgate_tunnel *tunnel);
/* It is to be replaced, but not to be drained: the edge still sends requests, and ends it. */
bool warpgate_tunnel_is_left_to_edge(const struct warpgate_tunnel *tunnel);
/* Health of the upstreams, to the edge. */
void warpgate_tunnel_send_health(struct warpgate_tunnel *tunnel);
/* Whom we trust, and whose certificate we have. */
void warpgate_tunnel_send_trust(struct warpgate_tunnel *tunnel);
/* GOAWAY; closes when the last request is done. A tunnel that carries nothing yet is aborted. */
void warpgate_tunnel_drain(struct warpgate_tunnel *tunnel);
/* What still runs is lost now, but in good order: GOAWAY, what is written already, close_notify. The edge says the rest to visitors. */
void warpgate_tunnel_cut(struct warpgate_tunnel *tunnel);
void warpgate_tunnel_abort(struct warpgate_tunnel *tunnel);
/* Aborts one that stays without a control stream for too long. */
void warpgate_tunnel_tick(struct warpgate_tunnel *tunnel, int64_t now_ms);

#endif
