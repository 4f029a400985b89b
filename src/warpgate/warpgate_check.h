/* warpgate_check.h: the active check of one workload: GET, every so often, on a connection of its own.
 *
 * What the bundle asks for (bundle.h): path, interval, timeout. The interval is varied by a tenth either way, so that many
 * warpgates do not ask as one. 2xx and 3xx pass. The pool of connections is not touched: a workload that is busy is checked all the same.
 * A check exists only where one is configured; nothing of it is kept, and no timer runs, where none is.
 */
#ifndef WARPGATE_WARPGATE_CHECK_H
#define WARPGATE_WARPGATE_CHECK_H

#include "warpgate/warpgate_link.h"

struct warpgate_check;

struct warpgate_check_config {
    struct warpgate_parts *parts;
    const struct warpgate_target *target; /* these two live as long as the check */
    const struct warpgate_link_tls *tls;
    /* `why` is NULL when it passed. Slugs of the link's failure, or check_timeout, check_closed, check_status. */
    void (*on_result)(void *context, const struct why *why);
    void *context;
};

/* The first try comes within a second. */
struct warpgate_check *warpgate_check_new(const struct warpgate_check_config *config,
                                          const struct bundle_health_check *what);
/* Does it ask for just this? */
bool warpgate_check_is(const struct warpgate_check *check, const struct bundle_health_check *what);
/* No result comes any more; the memory goes later (parts are counted). NULLs the pointer; NULL is allowed. */
void warpgate_check_free(struct warpgate_check **check);

#endif
