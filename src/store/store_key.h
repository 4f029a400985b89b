/* store_key.h: keys of service accounts: never the key, only a keyed hash of its SHA-256 and its first eight characters.
 *
 * Enrolment finds a key by its hash alone, over all tenants, and learns from the row whose it is; everything else about keys goes
 * through an organization. A revoked key stays as a row, so that what it did can be told. Texts of rows are borrowed from the arena that is given; threads
 * and failures: store_tx.h.
 */
#ifndef STORE_STORE_KEY_H
#define STORE_STORE_KEY_H

#include "base/arena.h"
#include "pki/digest.h"
#include "store/store_tx.h"

#define STORE_KEY_PREFIX_MAX 8
#define STORE_KEYS_LIVE_MAX 2 /* of one service account: the one in use and its successor */

struct store_key {
    struct store_object object;
    struct id service_account;
    struct id project;       /* the service account's */
    int64_t last_used_at_ms; /* 0: never */
    int64_t revoked_at_ms;   /* 0: not revoked */
    int64_t expires_at_ms;   /* 0: never */
    struct str prefix;       /* the first eight characters, for people */
    struct str last_used_ip; /* the address that it was last used from */
};

/* `sha256` is api_key_hash of the key. object.organization and service_account are the caller's, project is filled in.
 * STATUS_NOT_FOUND (no such service account), STATUS_CONFLICT (keys_too_many: STORE_KEYS_LIVE_MAX are neither revoked nor expired). */
enum status store_key_insert(struct store_tx *tx, struct store_key *key,
                             const uint8_t sha256[DIGEST_BYTES]) MUST_USE;
enum status store_key_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                          struct arena *arena,
                          struct store_key *key) MUST_USE; /* STATUS_NOT_FOUND */
enum status store_key_list(struct store_tx *tx, const struct id *organization,
                           const struct id *service_account, struct store_page *page,
                           struct arena *arena, struct store_key **rows, size_t *count) MUST_USE;
/* By the secret's hash, over all tenants, revoked and expired ones too: the caller looks. STATUS_NOT_FOUND. */
enum status store_key_find_any(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                               struct arena *arena, struct store_key *key) MUST_USE;
/* Writes last_used_at_ms (the transaction's time) and last_used_ip. STATUS_NOT_FOUND. */
enum status store_key_used(struct store_tx *tx, const struct store_key *key,
                           struct str ip_address) MUST_USE;
/* Ends the key and every warpgate that enrolled with it, whose certificates are revoked (store_revocation.h) until
 * `certificates_end_at_ms`. Revoking again changes nothing. STATUS_NOT_FOUND. */
enum status store_key_revoke(struct store_tx *tx, const struct id *organization,
                             const struct id *id, int64_t certificates_end_at_ms) MUST_USE;

#endif
