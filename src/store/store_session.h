/* store_session.h: signed-in sessions of members at the API.
 *
 * Only a keyed hash of the token is kept: who reads the database can sign in as nobody. This is the record; identity_session.h decides what is still
 * valid. Texts of rows are borrowed from the arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_SESSION_H
#define STORE_STORE_SESSION_H

#include "base/arena.h"
#include "pki/digest.h"
#include "store/store_tx.h"

#define STORE_SESSION_ADDRESS_MAX 64
#define STORE_SESSION_AGENT_MAX 200

struct store_session {
    struct store_object object; /* organization: none */
    struct id member;
    int64_t expires_at_ms; /* at the latest */
    int64_t last_used_at_ms;
    struct str ip_address; /* where it began; empty in sessions of older versions */
    struct str user_agent; /* as its client says */
};

/* `sha256` is the digest of the token. STATUS_NOT_FOUND (no such member). */
enum status store_session_insert(struct store_tx *tx, struct store_session *session,
                                 const uint8_t sha256[DIGEST_BYTES]) MUST_USE;
/* By the token's digest. Expired ones are found, too. STATUS_NOT_FOUND. */
enum status store_session_find_any(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                   struct arena *arena, struct store_session *session) MUST_USE;
/* Those of a member, expired ones too. */
enum status store_session_list(struct store_tx *tx, const struct id *member,
                               struct store_page *page, struct arena *arena,
                               struct store_session **rows, size_t *count) MUST_USE;
/* Writes last_used_at_ms (the transaction's time). STATUS_NOT_FOUND. */
enum status store_session_used(struct store_tx *tx, const struct id *id) MUST_USE;
enum status store_session_delete(struct store_tx *tx,
                                 const struct id *id) MUST_USE; /* STATUS_NOT_FOUND */
/* The same, if it is this member's. STATUS_NOT_FOUND. */
enum status store_session_delete_of(struct store_tx *tx, const struct id *member,
                                    const struct id *id) MUST_USE;
enum status store_session_delete_of_member(struct store_tx *tx, const struct id *member) MUST_USE;
/* All of the member's but this one. */
enum status store_session_delete_others(struct store_tx *tx, const struct id *member,
                                        const struct id *kept) MUST_USE;
/* Deletes what has expired, or was last used before `idle_before_ms`. */
enum status store_session_prune(struct store_tx *tx, int64_t idle_before_ms) MUST_USE;

#endif
