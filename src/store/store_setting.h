/* store_setting.h: documents of the installation itself, by name: the CA, signing keys.
 *
 * Of no tenant, and sealed with the system's data key. Written when the installation is made, and read at each start; what is read may be a
 * secret, which its reader wipes. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_SETTING_H
#define STORE_STORE_SETTING_H

#include "base/buf.h"
#include "store/store_tx.h"

#define STORE_SETTING_NAME_MAX 64 /* [a-z0-9_.], not sealed */
#define STORE_SETTING_BYTES_MAX (1u << 20)

/* Appends the value to `value`, which is the caller's to fini wiped. STATUS_NOT_FOUND, STATUS_TOO_LARGE. */
enum status store_setting_get(struct store_tx *tx, struct str name, struct buf *value) MUST_USE;
/* Makes or replaces it. STATUS_TOO_LARGE, STATUS_INVALID (name). */
enum status store_setting_set(struct store_tx *tx, struct str name, struct str value) MUST_USE;
/* STATUS_NOT_FOUND. */
enum status store_setting_delete(struct store_tx *tx, struct str name) MUST_USE;

#endif
