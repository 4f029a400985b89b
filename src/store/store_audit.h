/* store_audit.h: what was changed, by whom, when and from where: rows that are added, read and, when they are old, pruned. Nothing changes one.
 *
 * An event of an organization is sealed with the organization's data key, and goes with it. Its project and environment are kept without a
 * reference, since an event outlives what it tells of. What belongs to no organization (edges, the CA, who failed to sign in)
 * is in a table of its own, sealed with the system's key: that of the installation. Ids and the action are not sealed: they are filtered by.
 * Texts of rows are borrowed from the arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_AUDIT_H
#define STORE_STORE_AUDIT_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_AUDIT_ACTION_MAX 64
#define STORE_AUDIT_NAME_MAX 320
#define STORE_AUDIT_IP_MAX 64
#define STORE_AUDIT_VALUE_MAX 65536
#define STORE_AUDIT_TIME_MAX INT64_C(253402300799999) /* the end of the year 9999 */

struct store_audit {
    struct store_object
        object;        /* organization: none where it is of the installation. No revision. */
    struct id project; /* none: of no project, or of all; as the rest of the ids */
    struct id environment;
    struct id actor;  /* none: the system, or somebody unknown */
    struct id target; /* what was changed */
    struct id request;
    struct str action;     /* "route.updated": a word of our own */
    struct str actor_name; /* as it was then: an e-mail address, a service account's name */
    struct str ip_address;
    struct str before; /* JSON objects; empty: none */
    struct str after;
};

/* What a list is to show: none and empty: whatever it is. */
struct store_audit_filter {
    struct id actor;
    struct id target;
    struct id project;
    struct id environment;
    struct str action;
    int64_t since_ms; /* from here on */
    int64_t until_ms; /* before; 0: no end */
};

/* Into the table that object.organization tells. STATUS_NOT_FOUND (parent_not_found): no such organization. */
enum status store_audit_insert(struct store_tx *tx, struct store_audit *event) MUST_USE;
enum status store_audit_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                            struct arena *arena,
                            struct store_audit *event) MUST_USE; /* STATUS_NOT_FOUND */
enum status store_audit_list(struct store_tx *tx, const struct id *organization,
                             const struct store_audit_filter *filter, struct store_page *page,
                             struct arena *arena, struct store_audit **rows,
                             size_t *count) MUST_USE;
/* Those of the installation; project and environment of the filter are not looked at. */
enum status store_audit_list_free(struct store_tx *tx, const struct store_audit_filter *filter,
                                  struct store_page *page, struct arena *arena,
                                  struct store_audit **rows, size_t *count) MUST_USE;
/* Deletes at most `limit` rows of each table that are older than `before_ms`. `deleted`: of the table that had more; fewer than `limit` means
 * that none are left. */
enum status store_audit_prune_any(struct store_tx *tx, int64_t before_ms, uint32_t limit,
                                  uint64_t *deleted) MUST_USE;

/* The project that an environment or a service account belongs to; none (and STATUS_OK) where there is no such
 * object any more. `of` may be an id of any other kind: none. */
enum status store_audit_project_of(struct store_tx *tx, const struct id *organization,
                                   const struct id *of, struct id *project) MUST_USE;

#endif
