/* warpgate_upstream.h: one declared workload and the connections to it, kept alive and lent out one exchange at a time.
 *
 * A request takes a link, or waits in a bounded queue until one is given back or a new one stands. The link used last is lent
 * first; at most UPSTREAM_IDLE_MAX stay open unused, for at most a minute (and none that never carried a request: a workload that
 * serves one connection at a time would be blocked by it). When the workload cannot be reached, those who wait are told, and
 * it is tried again every few seconds so that its health is known.
 */
#ifndef WARPGATE_WARPGATE_UPSTREAM_H
#define WARPGATE_WARPGATE_UPSTREAM_H

#include "http/h1_client.h"
#include "warpgate/warpgate_parts.h"
#include "warpgate/warpgate_target.h"

#define WARPGATE_UPSTREAM_LINKS_MAX 1024
#define WARPGATE_UPSTREAM_IDLE_MAX 256
#define WARPGATE_UPSTREAM_WAITING_MAX 8192

struct warpgate_upstream;
struct warpgate_link;

enum warpgate_health {
    WARPGATE_HEALTH_UNKNOWN,
    WARPGATE_HEALTH_UP,
    WARPGATE_HEALTH_DOWN,
};

/* A place in the queue; embedded in a request. Exactly one of the two is called, later, unless it leaves before. */
struct warpgate_waiter {
    struct list node;                   /* list_init before first use */
    struct warpgate_upstream *upstream; /* set by take */
    void (*on_ready)(struct warpgate_waiter *waiter, struct warpgate_link *link);
    void (*on_failed)(struct warpgate_waiter *waiter, const struct why *why);
};

/* Tries to reach the workload once at start. */
struct warpgate_upstream *warpgate_upstream_new(struct warpgate_parts *parts,
                                                const struct warpgate_target *target);
/* Closes all links; the memory goes when the last is gone (parts are counted). NULLs the pointer. */
void warpgate_upstream_free(struct warpgate_upstream **upstream);
const struct warpgate_target *warpgate_upstream_target(const struct warpgate_upstream *upstream);
enum warpgate_health warpgate_upstream_health(const struct warpgate_upstream *upstream);

/* STATUS_OK: *link is the caller's. STATUS_AGAIN: the waiter stands in the queue. STATUS_UNAVAILABLE: the queue is full. */
enum status warpgate_upstream_take(struct warpgate_upstream *upstream,
                                   struct warpgate_waiter *waiter,
                                   struct warpgate_link **link) MUST_USE;
/* Leaves the queue; nothing happens if it does not stand there. */
void warpgate_upstream_leave(struct warpgate_waiter *waiter);

struct h1_client *warpgate_upstream_client(struct warpgate_link *link);
/* True when it has carried an exchange before this one: the workload may have closed it in the meantime. */
bool warpgate_upstream_is_reused(const struct warpgate_link *link);
/* The exchange is over, well or not; NULLs the pointer. May be called from the exchange's own events. */
void warpgate_upstream_give_back(struct warpgate_link **link);

#endif
