#include "store/store_service_account.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"project_id", STORE_COLUMN_ID, offsetof(struct store_service_account, project), 0},
    {"name", STORE_COLUMN_SEALED, offsetof(struct store_service_account, name),
     STORE_SERVICE_ACCOUNT_NAME_MAX},
    {"name_hash", STORE_COLUMN_LOOKUP_TENANT, offsetof(struct store_service_account, name), 0},
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
