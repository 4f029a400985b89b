/* store_migration.h: the schema, as numbered steps that only go forward.
 *
 * Each step is applied once, in a transaction of its own, which is alone in the database: of several processes that start at once, one
 * applies it and the others find it done. It is recorded in the table `migration` with the SHA-256 of its text. A step that
 * has been released is never edited: its checksum would no longer fit.
 */
#ifndef STORE_STORE_MIGRATION_H
#define STORE_STORE_MIGRATION_H

#include "base/clock.h"
#include "store/store_driver.h"

/* Brings the schema up to date. STATUS_UNSUPPORTED (data_newer), STATUS_INVALID (data_corrupt: a step's record does not fit, or
 * `must_exist` and there is no schema), or what the driver says. */
enum status store_migration_run(struct store_connection *connection, const struct clock *clock,
                                bool must_exist, struct why *why) MUST_USE;
/* The same up to the step with number `last`: a database as an older version left it, for tests. */
enum status store_migration_run_until(struct store_connection *connection,
                                      const struct clock *clock, bool must_exist, size_t last,
                                      struct why *why) MUST_USE;

/* Within the caller's transaction, for who makes or judges a schema as a whole (store_restore.h). */

/* How many steps were applied; 0 also where there is no schema at all. Failures as above. */
enum status store_migration_count(struct store_connection *connection, size_t *applied,
                                  struct why *why) MUST_USE;
/* Applies the steps up to number `last` that are missing. */
enum status store_migration_apply(struct store_connection *connection, const struct clock *clock,
                                  size_t last, struct why *why) MUST_USE;

#endif
