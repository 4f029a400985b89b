/* store_folder.h: the data folder: ours, writable, and ours alone for as long as it is open.
 *
 * The file mezusphere.lock marks the folder, is locked (flock) while a process has it open, and notes two things on one line:
 * "mezusphere 1 new|ready pid=N". "ready" means that a database has stood here, so that a database that has gone missing is
 * a fault and not a first start.
 */
#ifndef STORE_STORE_FOLDER_H
#define STORE_STORE_FOLDER_H

#include <stdbool.h>

#include "base/status.h"

#define STORE_FOLDER_PATH_SIZE 4096

struct store_folder {
    char path[STORE_FOLDER_PATH_SIZE];
    int lock; /* -1: not open */
    bool is_ready;
    bool has_database; /* store.db was there */
};

/* Makes the folder (0700, with parents) if it is absent. STATUS_CONFLICT (data_not_ours, data_in_use), STATUS_DENIED
 * (data_not_writable), STATUS_UNAVAILABLE (storage_full), STATUS_TOO_LARGE (data_path), STATUS_FAILED (store_failed). */
enum status store_folder_open(struct store_folder *folder, const char *path,
                              struct why *why) MUST_USE;
/* An existing folder, for a command beside the process that may have it open: the lock is taken if it is free, else *is_in_use. Nothing
 * is made. STATUS_NOT_FOUND (data_missing: no folder, or nothing of ours in it), and as open. */
enum status store_folder_visit(struct store_folder *folder, const char *path, bool *is_in_use,
                               struct why *why) MUST_USE;
/* Notes that the database stands. */
enum status store_folder_set_ready(struct store_folder *folder, struct why *why) MUST_USE;
void store_folder_close(struct store_folder *folder);
/* "<folder>/<name>". STATUS_TOO_LARGE (data_path). */
enum status store_folder_path(const struct store_folder *folder, const char *name,
                              char out[STORE_FOLDER_PATH_SIZE], struct why *why) MUST_USE;

#endif
