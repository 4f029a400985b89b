/* warpgate_pool.h: where an upstream's links stand: being dialled, idle, shared, or lent out.
 *
 * The lists and counts alone: who waits for a link, and when one is dialled, is warpgate_upstream.c's, whose member this is. A link is on one
 * list at most (link->node, link->place), from its dialling until its connection is gone; a link that is lent is on none.
 * Loop thread. Closing a link does not call back from inside (warpgate_link.h).
 */
#ifndef WARPGATE_WARPGATE_POOL_H
#define WARPGATE_WARPGATE_POOL_H

#include "warpgate/warpgate_link.h"

#define WARPGATE_POOL_IDLE_MAX 256

/* Where the pool keeps a link: link->place. */
enum warpgate_place {
    WARPGATE_PLACE_PROBE, /* dialled to learn about the workload's health, for nobody; on pool->dialling */
    WARPGATE_PLACE_DIALLED_FOR_ANY, /* these two are for the lanes of the queue, and on pool->dialling */
    WARPGATE_PLACE_DIALLED_FOR_FRESH,
    WARPGATE_PLACE_IDLE,     /* HTTP/1.1, on pool->idle, most recently used first */
    WARPGATE_PLACE_RETURNED, /* HTTP/1.1, on pool->returned until it is safe to look at its engine */
    WARPGATE_PLACE_SHARED,   /* HTTP/2, on pool->shared, oldest first */
    WARPGATE_PLACE_NONE, /* on no list: HTTP/1.1 with an exchange, HTTP/2 that takes no more, or closing */
};

struct warpgate_pool {
    struct list dialling;
    struct list idle;
    struct list returned;
    struct list shared;
    size_t idle_count;
    bool is_cleared; /* what comes back is closed */
};

void warpgate_pool_init(struct warpgate_pool *pool);
/* From wherever it stands. */
void warpgate_pool_put(struct warpgate_pool *pool, struct warpgate_link *link,
                       enum warpgate_place place);
void warpgate_pool_close(struct warpgate_pool *pool, struct warpgate_link *link);
/* To the idle ones; when they are more than WARPGATE_POOL_IDLE_MAX the one used longest ago is closed. */
void warpgate_pool_rest(struct warpgate_pool *pool, struct warpgate_link *link);
/* Closes the one used longest ago; there is one. */
void warpgate_pool_close_idlest(struct warpgate_pool *pool);
/* Outside of the links' events: what came back rests, if it still works. */
void warpgate_pool_look_at_returned(struct warpgate_pool *pool);
/* A link for one more exchange: the idle one used last, taken off its list, or else a shared one with room. NULL: none. */
struct warpgate_link *warpgate_pool_find(struct warpgate_pool *pool);
/* Cancels what is being dialled (no events) and closes the rest, now and when it comes back. Returns how many were cancelled. */
size_t warpgate_pool_clear(struct warpgate_pool *pool);

#endif
