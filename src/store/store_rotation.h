/* store_rotation.h: new keys for a database that is in use.
 *
 * A new master key wraps all data keys again, in one transaction: whenever the process or the machine dies, the database is under the one
 * or under the other, and says which. Processes that run have the data keys in memory, and ask their source for the new master key when they
 * meet it (store_vault.h).
 *
 * New data keys are a version more in each scope, which seals everything written from the next transaction on; then all rows are
 * sealed again, a handful in each transaction, and the old versions deleted. Cut short, it is gone on with by the next
 * call. The key of the keyed hashes stays: hashes of what is kept nowhere else cannot be made anew.
 */
#ifndef STORE_STORE_ROTATION_H
#define STORE_STORE_ROTATION_H

#include "store/store_tool.h"

/* Of a tool that is open to WRITE. *key_count data keys were wrapped again. STATUS_DENIED (master_key_wrong), what the source says,
 * as the driver says. Nothing has changed unless STATUS_OK is returned. */
enum status store_rotation_master(struct store_tool *tool, const struct store_key_source *present,
                                  const uint8_t next[STORE_MASTER_KEY_BYTES], uint64_t *key_count,
                                  struct why *why) MUST_USE;
/* *row_count rows were sealed again. STATUS_CONFLICT (rotation_overtaken: a restore came in between), STATUS_FAILED (seal_broken: a row
 * that does not open; old keys are kept), and as above. */
enum status store_rotation_data_keys(struct store_tool *tool,
                                     const struct store_key_source *present, uint64_t *row_count,
                                     struct why *why) MUST_USE;

#endif
