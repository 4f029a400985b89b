/* store_master_key.h: where the master key comes from: a file, the environment, or a command.
 *
 * The master key is 32 random bytes that wrap the data keys (store_vault.h) and do nothing else. Without it nothing in the database can be
 * read: it belongs into a backup, and not into the same one. As text it is base64url, base64 or hexadecimal, on one line.
 *
 * In a file (by default master.key in the data folder; mode 0600) it is made at the first start. Beside it, under the same name with
 * ".next", stands the key that a rotation (store_rotation.h) is about to put in its place: whichever of the two the database is under, opens
 * it; when that is the second, it takes the first one's name, and the first one is kept as ".previous". A key given itself stays in memory. A command
 * is run through /bin/sh each time that the key is asked for, 30 s at most; what it prints to standard output is the key, and nothing of it is logged.
 *
 * Any thread. Callers own the keys and wipe them.
 */
#ifndef STORE_STORE_MASTER_KEY_H
#define STORE_STORE_MASTER_KEY_H

#include "base/random.h"
#include "base/secret.h"
#include "store/store.h"

#define STORE_MASTER_KEY_NEXT ".next"
#define STORE_MASTER_KEY_PREVIOUS ".previous"

/* At most one of `file`, `text` and `command` is given: else the file master.key in the folder. All is borrowed for as long as the
 * source is used. */
struct store_master_key {
    const char *folder;
    const char *file;
    const struct secret *text; /* NULL or empty: not given */
    const char *command;
    const struct random *random; /* NULL: the system's */
};

/* Its fetch returns STATUS_NOT_FOUND (master_key_missing), STATUS_INVALID (master_key_invalid), STATUS_DENIED (data_not_writable),
 * STATUS_UNAVAILABLE (storage_full), STATUS_FAILED (master_key_command), STATUS_CONFLICT (master_key_sources: more than one is given). */
struct store_key_source store_master_key_source(struct store_master_key *from);
/* Whether it is a file, and then which. */
bool store_master_key_path(const struct store_master_key *from, char *out, size_t out_size);

/* One key from one file; when there is none and `may_make`, it is made: it has reached the disk under its name when this returns. */
enum status store_master_key_file(const char *path, const struct random *random, bool may_make,
                                  uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) MUST_USE;
/* The second of the file's keys takes the first one's name, which is kept as ".previous". Fails silently but for a line in the log:
 * the next start tries again. */
void store_master_key_settle(const char *path);
/* STATUS_INVALID (master_key_invalid: `from` names what does not hold one, as "…/master.key"). */
enum status store_master_key_decode(struct str text, const char *from,
                                    uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) MUST_USE;

#endif
