/* store_backup.h: everything that the database holds, as one file (store_backup_file.h), while processes go on.
 *
 * One reading transaction sees one consistent state. Rows go as they are, sealed, so no key is needed and the file tells nobody anything but
 * how much there is of what. The master key is not in it: without that, it cannot be restored. The file fits every database.
 */
#ifndef STORE_STORE_BACKUP_H
#define STORE_STORE_BACKUP_H

#include <stdio.h>

#include "store/store_tool.h"

struct store_backup_result {
    uint64_t table_count;
    uint64_t row_count;
};

/* Of a tool that is open for reading. STATUS_INVALID (data_missing: no schema), STATUS_UNSUPPORTED (data_newer), as the driver says,
 * and as store_backup_file_write_end. */
enum status store_backup_write(struct store_tool *tool, FILE *file,
                               struct store_backup_result *result, struct why *why) MUST_USE;

#endif
