#include "store/store_request.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_request, member)

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"environment_id", STORE_COLUMN_ID, AT(environment), 0},
    {"entry", STORE_COLUMN_SEALED, AT(entry), STORE_REQUEST_ENTRY_MAX},
};

static const struct store_table table = {
    .name = "request_log",
    .id_kind = ID_REQUEST,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_request),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_REQUEST_INSERT,
};

enum status store_request_insert(struct store_tx *tx, struct store_request *request) {
    return store_row_insert(tx, &table, request);
}

enum status store_request_list(struct store_tx *tx, const struct id *organization,
                               const struct id *environment, struct store_page *page,
                               struct arena *arena, struct store_request **rows, size_t *count) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(environment)};
    return store_row_list(tx, &table, STATEMENT_REQUEST_LIST, values, COUNT(values), page, arena,
                          (void **)rows, count);
}

enum status store_request_trim(struct store_tx *tx, const struct id *organization,
                               const struct id *environment, int64_t before_ms) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(environment),
                                         store_row_number(STORE_REQUEST_ROWS_MAX),
                                         store_row_number(before_ms)};
    return store_row_write(tx, STATEMENT_REQUEST_TRIM, values, COUNT(values), NULL);
}
