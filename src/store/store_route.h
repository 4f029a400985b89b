/* store_route.h: routes of an environment, in list order.
 *
 * Every change raises the environment's bundle_revision in the same transaction (store_environment.h), and so leads to a new bundle. What
 * a route may say is judged before (route_settings.h, bundle.h): rows are kept as they are given. Every call carries the organization. Texts of
 * rows are borrowed from the arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_ROUTE_H
#define STORE_STORE_ROUTE_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_ROUTE_MATCH_MAX 16
#define STORE_ROUTE_PATH_MAX 1024
#define STORE_ROUTE_UPSTREAM_MAX 63
#define STORE_ROUTE_OPTIONS_MAX 16384
#define STORE_ROUTE_MANAGER_MAX 64
#define STORE_ROUTES_MAX 10000 /* of one environment */

struct store_route {
    struct store_object object;
    struct id environment;
    int64_t position; /* list order; an insert puts it last */
    struct str match; /* "prefix", "exact", "regexp": policy/route_program.h judges it */
    struct str path;
    struct str upstream; /* name of an upstream that the warpgate declares */
    struct str
        options; /* what differs from the standard, as control/setting_document.h writes it; may be empty */
    struct str managed_by; /* the manifest that it comes from; empty: none */
};

/* At the end of the list. STATUS_NOT_FOUND (no such environment in object.organization), STATUS_TOO_LARGE (routes_too_many). */
enum status store_route_insert(struct store_tx *tx, struct store_route *route) MUST_USE;
/* The same at `position`, without counting: for callers that know what else there is. */
enum status store_route_insert_at(struct store_tx *tx, struct store_route *route) MUST_USE;
enum status store_route_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                            struct arena *arena,
                            struct store_route *route) MUST_USE; /* STATUS_NOT_FOUND */
/* One page in list order (page->order is not looked at); the cursor is position and id. */
enum status store_route_list(struct store_tx *tx, const struct id *organization,
                             const struct id *environment, struct store_page *page,
                             struct arena *arena, struct store_route **rows,
                             size_t *count) MUST_USE;
/* All of them in list order, at most STORE_ROUTES_MAX: for the bundle. */
enum status store_route_list_all(struct store_tx *tx, const struct id *organization,
                                 const struct id *environment, struct arena *arena,
                                 struct store_route **rows, size_t *count) MUST_USE;
/* Writes position, match, path, upstream, options, managed_by. STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_route_update(struct store_tx *tx, struct store_route *route) MUST_USE;
/* STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_route_delete(struct store_tx *tx, const struct id *organization,
                               const struct id *id, uint64_t revision) MUST_USE;

#endif
