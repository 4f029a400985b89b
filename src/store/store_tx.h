/* store_tx.h: transactions: everything read or written goes through one.
 *
 * A writing transaction is alone: the next one waits for it (a mutex within this process, the database between several), so
 * what it reads stays true until it commits, and it must be short: no network, no password hashing inside. Reading
 * transactions run beside it and see one consistent state. A committed transaction survives the loss of power: a commit
 * returns when it has reached the disk (store_sync.h: several share the wait; others may read it a few milliseconds earlier).
 *
 *     struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
 *     enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
 *     if (status == STATUS_OK) {
 *         status = store_route_insert(tx, &route);
 *     }
 *     return status == STATUS_OK ? store_tx_commit(&tx) : status;
 *
 * One thread has at most one transaction at a time. Every function that takes a transaction may, besides what its header
 * lists, return STATUS_UNAVAILABLE (storage_full: nothing is lost, reading goes on; storage_busy) or STATUS_FAILED
 * (store_failed, seal_broken). After a write that failed, for whatever reason, only a rollback is left: a commit fails.
 */
#ifndef STORE_STORE_TX_H
#define STORE_STORE_TX_H

#include "base/status.h"
#include "store/store.h"

struct store_tx;

enum store_tx_mode {
    STORE_READ, /* inserts, updates and deletes abort the process */
    STORE_WRITE,
};

/* `why` (may be NULL) is kept and filled by every function of this transaction that fails. */
enum status store_tx_begin(struct store *store, enum store_tx_mode mode, struct why *why,
                           struct store_tx **tx) MUST_USE;
/* Makes it lasting. The transaction is over in either case; *tx becomes NULL. STATUS_CONFLICT (tx_failed): a write failed. */
enum status store_tx_commit(struct store_tx **tx) MUST_USE;
/* Undoes everything; nothing happens when *tx is NULL. */
void store_tx_rollback(struct store_tx **tx);

struct store *store_tx_store(const struct store_tx *tx);
struct why *store_tx_why(const struct store_tx *tx); /* as given to begin */
int64_t
store_tx_now_ms(const struct store_tx *tx); /* wall time at begin: one time for all its rows */

#endif
