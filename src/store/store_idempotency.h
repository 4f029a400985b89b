/* store_idempotency.h: what was answered to a POST with an Idempotency-Key, so that asking again changes nothing.
 *
 * Found by the digest of who asked, what for, and the key. What was answered is sealed with the organization's data key, or, where the call was about none,
 * with the system's. At most STORE_IDEMPOTENCY_KEYS_MAX are kept of one caller, the oldest go first. Texts of rows are borrowed from the arena that is given;
 * threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_IDEMPOTENCY_H
#define STORE_STORE_IDEMPOTENCY_H

#include "base/arena.h"
#include "pki/digest.h"
#include "store/store_tx.h"

#define STORE_IDEMPOTENCY_KEYS_MAX 1000
#define STORE_IDEMPOTENCY_ANSWER_MAX ((size_t)1 << 20)

struct store_idempotency {
    struct store_object
        object; /* id: of the request that was answered; organization: none, or the one it was about */
    struct id principal; /* who asked */
    struct str answer;
};

/* Replaces what was kept under the same digest. STATUS_CONFLICT (idempotency_running): another process was faster. */
enum status store_idempotency_insert(struct store_tx *tx, struct store_idempotency *row,
                                     const uint8_t sha256[DIGEST_BYTES]) MUST_USE;
/* What was kept after `after_ms`. `organization` as it was then, none for none. STATUS_NOT_FOUND. */
enum status store_idempotency_find(struct store_tx *tx, const struct id *organization,
                                   const uint8_t sha256[DIGEST_BYTES], int64_t after_ms,
                                   struct arena *arena, struct store_idempotency *row) MUST_USE;
/* Deletes those of all tenants that were kept before. */
enum status store_idempotency_prune_any(struct store_tx *tx, int64_t before_ms) MUST_USE;

#endif
