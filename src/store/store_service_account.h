/* store_service_account.h: service accounts of a project: whom a warpgate's key, or a program's at the API, belongs to.
 *
 * The name is unique in its project. One may be bound to an environment of the project, with which it ends. Every call carries the organization,
 * but for those that look for what has expired. Texts of rows are borrowed from the arena that is given; threads and
 * failures: store_tx.h.
 */
#ifndef STORE_STORE_SERVICE_ACCOUNT_H
#define STORE_STORE_SERVICE_ACCOUNT_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_SERVICE_ACCOUNT_NAME_MAX 100
#define STORE_SERVICE_ACCOUNT_PERMISSIONS_MAX 256
#define STORE_IP_MAX 64

struct store_service_account {
    struct store_object object;
    struct id project;
    struct id environment; /* of the project: the account is bound to it; none: the whole project */
    bool is_disabled;
    int64_t expires_at_ms;   /* 0: never */
    int64_t last_used_at_ms; /* 0: never; with one of its keys, to within a minute */
    struct str permissions;  /* words (control/permission.h) with a space between */
    struct str name;         /* UTF-8 for people */
    struct str last_used_ip; /* the address that it was last used from */
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
/* Writes permissions, is_disabled, expires_at_ms and the name. STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch, name_taken). */
enum status store_service_account_update(struct store_tx *tx,
                                         struct store_service_account *account) MUST_USE;
/* Writes when (the transaction's time) and from where; the revision stays. STATUS_NOT_FOUND. */
enum status store_service_account_used(struct store_tx *tx,
                                       const struct store_service_account *account,
                                       struct str ip_address) MUST_USE;
/* Revokes every warpgate that enrolled with any of its keys (store_revocation.h) until `certificates_end_at_ms`. */
enum status store_service_account_end_warpgates(struct store_tx *tx, const struct id *organization,
                                                const struct id *id,
                                                int64_t certificates_end_at_ms) MUST_USE;
/* With its keys and its warpgates, which are revoked first. STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_service_account_delete(struct store_tx *tx, const struct id *organization,
                                         const struct id *id, uint64_t revision,
                                         int64_t certificates_end_at_ms) MUST_USE;

/* Of all tenants, with the times at which accounts and keys expire: whether live warpgates hang on one whose time has come since `after_ms`, and
 * when the next one's comes (0: never). */
enum status store_service_account_expiry_any(struct store_tx *tx, int64_t after_ms, bool *is_due,
                                             int64_t *next_ms) MUST_USE;
/* Revokes the warpgates of all whose time has come since `after_ms`; *ended counts them. */
enum status store_service_account_expire_any(struct store_tx *tx, int64_t after_ms,
                                             int64_t certificates_end_at_ms,
                                             size_t *ended) MUST_USE;

#endif
