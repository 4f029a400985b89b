/* api_account.h: service accounts as callers: from a key to who it is, where it may act, and what it may.
 *
 * The same judgement for programs that call the API (api_dispatch.h) and for warpgates that enrol (handle_enrolment.c). Looked up in the store
 * each time, so that what was revoked, disabled or has expired is refused from the commit on. Blocks: for pool threads. Texts are in the arena that is given.
 */
#ifndef CONTROL_API_ACCOUNT_H
#define CONTROL_API_ACCOUNT_H

#include "control/permission.h"
#include "store/store_key.h"
#include "store/store_service_account.h"
#include "store/store_tenant.h"

#define API_ACCOUNT_TOUCH_MS (INT64_C(60) * 1000) /* its last use is written this often at most */

struct api_account {
    struct store_key key; /* that it came with */
    struct store_service_account account;
    uint32_t permissions; /* PERMISSION_BITs, within its project and environment */
};

bool api_account_is_known(const struct api_account *account);
/* Whether an object that belongs there is within the account's project and, if it is bound to one, its environment. */
bool api_account_may_see(const struct api_account *account, const struct store_tenant *tenant);

/* Whose key this is, in the caller's transaction. Of a key that is void, `key` is filled all the same. STATUS_DENIED (key_malformed, key_unknown, key_revoked, key_expired,
 * account_disabled, account_expired), or what the store says. */
enum status api_account_find(struct store_tx *tx, struct str key, struct arena *arena,
                             struct api_account *account, struct why *why) MUST_USE;
/* The same for a key that is known by its id. */
enum status api_account_get(struct store_tx *tx, const struct id *organization,
                            const struct id *key, struct arena *arena, struct api_account *account,
                            struct why *why) MUST_USE;
/* Writes when and from where it was used, unless that was done less than API_ACCOUNT_TOUCH_MS ago. */
enum status api_account_used(struct store_tx *tx, const struct api_account *account,
                             struct str ip_address) MUST_USE;
/* Find and used, in transactions of its own. A store that cannot be written at the moment keeps nobody out. */
enum status api_account_check(struct store *store, struct str key, struct str ip_address,
                              struct arena *arena, struct api_account *account,
                              struct why *why) MUST_USE;

#endif
