/* store_master_key.h: the master key in the file master.key: one line, base64url of 32 random bytes, mode 0600.
 *
 * Read or made once, when the store is opened, by the thread that opens it; it wraps the data keys (store_vault.h) and does nothing else. Without it
 * nothing in the database can be read: it belongs into a backup, and not into the same one. The caller owns the key and wipes it.
 */
#ifndef STORE_STORE_MASTER_KEY_H
#define STORE_STORE_MASTER_KEY_H

#include "base/random.h"
#include "store/store.h"

/* Reads it, or, when there is none and `may_make`, makes it: it has reached the disk under its name when this returns.
 * STATUS_NOT_FOUND (master_key_missing), STATUS_INVALID (master_key_invalid), STATUS_DENIED (data_not_writable),
 * STATUS_UNAVAILABLE (storage_full), STATUS_FAILED. */
enum status store_master_key_file(const char *folder, const struct random *random, bool may_make,
                                  uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) MUST_USE;

#endif
