/* store_erasure.h: the end of an organization: every row of it, its data key, and what is left of them in the database's files.
 *
 * An organization whose time has come (delete_at_ms, store_organization.h) is erased in one transaction: its rows go with it, people who belonged
 * to no other go too (unless they run the installation), and its data key, so that whatever is still somewhere under that key (a backup, a
 * block of a disk) can be read by nobody who has not that key from elsewhere. Processes forget the key with the next transaction (store_generation.h).
 * Afterwards store_erasure_scrub makes the database drop what it keeps of deleted rows: SQLite is written anew and its log emptied (which takes
 * as much room again for a moment), PostgreSQL vacuumed. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_ERASURE_H
#define STORE_STORE_ERASURE_H

#include "base/arena.h"
#include "store/store_tx.h"

/* Those whose time has come, some of them at a time. */
enum status store_erasure_due_any(struct store_tx *tx, struct arena *arena, struct id **ids,
                                  size_t *count) MUST_USE;
/* STATUS_NOT_FOUND: it is not there, or its time has not come (any more). */
enum status store_erasure_run(struct store_tx *tx, const struct id *organization) MUST_USE;
/* For one that was taken back: its environment's bundle gets a revision above any that was in force when edges dropped it, which they know
 * by the time (milliseconds since 1970). STATUS_NOT_FOUND. */
enum status store_erasure_return(struct store_tx *tx, const struct id *organization,
                                 const struct id *environment) MUST_USE;
/* Outside of any transaction of this thread; others wait. */
enum status store_erasure_scrub(struct store *store, struct why *why) MUST_USE;

#endif
