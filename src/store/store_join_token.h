/* store_join_token.h: one-time tokens by which edges join.
 *
 * Only a keyed hash of the secret is kept: who reads the database can let nobody in. A token is used in the transaction that makes the
 * edge, so of two that come with the same one, one joins. Texts of rows are borrowed from the arena that is given; threads
 * and failures: store_tx.h.
 */
#ifndef STORE_STORE_JOIN_TOKEN_H
#define STORE_STORE_JOIN_TOKEN_H

#include "base/arena.h"
#include "pki/digest.h"
#include "store/store_tx.h"

#define STORE_JOIN_TOKEN_NAME_MAX 64

struct store_join_token {
    struct store_object object; /* organization: none */
    struct id edge;             /* that joined with it; none: not used */
    int64_t expires_at_ms;
    int64_t used_at_ms;    /* 0: not used */
    int64_t revoked_at_ms; /* 0: not revoked */
    struct str name;       /* of the edge that is to join; may be empty */
};

/* `sha256` is the digest of the secret. */
enum status store_join_token_insert(struct store_tx *tx, struct store_join_token *token,
                                    const uint8_t sha256[DIGEST_BYTES]) MUST_USE;
/* By the secret's digest; used, revoked and expired ones too. STATUS_NOT_FOUND. */
enum status store_join_token_find(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                  struct arena *arena, struct store_join_token *token) MUST_USE;
enum status store_join_token_list(struct store_tx *tx, struct store_page *page, struct arena *arena,
                                  struct store_join_token **rows, size_t *count) MUST_USE;
/* For good. STATUS_NOT_FOUND: used, revoked or expired already. */
enum status store_join_token_use(struct store_tx *tx, const struct id *id,
                                 const struct id *edge) MUST_USE;
/* STATUS_NOT_FOUND: no such token, or used or revoked already. */
enum status store_join_token_revoke(struct store_tx *tx, const struct id *id) MUST_USE;
/* Deletes those that expired before `before_ms`. */
enum status store_join_token_prune(struct store_tx *tx, int64_t before_ms) MUST_USE;

#endif
