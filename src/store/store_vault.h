/* store_vault.h: the keys, and what is done with them: sealing, opening, keyed hashes for look-ups.
 *
 * Every scope (an organization's id, or "system") has a random data key of 256 bits, kept in table data_key wrapped by the master key.
 * A sealed value is
 *     1 byte format (1) | 4 bytes version of the data key, big-endian | 12 bytes nonce | ciphertext | 16 bytes tag
 * AES-256-GCM with the associated data "table|row id|column", so that a value put anywhere else does not open. A wrapped data key is
 * the same with the master key, "data_key|scope|version", and a version that tells master keys apart. The scope "lookup" holds the key
 * of the keyed hashes: it is wrapped, not derived, so that a new master key needs no new hashes.
 * Unwrapped keys stay in memory until the vault is freed, which wipes them. Safe from any thread.
 */
#ifndef STORE_STORE_VAULT_H
#define STORE_STORE_VAULT_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "pki/digest.h"
#include "store/store.h"
#include "store/store_driver.h"

#define STORE_VAULT_OVERHEAD 33 /* what sealing adds, in bytes */
#define STORE_VAULT_SYSTEM STR("system")

struct store_vault;

/* Where a value stands: what its seal is bound to. */
struct store_vault_place {
    struct str scope;
    const char *table;
    struct str row;
    const char *column;
};

/* Within a writing transaction of `connection`: makes the keys of the installation at the first start. STATUS_DENIED
 * (master_key_wrong), STATUS_INVALID (data_corrupt). */
enum status store_vault_new(const uint8_t master_key[STORE_MASTER_KEY_BYTES],
                            struct store_connection *connection, const struct clock *clock,
                            const struct random *random, struct store_vault **vault,
                            struct why *why) MUST_USE;
void store_vault_free(struct store_vault **vault);

/* A data key for a new scope, in the connection's transaction. */
enum status store_vault_add_scope(struct store_vault *vault, struct store_connection *connection,
                                  struct str scope, struct why *why) MUST_USE;

/* `sealed` is in the arena. STATUS_FAILED (seal_broken: there is no key of that scope). */
enum status store_vault_seal(struct store_vault *vault, struct store_connection *connection,
                             const struct store_vault_place *place, struct str text,
                             struct arena *arena, struct str *sealed, struct why *why) MUST_USE;
/* `text` is in the arena. STATUS_FAILED (seal_broken). */
enum status store_vault_unseal(struct store_vault *vault, struct store_connection *connection,
                               const struct store_vault_place *place, struct str sealed,
                               struct arena *arena, struct str *text, struct why *why) MUST_USE;
/* The keyed hash by which a column is looked up: HMAC-SHA-256 under a key of this column's own. ASCII letters are folded to
 * lower case. `scope` keeps equal texts of different tenants apart; empty where the text is unique everywhere. */
void store_vault_lookup(const struct store_vault *vault, const char *table, const char *column,
                        struct str scope, struct str text, uint8_t out[DIGEST_BYTES]);
/* The same for bytes, without folding. */
void store_vault_lookup_bytes(const struct store_vault *vault, const char *table,
                              const char *column, struct str bytes, uint8_t out[DIGEST_BYTES]);

#endif
