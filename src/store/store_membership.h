/* store_membership.h: memberships: which people an organization has, since when, and in which role.
 *
 * The organization's view: every call carries it, so nobody of another tenant is found. What a person belongs to is asked with
 * store_member_roles (store_member.h). A membership holds no text; the person's is in store_member.h. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_MEMBERSHIP_H
#define STORE_STORE_MEMBERSHIP_H

#include "base/arena.h"
#include "store/store_member.h"

struct store_membership_row {
    struct store_object object; /* id: the member's; created_at_ms: joined */
    int64_t role;               /* enum store_role */
};

/* STATUS_CONFLICT (already_member), STATUS_NOT_FOUND (no such member or organization). */
enum status store_membership_insert(struct store_tx *tx,
                                    struct store_membership_row *membership) MUST_USE;
/* STATUS_NOT_FOUND. */
enum status store_membership_get(struct store_tx *tx, const struct id *organization,
                                 const struct id *member,
                                 struct store_membership_row *membership) MUST_USE;
/* By member, oldest account first or last; those with `role` alone unless it is 0. */
enum status store_membership_list(struct store_tx *tx, const struct id *organization, int64_t role,
                                  struct store_page *page, struct arena *arena,
                                  struct store_membership_row **rows, size_t *count) MUST_USE;
/* Writes the role. STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_membership_update(struct store_tx *tx,
                                    struct store_membership_row *membership) MUST_USE;
/* The person's account stays. STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_membership_delete(struct store_tx *tx, const struct id *organization,
                                    const struct id *member, uint64_t revision) MUST_USE;
/* How many owners there are: what is read in a writing transaction stays true until it commits. */
enum status store_membership_count_owners(struct store_tx *tx, const struct id *organization,
                                          int64_t *count) MUST_USE;

#endif
