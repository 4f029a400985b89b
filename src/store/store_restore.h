/* store_restore.h: puts a backup (store_backup.h) in the place of everything that a database holds, in one transaction.
 *
 * The file is read twice: first to the end, to see that it is whole, then into the database, whose schema is made as it was when the
 * backup was made, and brought up to date afterwards. Before it counts, the master key has to open the backup's keys. Until the commit, processes that
 * run go on with what was there; then their transactions see the new keys (store_generation.h), and control planes
 * rebuild what they have told edges. Sessions have ended. Bundle revisions go on from the clock's time or from what was there, whichever is
 * greater, so that no edge is ever told an older one. Another database than the backup's is fine.
 */
#ifndef STORE_STORE_RESTORE_H
#define STORE_STORE_RESTORE_H

#include <stdio.h>

#include "store/store_tool.h"

struct store_restore_result {
    int64_t made_at_ms; /* of the backup */
    uint64_t row_count;
};

/* Of a tool that is open to MAKE. `file` can be read again from its beginning. STATUS_CONFLICT (data_exists: there is an installation,
 * and not `is_forced`), STATUS_UNSUPPORTED (backup_newer), STATUS_INVALID (backup_damaged, backup_not_ours), what the source of the
 * master key says, STATUS_DENIED (master_key_wrong), and as the driver says. Nothing has changed unless STATUS_OK is returned. */
enum status store_restore_read(struct store_tool *tool, const struct store_key_source *master_key,
                               FILE *file, bool is_forced, struct store_restore_result *result,
                               struct why *why) MUST_USE;

#endif
