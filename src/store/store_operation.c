#include "store/store_operation.h"

#include "store/store_row.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_operation, member)
#define KIND_MAX 40

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"requested_by", STORE_COLUMN_ID, AT(requested_by), 0},
    {"state", STORE_COLUMN_NUMBER, AT(state), 0},
    {"lease_at", STORE_COLUMN_NUMBER, AT(lease_at_ms), 0},
    {"finished_at", STORE_COLUMN_NUMBER, AT(finished_at_ms), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"part_count", STORE_COLUMN_NUMBER, AT(part_count), 0},
    {"byte_count", STORE_COLUMN_NUMBER, AT(byte_count), 0},
    {"kind", STORE_COLUMN_TEXT, AT(kind), KIND_MAX},
    {"error", STORE_COLUMN_SEALED, AT(error), STORE_OPERATION_ERROR_MAX},
};

static const struct store_table table = {
    .name = "operation",
    .id_kind = ID_OPERATION,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_operation),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_OPERATION_INSERT,
    .update = STATEMENT_OPERATION_UPDATE,
    .get = STATEMENT_OPERATION_GET,
};

struct part {
    struct store_object object;
    struct id operation;
    int64_t number;
    struct str content;
};

static const struct store_column part_columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"operation_id", STORE_COLUMN_ID, offsetof(struct part, operation), 0},
    {"number", STORE_COLUMN_NUMBER, offsetof(struct part, number), 0},
    {"content", STORE_COLUMN_SEALED, offsetof(struct part, content), STORE_OPERATION_PART_MAX},
};

static const struct store_table part_table = {
    .name = "operation_part",
    .id_kind = ID_OPERATION,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct part),
    .columns = part_columns,
    .column_count = COUNT(part_columns),
    .insert = STATEMENT_OPERATION_PART_INSERT,
};

enum status store_operation_insert(struct store_tx *tx, struct store_operation *operation) {
    return store_row_insert(tx, &table, operation);
}

enum status store_operation_update(struct store_tx *tx, struct store_operation *operation) {
    return store_row_update(tx, &table, operation);
}

enum status store_operation_get(struct store_tx *tx, const struct id *organization,
                                const struct id *id, struct arena *arena,
                                struct store_operation *operation) {
    return store_row_get(tx, &table, organization, id, arena, operation);
}

enum status store_operation_count(struct store_tx *tx, const struct id *organization,
                                  int64_t *count) {
    const struct store_value value = store_row_id(organization);
    return store_row_numbers(tx, STATEMENT_OPERATION_COUNT, &value, 1, count, 1);
}

enum status store_operation_due_any(struct store_tx *tx, struct arena *arena,
                                    struct store_operation *operation) {
    const struct store_value value = store_row_number(store_tx_now_ms(tx));
    return store_row_find(tx, &table, STATEMENT_OPERATION_DUE_ANY, &value, 1, arena, operation);
}

enum status store_operation_add_part(struct store_tx *tx, const struct store_operation *operation,
                                     int64_t number, struct str content) {
    struct part part = {
        .object = {.organization = operation->object.organization},
        .operation = operation->object.id,
        .number = number,
        .content = content,
    };
    return store_row_insert(tx, &part_table, &part);
}

enum status store_operation_get_part(struct store_tx *tx, const struct id *organization,
                                     const struct id *operation, int64_t number,
                                     struct arena *arena, struct str *content) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(operation),
                                         store_row_number(number)};
    struct part part;
    enum status status = store_row_find(tx, &part_table, STATEMENT_OPERATION_PART_FIND, values,
                                        COUNT(values), arena, &part);
    *content = status == STATUS_OK ? part.content : STR_EMPTY;
    return status;
}

enum status store_operation_drop_parts(struct store_tx *tx, const struct id *organization,
                                       const struct id *operation) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(operation)};
    return store_row_write(tx, STATEMENT_OPERATION_PART_DELETE, values, COUNT(values), NULL);
}

enum status store_operation_prune_any(struct store_tx *tx) {
    const struct store_value value = store_row_number(store_tx_now_ms(tx));
    return store_row_write(tx, STATEMENT_OPERATION_PRUNE_ANY, &value, 1, NULL);
}
