/* store_service_account.h: service accounts of a project: whom a warpgate's key belongs to.
 *
 * The name is unique in its project. Every call carries the organization. Texts of rows are borrowed from the arena that is given; threads and
 * failures: store_tx.h.
 */
#ifndef STORE_STORE_SERVICE_ACCOUNT_H
#define STORE_STORE_SERVICE_ACCOUNT_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_SERVICE_ACCOUNT_NAME_MAX 100

struct store_service_account {
    struct store_object object;
    struct id project;
    struct str name; /* UTF-8 for people */
};

/* STATUS_CONFLICT (name_taken), STATUS_NOT_FOUND (no such project in object.organization). */
enum status store_service_account_insert(struct store_tx *tx,
                                         struct store_service_account *account) MUST_USE;
enum status
store_service_account_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                          struct arena *arena,
                          struct store_service_account *account) MUST_USE; /* STATUS_NOT_FOUND */
/* By name. STATUS_NOT_FOUND. */
enum status store_service_account_find(struct store_tx *tx, const struct id *organization,
                                       const struct id *project, struct str name,
                                       struct arena *arena,
                                       struct store_service_account *account) MUST_USE;
enum status store_service_account_list(struct store_tx *tx, const struct id *organization,
                                       const struct id *project, struct store_page *page,
                                       struct arena *arena, struct store_service_account **rows,
                                       size_t *count) MUST_USE;

#endif
