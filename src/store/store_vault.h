/* store_vault.h: the keys, and what is done with them: sealing, opening, keyed hashes for look-ups.
 *
 * Every scope (an organization's id, or "system") has a random data key of 256 bits, kept in table data_key wrapped by the master key;
 * the sealed forms are store_seal.h's. The scope "lookup" holds the key of the keyed hashes: it is wrapped, not derived, so that a new
 * master key needs no new hashes.
 *
 * Unwrapped keys stay in memory until the vault is freed, which wipes them, or until the installation's generation has grown: other data
 * keys are in force, or the whole database is another one (store_generation.h). Each transaction reads the generation when it begins, so
 * that none seals with a key that is no longer the newest. Where a key is wrapped by a master key that is not known here, the
 * source is asked again: a new master key needs no restart. Safe from any thread.
 */
#ifndef STORE_STORE_VAULT_H
#define STORE_STORE_VAULT_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "pki/digest.h"
#include "store/store.h"
#include "store/store_driver.h"
#include "store/store_seal.h"

#define STORE_VAULT_SYSTEM STR("system")

struct store_vault;

/* Where a value stands: what its seal is bound to. */
struct store_vault_place {
    struct str scope;
    const char *table;
    struct str row;
    const char *column;
};

/* Within a writing transaction of `connection`: makes the keys of the installation at the first start. STATUS_DENIED (master_key_wrong), STATUS_INVALID (data_corrupt), and what the source says. */
enum status store_vault_new(const struct store_key_source *source,
                            struct store_connection *connection, const struct clock *clock,
                            const struct random *random, struct store_vault **vault,
                            struct why *why) MUST_USE;
void store_vault_free(struct store_vault **vault);

/* At the beginning of a transaction: which generation it sees. */
enum status store_vault_follow(struct store_vault *vault, struct store_connection *connection,
                               struct why *why) MUST_USE;
/* In every scope a newer version of the data key, which seals from now on; in the connection's writing transaction, which also raises the
 * generation. A scope that has two already, since an earlier renewal did not come to its end, is left as it is. */
enum status store_vault_renew_scopes(struct store_vault *vault, struct store_connection *connection,
                                     struct why *why) MUST_USE;

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
/* The same text under the newest key: *resealed is `sealed` itself where it is that already. */
enum status store_vault_reseal(struct store_vault *vault, struct store_connection *connection,
                               const struct store_vault_place *place, struct str sealed,
                               struct arena *arena, struct str *resealed, struct why *why) MUST_USE;
/* The keyed hash by which a column is looked up: HMAC-SHA-256 under a key of this column's own. ASCII letters are folded to
 * lower case. `scope` keeps equal texts of different tenants apart; empty where the text is unique everywhere. */
void store_vault_lookup(const struct store_vault *vault, const char *table, const char *column,
                        struct str scope, struct str text, uint8_t out[DIGEST_BYTES]);
/* The same for bytes, without folding. */
void store_vault_lookup_bytes(const struct store_vault *vault, const char *table,
                              const char *column, struct str bytes, uint8_t out[DIGEST_BYTES]);

#endif
