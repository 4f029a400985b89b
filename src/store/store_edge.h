/* store_edge.h: edges that have joined: who may have a feed, and where warpgates and visitors find each.
 *
 * One row for each, of no tenant: an edge serves all of them. Whether it is connected, and how much it has to do, is not kept here: the
 * feeds know (edge_presence.h). A revoked one stays, so that its certificate is known to be void, until it would have expired.
 * Texts of rows are borrowed from the arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_EDGE_H
#define STORE_STORE_EDGE_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_EDGE_NAME_MAX 64
#define STORE_EDGE_ADDRESS_MAX 261 /* host, colon, port */
#define STORE_EDGE_VERSION_MAX 64
#define STORE_EDGE_IP_MAX 64

struct store_edge {
    struct store_object object; /* organization: none; created_at_ms: joined */
    bool is_enabled;            /* false: warpgates are told to leave it */
    bool is_embedded;           /* of a process that is control plane and edge in one */
    int64_t revoked_at_ms;      /* 0: live */
    int64_t last_seen_at_ms;    /* 0: never had a feed */
    int64_t certificate_until_ms;
    struct str name;
    struct str address; /* host:port where warpgates dial it */
    struct str version;
    struct str ip_address; /* where its feed came from */
};

enum status store_edge_insert(struct store_tx *tx, struct store_edge *edge) MUST_USE;
/* Writes is_enabled, name and address, if object.revision is the current one. STATUS_NOT_FOUND, STATUS_CONFLICT. */
enum status store_edge_update(struct store_tx *tx, struct store_edge *edge) MUST_USE;
enum status store_edge_get(struct store_tx *tx, const struct id *id, struct arena *arena,
                           struct store_edge *edge) MUST_USE; /* STATUS_NOT_FOUND */
/* Those that are not revoked. */
enum status store_edge_list(struct store_tx *tx, struct store_page *page, struct arena *arena,
                            struct store_edge **rows, size_t *count) MUST_USE;
/* Revoked ones too. */
enum status store_edge_list_all(struct store_tx *tx, struct store_page *page, struct arena *arena,
                                struct store_edge **rows, size_t *count) MUST_USE;
/* What it reported: writes last_seen_at_ms, certificate_until_ms, version and ip_address; the revision stays. STATUS_NOT_FOUND. */
enum status store_edge_report(struct store_tx *tx, struct store_edge *edge) MUST_USE;
/* Its certificates are void from now on. STATUS_NOT_FOUND, also of one that is revoked already. */
enum status store_edge_revoke(struct store_tx *tx, const struct id *id) MUST_USE;
/* Deletes those that were revoked before `before_ms`. */
enum status store_edge_prune(struct store_tx *tx, int64_t before_ms) MUST_USE;

#endif
