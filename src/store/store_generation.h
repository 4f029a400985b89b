/* store_generation.h: a number of the whole installation that grows when what processes keep of it in memory is void.
 *
 * A restore replaces everything; new data keys replace those that seal. Whoever does either raises the generation in the same
 * transaction, and every transaction reads it when it begins (store_vault_follow). Works the same on every database, for processes
 * that know nothing of each other. Failures: store_driver.h.
 */
#ifndef STORE_STORE_GENERATION_H
#define STORE_STORE_GENERATION_H

#include "store/store_driver.h"

/* What the connection's transaction sees; 0 at the beginning. */
enum status store_generation_read(struct store_connection *connection, int64_t *generation,
                                  struct why *why) MUST_USE;
/* Sets it, in the connection's writing transaction. Never downwards: that is the caller's to see to. */
enum status store_generation_write(struct store_connection *connection, int64_t generation,
                                   struct why *why) MUST_USE;

#endif
