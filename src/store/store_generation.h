/* store_generation.h: two numbers of the whole installation that grow when what processes keep of it in memory is void.
 *
 * "generation": the data keys that seal are others, by a renewal or because everything was replaced by a restore. Every
 * transaction reads it when it begins (store_vault_follow). "restored": everything was replaced; the control plane looks at it.
 * Whoever is the cause raises them in the same transaction. Works the same on every database, for processes that know nothing of each
 * other. Failures: store_driver.h.
 */
#ifndef STORE_STORE_GENERATION_H
#define STORE_STORE_GENERATION_H

#include "store/store_driver.h"
#include "store/store_tx.h"

#define STORE_GENERATION_KEYS STR("generation")
#define STORE_GENERATION_RESTORED STR("restored")

/* What the connection's transaction sees; 0 at the beginning. */
enum status store_generation_read(struct store_connection *connection, struct str name,
                                  int64_t *generation, struct why *why) MUST_USE;
/* Sets it, in the connection's writing transaction. Never downwards: that is the caller's to see to. */
enum status store_generation_write(struct store_connection *connection, struct str name,
                                   int64_t generation, struct why *why) MUST_USE;
/* When everything was replaced the last time, as a transaction sees it; 0: never. */
enum status store_generation_restored(struct store_tx *tx, int64_t *restored) MUST_USE;

#endif
