/* store_invitation.h: people who have been invited to an organization and have not come yet.
 *
 * A row is an invitation that can be accepted, or has run out; accepted and revoked ones are gone, which makes them good for one use. Of the
 * token only a keyed hash of its SHA-256 is kept. An address is invited once to an organization. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_INVITATION_H
#define STORE_STORE_INVITATION_H

#include "base/arena.h"
#include "pki/digest.h"
#include "store/store_member.h"

struct store_invitation {
    struct store_object object;
    struct id invited_by;
    struct id mail; /* the last one that was sent for it; none: no mail is sent here */
    int64_t role;   /* enum store_role */
    int64_t expires_at_ms;
    int64_t sent_at_ms; /* when the present token was made */
    int64_t sent_count;
    struct str email; /* as normalised by identity_email.h */
};

/* STATUS_CONFLICT (invitation_exists), STATUS_NOT_FOUND (no such organization). */
enum status store_invitation_insert(struct store_tx *tx, struct store_invitation *invitation,
                                    const uint8_t sha256[DIGEST_BYTES]) MUST_USE;
/* With another token: the one before is void. STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_invitation_update(struct store_tx *tx, struct store_invitation *invitation,
                                    const uint8_t sha256[DIGEST_BYTES]) MUST_USE;
enum status store_invitation_get(struct store_tx *tx, const struct id *organization,
                                 const struct id *id, struct arena *arena,
                                 struct store_invitation *invitation) MUST_USE;
/* By address. STATUS_NOT_FOUND. */
enum status store_invitation_find(struct store_tx *tx, const struct id *organization,
                                  struct str email, struct arena *arena,
                                  struct store_invitation *invitation) MUST_USE;
/* By the token's digest, over all tenants: it says whose it is. STATUS_NOT_FOUND. */
enum status store_invitation_find_any(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                      struct arena *arena,
                                      struct store_invitation *invitation) MUST_USE;
enum status store_invitation_list(struct store_tx *tx, const struct id *organization,
                                  struct store_page *page, struct arena *arena,
                                  struct store_invitation **rows, size_t *count) MUST_USE;
enum status store_invitation_count(struct store_tx *tx, const struct id *organization,
                                   int64_t *count) MUST_USE;
/* STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_invitation_delete(struct store_tx *tx, const struct id *organization,
                                    const struct id *id, uint64_t revision) MUST_USE;
/* Forgets those of all tenants that ran out before. */
enum status store_invitation_prune_any(struct store_tx *tx, int64_t before_ms) MUST_USE;

#endif
