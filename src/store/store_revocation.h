/* store_revocation.h: warpgates whose certificates must no longer be honoured although they have not expired.
 *
 * Edges are told the whole list when they connect, and each new entry at once (feed_hub.h). Entries are dropped when the
 * certificates have expired, which bounds the list. Of all tenants: an edge serves them all. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_REVOCATION_H
#define STORE_STORE_REVOCATION_H

#include "base/arena.h"
#include "store/store_statement.h"
#include "store/store_tx.h"

struct store_revocation {
    struct store_object object; /* id: evt_… */
    struct id environment;
    struct id warpgate;
    int64_t expires_at_ms; /* nothing of it is valid after this anyway */
};

/* Ends a warpgate: marks it revoked, if it is there, and adds the entry. Revoking keys and warpgates and deleting environments does
 * this by itself. A second entry for the same warpgate replaces the first. */
enum status store_revocation_insert(struct store_tx *tx,
                                    struct store_revocation *revocation) MUST_USE;
/* The same for every live warpgate that `live` (STATEMENT_WARPGATE_LIVE_OF_…) finds for the object `of`. For this layer. */
enum status store_revocation_insert_for(struct store_tx *tx, enum store_statement live,
                                        const struct id *organization, const struct id *of,
                                        int64_t expires_at_ms) MUST_USE;
/* Over all tenants, those not expired at the transaction's time. */
enum status store_revocation_list_any(struct store_tx *tx, struct store_page *page,
                                      struct arena *arena, struct store_revocation **rows,
                                      size_t *count) MUST_USE;
/* Deletes those that have expired. */
enum status store_revocation_prune_any(struct store_tx *tx) MUST_USE;

#endif
