#include "store/store_project.h"

#include "store/store_hostname.h"
#include "store/store_revocation.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"name", STORE_COLUMN_SEALED, offsetof(struct store_project, name), STORE_SLUG_MAX},
    {"name_hash", STORE_COLUMN_LOOKUP_TENANT, offsetof(struct store_project, name), 0},
};

static const struct store_unique uniques[] = {
    {"name_hash", "name_taken", "there is a project of this name already"},
    {NULL, NULL, NULL},
};

static const struct store_table table = {
    .name = "project",
    .id_kind = ID_PROJECT,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_project),
    .columns = columns,
    .column_count = COUNT(columns),
    .uniques = uniques,
    .insert = STATEMENT_PROJECT_INSERT,
    .update = STATEMENT_PROJECT_UPDATE,
    .get = STATEMENT_PROJECT_GET,
};

static bool is_slug_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool store_project_is_slug(struct str name) {
    if (name.len == 0 || name.len > STORE_SLUG_MAX || name.at[0] == '-' ||
        name.at[name.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_slug_byte(name.at[i])) {
            return false;
        }
    }
    return true;
}

static enum status check_name(struct store_tx *tx, struct str name) {
    if (store_project_is_slug(name)) {
        return STATUS_OK;
    }
    tx->has_failed = true;
    return why_set(tx->why, STATUS_INVALID, "name_invalid",
                   "a name is 1 to %d characters of a-z, 0-9 and -, and neither begins nor ends "
                   "with -",
                   STORE_SLUG_MAX);
}

enum status store_project_insert(struct store_tx *tx, struct store_project *project) {
    enum status status = check_name(tx, project->name);
    return status == STATUS_OK ? store_row_insert(tx, &table, project) : status;
}

enum status store_project_get(struct store_tx *tx, const struct id *organization,
                              const struct id *id, struct arena *arena,
                              struct store_project *project) {
    return store_row_get(tx, &table, organization, id, arena, project);
}

enum status store_project_find(struct store_tx *tx, const struct id *organization, struct str name,
                               struct arena *arena, struct store_project *project) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup(tx->store->vault, table.name, "name_hash", id_str(organization), name, hash);
    const struct store_value values[] = {store_row_id(organization),
                                         store_row_bytes(hash, sizeof(hash))};
    return store_row_find(tx, &table, STATEMENT_PROJECT_FIND, values, COUNT(values), arena,
                          project);
}

enum status store_project_list(struct store_tx *tx, const struct id *organization,
                               struct store_page *page, struct arena *arena,
                               struct store_project **rows, size_t *count) {
    const struct store_value value = store_row_id(organization);
    return store_row_list(tx, &table, STATEMENT_PROJECT_LIST, &value, 1, page, arena, (void **)rows,
                          count);
}

enum status store_project_update(struct store_tx *tx, struct store_project *project) {
    enum status status = check_name(tx, project->name);
    return status == STATUS_OK ? store_row_update(tx, &table, project) : status;
}

enum status store_project_delete(struct store_tx *tx, const struct id *organization,
                                 const struct id *id, uint64_t revision,
                                 int64_t certificates_end_at_ms) {
    enum status status = store_revocation_insert_for(tx, STATEMENT_WARPGATE_LIVE_OF_PROJECT,
                                                     organization, id, certificates_end_at_ms);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_row_delete(tx, &table, STATEMENT_PROJECT_DELETE, organization, id, revision);
    return status == STATUS_OK ? store_hostname_release_gone(tx, organization) : status;
}
