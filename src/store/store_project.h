/* store_project.h: projects: what groups environments, routes and service accounts.
 *
 * The name is unique in its organization. Every call carries the organization, so that no id of another tenant's leads anywhere. Texts of
 * rows are borrowed from the arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_PROJECT_H
#define STORE_STORE_PROJECT_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_SLUG_MAX 40

struct store_project {
    struct store_object object;
    struct str name; /* a slug */
};

/* True for names of projects and environments: 1 to STORE_SLUG_MAX of [a-z0-9-], neither first nor last a "-": they become
 * labels of host names. */
bool store_project_is_slug(struct str name);

/* STATUS_CONFLICT (name_taken), STATUS_INVALID (name_invalid). */
enum status store_project_insert(struct store_tx *tx, struct store_project *project) MUST_USE;
enum status store_project_get(struct store_tx *tx, const struct id *organization,
                              const struct id *id, struct arena *arena,
                              struct store_project *project) MUST_USE; /* STATUS_NOT_FOUND */
/* By name. STATUS_NOT_FOUND. */
enum status store_project_find(struct store_tx *tx, const struct id *organization, struct str name,
                               struct arena *arena, struct store_project *project) MUST_USE;
enum status store_project_list(struct store_tx *tx, const struct id *organization,
                               struct store_page *page, struct arena *arena,
                               struct store_project **rows, size_t *count) MUST_USE;
/* STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch, name_taken), STATUS_INVALID (name_invalid). */
enum status store_project_update(struct store_tx *tx, struct store_project *project) MUST_USE;
/* With its environments, their routes and warpgates, its service accounts and their keys; each warpgate's certificate is
 * revoked (store_revocation.h) until `certificates_end_at_ms`. STATUS_NOT_FOUND; STATUS_CONFLICT (revision_mismatch) unless
 * `revision` is the current one. */
enum status store_project_delete(struct store_tx *tx, const struct id *organization,
                                 const struct id *id, uint64_t revision,
                                 int64_t certificates_end_at_ms) MUST_USE;

#endif
