#include "store/store_organization.h"

#include "store/store_row.h"
#include "store/store_state.h"

static const struct store_column columns[] = {
    STORE_OBJECT_FREE_COLUMNS,
    {"name", STORE_COLUMN_SEALED, offsetof(struct store_organization, name),
     STORE_ORGANIZATION_NAME_MAX},
    {"delete_at", STORE_COLUMN_NUMBER, offsetof(struct store_organization, delete_at_ms), 0},
};

static const struct store_table table = {
    .name = "organization",
    .id_kind = ID_ORGANIZATION,
    .seal = STORE_SEAL_SELF,
    .row_bytes = sizeof(struct store_organization),
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .insert = STATEMENT_ORGANIZATION_INSERT,
    .update = STATEMENT_ORGANIZATION_UPDATE,
    .get = STATEMENT_ORGANIZATION_GET,
};

enum status store_organization_insert(struct store_tx *tx,
                                      struct store_organization *organization) {
    struct store_object *object = &organization->object;
    if (id_is_none(&object->id)) {
        object->id = id_new(ID_ORGANIZATION, tx->store->clock, tx->store->random);
    }
    object->organization = object->id;
    enum status status =
        store_vault_add_scope(tx->store->vault, tx->connection, id_str(&object->id), tx->why);
    if (status != STATUS_OK) {
        tx->has_failed = true;
        return status;
    }
    return store_row_insert(tx, &table, organization);
}

enum status store_organization_get(struct store_tx *tx, const struct id *id, struct arena *arena,
                                   struct store_organization *organization) {
    const struct store_value value = store_row_id(id);
    return store_row_find(tx, &table, table.get, &value, 1, arena, organization);
}

enum status store_organization_update(struct store_tx *tx,
                                      struct store_organization *organization) {
    return store_row_update(tx, &table, organization);
}

enum status store_organization_delete_at(struct store_tx *tx, const struct id *id,
                                         int64_t *delete_at_ms) {
    const struct store_value value = store_row_id(id);
    return store_row_numbers(tx, STATEMENT_ORGANIZATION_DELETE_AT, &value, 1, delete_at_ms, 1);
}

enum status store_organization_list_of_member(struct store_tx *tx, const struct id *member,
                                              struct store_page *page, struct arena *arena,
                                              struct store_organization **rows, size_t *count) {
    const struct store_value value = store_row_id(member);
    return store_row_list(tx, &table, STATEMENT_ORGANIZATION_LIST_OF_MEMBER, &value, 1, page, arena,
                          (void **)rows, count);
}

enum status store_organization_list_any(struct store_tx *tx, struct store_page *page,
                                        struct arena *arena, struct store_organization **rows,
                                        size_t *count) {
    return store_row_list(tx, &table, STATEMENT_ORGANIZATION_LIST_ANY, NULL, 0, page, arena,
                          (void **)rows, count);
}
