/* store_organization.h: organizations: the tenants, the top of everything.
 *
 * Each has a data key of its own, made and destroyed with it: what is sealed with it is unreadable from then on, in backups, too. Texts of
 * rows are borrowed from the arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_ORGANIZATION_H
#define STORE_STORE_ORGANIZATION_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_ORGANIZATION_NAME_MAX 100

struct store_organization {
    struct store_object object;
    struct str name;      /* UTF-8 for people, need not be unique */
    int64_t delete_at_ms; /* it is switched off, and ends then; 0: it is in use */
};

enum status store_organization_insert(struct store_tx *tx,
                                      struct store_organization *organization) MUST_USE;
/* STATUS_NOT_FOUND. Text is copied to the arena. */
enum status store_organization_get(struct store_tx *tx, const struct id *id, struct arena *arena,
                                   struct store_organization *organization) MUST_USE;
/* STATUS_NOT_FOUND; STATUS_CONFLICT (revision_mismatch) when object.revision is no longer the current one. */
enum status store_organization_update(struct store_tx *tx,
                                      struct store_organization *organization) MUST_USE;
/* When it ends; 0: it is in use. STATUS_NOT_FOUND. */
enum status store_organization_delete_at(struct store_tx *tx, const struct id *id,
                                         int64_t *delete_at_ms) MUST_USE;
/* The organizations that a member belongs to. */
enum status store_organization_list_of_member(struct store_tx *tx, const struct id *member,
                                              struct store_page *page, struct arena *arena,
                                              struct store_organization **rows,
                                              size_t *count) MUST_USE;
/* Over all tenants: for the installation's own work, never for a request. */
enum status store_organization_list_any(struct store_tx *tx, struct store_page *page,
                                        struct arena *arena, struct store_organization **rows,
                                        size_t *count) MUST_USE;

#endif
