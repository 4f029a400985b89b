/* warpgate_upstream.h: one declared workload and the links to it (warpgate_link.h, warpgate_pool.h), lent out for one exchange each.
 *
 * A request takes a link, or waits in a bounded queue until there is one. HTTP/1.1: a link carries one exchange; the one
 * used last is lent first; at most WARPGATE_POOL_IDLE_MAX stay open unused, for at most a minute (and none that never carried a
 * request: a workload that serves one connection at a time would be blocked by it). HTTP/2: few links, each with as many
 * exchanges as the workload takes; another is dialled when those are full, one at a time. Which of the two an https workload speaks is
 * learned from the link dialled last. A WebSocket over HTTP/1.1 gets a new link of its own, which never comes back.
 *
 * Health (warpgate_health.h): the workload is tried once at start; when it cannot be reached, those who wait are told, and it is tried again
 * every few seconds until it can. Where the bundle asks for it, warpgate_check.h asks besides.
 */
#ifndef WARPGATE_WARPGATE_UPSTREAM_H
#define WARPGATE_WARPGATE_UPSTREAM_H

#include "warpgate/warpgate_health.h"
#include "warpgate/warpgate_link.h"

#define WARPGATE_UPSTREAM_LINKS_MAX 1024
#define WARPGATE_UPSTREAM_SHARED_MAX 64 /* of these, HTTP/2 */
#define WARPGATE_UPSTREAM_WAITING_MAX 8192

struct warpgate_upstream;

/* A place in the queue; embedded in a request. Exactly one of the two is called, later, unless it leaves before. */
struct warpgate_waiter {
    struct list node;                   /* list_init before first use */
    struct warpgate_upstream *upstream; /* set by take */
    uint32_t connect_ms;                /* for a link that is dialled for it */
    bool is_websocket;
    void (*on_ready)(struct warpgate_waiter *waiter, struct warpgate_link *link);
    /* Slugs as in warpgate_link.h, and no_websocket. */
    void (*on_failed)(struct warpgate_waiter *waiter, const struct why *why);
};

/* Tries to reach the workload once at start. `tls` as in warpgate_link.h: references are taken. */
struct warpgate_upstream *warpgate_upstream_new(struct warpgate_parts *parts,
                                                const struct warpgate_target *target,
                                                const struct warpgate_link_tls *tls);
/* Closes all links that are not lent, and those when they come back; the memory goes when nothing can call back any more (parts
 * are counted). NULLs the pointer. */
void warpgate_upstream_free(struct warpgate_upstream **upstream);
const struct warpgate_target *warpgate_upstream_target(const struct warpgate_upstream *upstream);
enum warpgate_health warpgate_upstream_health(const struct warpgate_upstream *upstream);
/* A bundle is in force: each upstream of `context` (struct warpgate_parts) follows what it says about health checks. */
void warpgate_upstream_follow(void *context);

/* STATUS_OK: *link is the caller's. STATUS_AGAIN: the waiter stands in the queue. STATUS_UNAVAILABLE: the queue is full.
 * STATUS_UNSUPPORTED: a WebSocket, and the workload's HTTP/2 takes none. */
enum status warpgate_upstream_take(struct warpgate_upstream *upstream,
                                   struct warpgate_waiter *waiter,
                                   struct warpgate_link **link) MUST_USE;
/* Leaves the queue; nothing happens if it does not stand there. */
void warpgate_upstream_leave(struct warpgate_waiter *waiter);
/* Who waits, waits for others to be done: no further link may be dialled. */
bool warpgate_upstream_is_full(const struct warpgate_upstream *upstream);
/* The exchange is over, well or not; NULLs the pointer. May be called from the exchange's own events. */
void warpgate_upstream_give_back(struct warpgate_link **link);

#endif
