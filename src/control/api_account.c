#include "control/api_account.h"

#include "pki/api_key.h"
#include "store/store_organization.h"

bool api_account_is_known(const struct api_account *account) {
    return !id_is_none(&account->account.object.id);
}

bool api_account_may_see(const struct api_account *account, const struct store_tenant *tenant) {
    const struct store_service_account *row = &account->account;
    return id_eq(&tenant->organization, &row->object.organization) &&
           id_eq(&tenant->project, &row->project) &&
           (id_is_none(&row->environment) || id_eq(&tenant->environment, &row->environment));
}

static enum status deny(struct why *why, const char *slug, const char *text) {
    return why_set(why, STATUS_DENIED, slug, "%s", text);
}

static bool has_expired(int64_t expires_at_ms, int64_t now_ms) {
    return expires_at_ms != 0 && expires_at_ms <= now_ms;
}

static enum status judge(const struct api_account *found, int64_t now_ms, struct why *why) {
    if (found->key.revoked_at_ms != 0) {
        return deny(why, "key_revoked", "the key has been revoked");
    }
    if (has_expired(found->key.expires_at_ms, now_ms)) {
        return deny(why, "key_expired", "the key has expired");
    }
    if (found->account.is_disabled) {
        return deny(why, "account_disabled", "the service account of this key is disabled");
    }
    if (has_expired(found->account.expires_at_ms, now_ms)) {
        return deny(why, "account_expired", "the service account of this key has expired");
    }
    return STATUS_OK;
}

/* Whatever the key may: of an organization that is being deleted it opens nothing. Not final: it may be restored. */
static enum status judge_organization(struct store_tx *tx, const struct api_account *found,
                                      struct why *why) {
    int64_t delete_at_ms = 0;
    enum status status =
        store_organization_delete_at(tx, &found->key.object.organization, &delete_at_ms);
    return status == STATUS_OK && delete_at_ms != 0
               ? why_set(why, STATUS_CONFLICT, "organization_deleting",
                         "the organization of this key is being deleted")
               : status;
}

/* The account of a key that was looked for with this outcome. */
static enum status load(struct store_tx *tx, enum status status, struct arena *arena,
                        struct api_account *found, struct why *why) {
    if (status == STATUS_OK) {
        status = store_service_account_get(tx, &found->key.object.organization,
                                           &found->key.service_account, arena, &found->account);
    }
    if (status == STATUS_NOT_FOUND) {
        status = deny(why, "key_unknown", "the key is not known");
    }
    if (status == STATUS_OK) {
        status = judge(found, store_tx_now_ms(tx), why);
    }
    if (status == STATUS_OK) {
        status = judge_organization(tx, found, why);
    }
    if (status != STATUS_OK) {
        found->account = (struct store_service_account){0};
        return status;
    }
    found->permissions = permission_read(found->account.permissions);
    return STATUS_OK;
}

enum status api_account_find(struct store_tx *tx, struct str key, struct arena *arena,
                             struct api_account *account, struct why *why) {
    uint8_t hash[DIGEST_BYTES];
    struct why reason = {0};
    *account = (struct api_account){0};
    if (api_key_check(key, &reason) != STATUS_OK) {
        return deny(why, "key_malformed", reason.text);
    }
    api_key_hash(key, hash);
    return load(tx, store_key_find_any(tx, hash, arena, &account->key), arena, account, why);
}

enum status api_account_get(struct store_tx *tx, const struct id *organization,
                            const struct id *key, struct arena *arena, struct api_account *account,
                            struct why *why) {
    *account = (struct api_account){0};
    return load(tx, store_key_get(tx, organization, key, arena, &account->key), arena, account,
                why);
}

static bool is_use_known(const struct api_account *account, int64_t now_ms) {
    return now_ms - account->key.last_used_at_ms < API_ACCOUNT_TOUCH_MS;
}

enum status api_account_used(struct store_tx *tx, const struct api_account *account,
                             struct str ip_address) {
    if (is_use_known(account, store_tx_now_ms(tx))) {
        return STATUS_OK;
    }
    enum status status = store_key_used(tx, &account->key, ip_address);
    return status == STATUS_OK ? store_service_account_used(tx, &account->account, ip_address)
                               : status;
}

static enum status note_use(struct store *store, const struct api_account *account,
                            struct str ip_address, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = api_account_used(tx, account, ip_address);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    if (status == STATUS_NOT_FOUND) {
        return deny(why, "key_unknown", "the key is not known");
    }
    return status == STATUS_UNAVAILABLE ? STATUS_OK : status;
}

enum status api_account_check(struct store *store, struct str key, struct str ip_address,
                              struct arena *arena, struct api_account *account, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(store, STORE_READ, why, &tx);
    if (status == STATUS_OK) {
        status = api_account_find(tx, key, arena, account, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_known = is_use_known(account, store_tx_now_ms(tx));
    store_tx_rollback(&tx);
    return is_known ? STATUS_OK : note_use(store, account, ip_address, why);
}
