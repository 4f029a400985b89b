/* warpgate_edge.h: one edge and the tunnels to it: as many as it wants, made again when they are lost, replaced before they end.
 *
 * While none stands, one is dialled at a time, with full-jitter backoff that begins anew after 10 s of a tunnel's life. A lost
 * tunnel is never waited for: the next is dialled at once, beside what still drains. A try ends after 4 s without TCP, and the backoff's
 * limit is 5 s: however long a network was away, the tunnel is back within 10 s of its return. An edge that asks thousands of
 * warpgates for other tunnels is not dialled by all of them in the same moment: each waits up to 500 ms (100 ms where a successor
 * waits for them), its old tunnel serving.
 */
#ifndef WARPGATE_WARPGATE_EDGE_H
#define WARPGATE_WARPGATE_EDGE_H

#include "warpgate/warpgate_parts.h"

struct warpgate_edge;

/* Both texts are copied. STATUS_INVALID with why: not host:port. */
enum status warpgate_edge_new(struct warpgate_parts *parts, const struct enrolment_edge *place,
                              struct warpgate_edge **edge, struct why *why) MUST_USE;
bool warpgate_edge_is_at(const struct warpgate_edge *edge, const struct enrolment_edge *place);
struct list *warpgate_edge_node(struct warpgate_edge *edge);
struct warpgate_edge *warpgate_edge_from_node(struct list *node);
/* Tunnels that stand, whether or not the edge sends requests on them yet. */
size_t warpgate_edge_standing_count(const struct warpgate_edge *edge);
/* The certificate is another: new tunnels first, then the old ones drain. */
void warpgate_edge_renew(struct warpgate_edge *edge);
void warpgate_edge_send_health(struct warpgate_edge *edge);
void warpgate_edge_send_trust(struct warpgate_edge *edge);
void warpgate_edge_tick(struct warpgate_edge *edge, int64_t now_ms);
/* No new tunnels; drains those there are. With the last of them the edge leaves its list and is freed: perhaps at once. */
void warpgate_edge_leave(struct warpgate_edge *edge);
/* Aborts all tunnels, also of an edge that leaves. */
void warpgate_edge_abort(struct warpgate_edge *edge);
/* Ends all tunnels in good order, whatever they carry. */
void warpgate_edge_cut(struct warpgate_edge *edge);

#endif
