/* warpgate_edge.h: one edge and the tunnels to it: as many as it wants, made again when they are lost, replaced before they end.
 *
 * While none stands, one is dialled at a time, with full-jitter backoff that is forgotten after 10 s of a tunnel's life. A lost
 * tunnel is never waited for: the next is dialled at once, beside what still drains.
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
size_t warpgate_edge_ready_count(const struct warpgate_edge *edge);
/* The certificate is another: new tunnels first, then the old ones drain. */
void warpgate_edge_renew(struct warpgate_edge *edge);
void warpgate_edge_send_health(struct warpgate_edge *edge);
void warpgate_edge_tick(struct warpgate_edge *edge, int64_t now_ms);
/* No new tunnels; drains those there are. With the last of them the edge leaves its list and is freed: perhaps at once. */
void warpgate_edge_leave(struct warpgate_edge *edge);
/* Aborts all tunnels, also of an edge that leaves. */
void warpgate_edge_abort(struct warpgate_edge *edge);

#endif
