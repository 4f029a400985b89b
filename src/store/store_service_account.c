#include "store/store_service_account.h"

#include "store/store_revocation.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_service_account, member)
#define AT_LAST_USED_IP 13 /* in `columns` */

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"project_id", STORE_COLUMN_ID, AT(project), 0},
    {"environment_id", STORE_COLUMN_ID, AT(environment), 0},
    {"permissions", STORE_COLUMN_TEXT, AT(permissions), STORE_SERVICE_ACCOUNT_PERMISSIONS_MAX},
    {"is_disabled", STORE_COLUMN_FLAG, AT(is_disabled), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"last_used_at", STORE_COLUMN_NUMBER, AT(last_used_at_ms), 0},
    {"name", STORE_COLUMN_SEALED, AT(name), STORE_SERVICE_ACCOUNT_NAME_MAX},
    {"name_hash", STORE_COLUMN_LOOKUP_TENANT, AT(name), 0},
    {"last_used_ip", STORE_COLUMN_SEALED_LATE, AT(last_used_ip), STORE_IP_MAX},
};

static const struct store_unique uniques[] = {
    {"name_hash", "name_taken", "there is a service account of this name in the project already"},
    {NULL, NULL, NULL},
};

static const struct store_table table = {
    .name = "service_account",
    .id_kind = ID_SERVICE_ACCOUNT,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_service_account),
    .columns = columns,
    .column_count = COUNT(columns),
    .uniques = uniques,
    .insert = STATEMENT_SERVICE_ACCOUNT_INSERT,
    .update = STATEMENT_SERVICE_ACCOUNT_UPDATE,
    .get = STATEMENT_SERVICE_ACCOUNT_GET,
};

enum status store_service_account_insert(struct store_tx *tx,
                                         struct store_service_account *account) {
    return store_row_insert(tx, &table, account);
}

enum status store_service_account_get(struct store_tx *tx, const struct id *organization,
                                      const struct id *id, struct arena *arena,
                                      struct store_service_account *account) {
    return store_row_get(tx, &table, organization, id, arena, account);
}

enum status store_service_account_find(struct store_tx *tx, const struct id *organization,
                                       const struct id *project, struct str name,
                                       struct arena *arena, struct store_service_account *account) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup(tx->store->vault, table.name, "name_hash", id_str(organization), name, hash);
    const struct store_value values[] = {store_row_id(organization), store_row_id(project),
                                         store_row_bytes(hash, sizeof(hash))};
    return store_row_find(tx, &table, STATEMENT_SERVICE_ACCOUNT_FIND, values, COUNT(values), arena,
                          account);
}

enum status store_service_account_list(struct store_tx *tx, const struct id *organization,
                                       const struct id *project, struct store_page *page,
                                       struct arena *arena, struct store_service_account **rows,
                                       size_t *count) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(project)};
    return store_row_list(tx, &table, STATEMENT_SERVICE_ACCOUNT_LIST, values, COUNT(values), page,
                          arena, (void **)rows, count);
}

enum status store_service_account_update(struct store_tx *tx,
                                         struct store_service_account *account) {
    return store_row_update(tx, &table, account);
}

enum status store_service_account_used(struct store_tx *tx,
                                       const struct store_service_account *account,
                                       struct str ip_address) {
    struct store_value all[STORE_ROW_COLUMNS_MAX];
    struct store_service_account changed = *account;
    changed.last_used_ip = ip_address;
    enum status status = store_row_encode(tx, &table, &changed, all);
    if (status != STATUS_OK) {
        return status;
    }
    const struct store_value values[] = {
        store_row_id(&account->object.id), store_row_id(&account->object.organization),
        store_row_number(store_tx_now_ms(tx)), all[AT_LAST_USED_IP]};
    return store_row_change(tx, STATEMENT_SERVICE_ACCOUNT_USED, values, COUNT(values));
}

enum status store_service_account_end_warpgates(struct store_tx *tx, const struct id *organization,
                                                const struct id *id,
                                                int64_t certificates_end_at_ms) {
    return store_revocation_insert_for(tx, STATEMENT_WARPGATE_LIVE_OF_SERVICE_ACCOUNT, organization,
                                       id, certificates_end_at_ms);
}

enum status store_service_account_delete(struct store_tx *tx, const struct id *organization,
                                         const struct id *id, uint64_t revision,
                                         int64_t certificates_end_at_ms) {
    enum status status =
        store_service_account_end_warpgates(tx, organization, id, certificates_end_at_ms);
    return status == STATUS_OK ? store_row_delete(tx, &table, STATEMENT_SERVICE_ACCOUNT_DELETE,
                                                  organization, id, revision)
                               : status;
}

/* Expiry */

/* Rows of organization, warpgate, environment. */
static enum status end_each(struct store_tx *tx, enum store_statement expired,
                            const struct store_value *values, int64_t certificates_end_at_ms,
                            size_t *ended) {
    struct arena arena;
    struct id *found = NULL;
    size_t count = 0;
    arena_init(&arena);
    enum status status = store_row_ids(tx, expired, values, 2, 3, &arena, &found, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct store_revocation revocation = {
            .object.organization = found[3 * i],
            .warpgate = found[3 * i + 1],
            .environment = found[3 * i + 2],
            .expires_at_ms = certificates_end_at_ms,
        };
        status = store_revocation_insert(tx, &revocation);
    }
    *ended += count;
    arena_fini(&arena);
    return status;
}

enum status store_service_account_expire_any(struct store_tx *tx, int64_t after_ms,
                                             int64_t certificates_end_at_ms, size_t *ended) {
    const struct store_value values[] = {store_row_number(after_ms),
                                         store_row_number(store_tx_now_ms(tx))};
    *ended = 0;
    enum status status =
        end_each(tx, STATEMENT_WARPGATE_OF_EXPIRED_KEY_ANY, values, certificates_end_at_ms, ended);
    return status == STATUS_OK ? end_each(tx, STATEMENT_WARPGATE_OF_EXPIRED_ACCOUNT_ANY, values,
                                          certificates_end_at_ms, ended)
                               : status;
}

enum status store_service_account_expiry_any(struct store_tx *tx, int64_t after_ms, bool *is_due,
                                             int64_t *next_ms) {
    static const enum store_statement due[] = {STATEMENT_WARPGATE_OF_EXPIRED_KEY_ANY,
                                               STATEMENT_WARPGATE_OF_EXPIRED_ACCOUNT_ANY};
    static const enum store_statement next[] = {STATEMENT_KEY_NEXT_EXPIRY_ANY,
                                                STATEMENT_SERVICE_ACCOUNT_NEXT_EXPIRY_ANY};
    const struct store_value values[] = {store_row_number(after_ms),
                                         store_row_number(store_tx_now_ms(tx))};
    struct arena arena;
    enum status status = STATUS_OK;
    *is_due = false;
    *next_ms = 0;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(due) && status == STATUS_OK; i++) {
        struct id *found = NULL;
        size_t count = 0;
        int64_t at_ms = 0;
        status = store_row_ids(tx, due[i], values, 2, 3, &arena, &found, &count);
        if (status == STATUS_OK) {
            status = store_row_numbers(tx, next[i], &values[1], 1, &at_ms, 1);
        }
        *is_due = *is_due || count > 0;
        *next_ms = at_ms != 0 && (*next_ms == 0 || at_ms < *next_ms) ? at_ms : *next_ms;
    }
    arena_fini(&arena);
    return status;
}
