#include "store/store_edge.h"

#include "store/store_row.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_edge, member)

/* Where the columns stand that a report writes. */
enum {
    AT_ID,
    AT_LAST_SEEN = 7,
    AT_CERTIFICATE_UNTIL,
    AT_NAME,
    AT_ADDRESS,
    AT_VERSION,
    AT_IP_ADDRESS,
};

static const struct store_column columns[] = {
    STORE_OBJECT_FREE_COLUMNS,
    {"is_enabled", STORE_COLUMN_FLAG, AT(is_enabled), 0},
    {"is_embedded", STORE_COLUMN_FLAG, AT(is_embedded), 0},
    {"revoked_at", STORE_COLUMN_NUMBER, AT(revoked_at_ms), 0},
    [AT_LAST_SEEN] = {"last_seen_at", STORE_COLUMN_NUMBER, AT(last_seen_at_ms), 0},
    [AT_CERTIFICATE_UNTIL] = {"certificate_until", STORE_COLUMN_NUMBER, AT(certificate_until_ms),
                              0},
    [AT_NAME] = {"name", STORE_COLUMN_SEALED, AT(name), STORE_EDGE_NAME_MAX},
    [AT_ADDRESS] = {"address", STORE_COLUMN_SEALED, AT(address), STORE_EDGE_ADDRESS_MAX},
    [AT_VERSION] = {"version", STORE_COLUMN_SEALED, AT(version), STORE_EDGE_VERSION_MAX},
    [AT_IP_ADDRESS] = {"ip_address", STORE_COLUMN_SEALED, AT(ip_address), STORE_EDGE_IP_MAX},
};

static const struct store_table table = {
    .name = "edge",
    .id_kind = ID_EDGE,
    .seal = STORE_SEAL_SYSTEM,
    .row_bytes = sizeof(struct store_edge),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_EDGE_INSERT,
    .update = STATEMENT_EDGE_UPDATE,
    .get = STATEMENT_EDGE_GET,
};

enum status store_edge_insert(struct store_tx *tx, struct store_edge *edge) {
    return store_row_insert(tx, &table, edge);
}

enum status store_edge_update(struct store_tx *tx, struct store_edge *edge) {
    return store_row_update(tx, &table, edge);
}

enum status store_edge_get(struct store_tx *tx, const struct id *id, struct arena *arena,
                           struct store_edge *edge) {
    const struct store_value value = store_row_id(id);
    return store_row_find(tx, &table, STATEMENT_EDGE_GET, &value, 1, arena, edge);
}

enum status store_edge_list(struct store_tx *tx, struct store_page *page, struct arena *arena,
                            struct store_edge **rows, size_t *count) {
    return store_row_list(tx, &table, STATEMENT_EDGE_LIST, NULL, 0, page, arena, (void **)rows,
                          count);
}

enum status store_edge_list_all(struct store_tx *tx, struct store_page *page, struct arena *arena,
                                struct store_edge **rows, size_t *count) {
    return store_row_list(tx, &table, STATEMENT_EDGE_LIST_ALL, NULL, 0, page, arena, (void **)rows,
                          count);
}

enum status store_edge_report(struct store_tx *tx, struct store_edge *edge) {
    struct store_value all[STORE_ROW_COLUMNS_MAX];
    enum status status = store_row_encode(tx, &table, edge, all);
    if (status != STATUS_OK) {
        return status;
    }
    const struct store_value values[] = {all[AT_ID], all[AT_LAST_SEEN], all[AT_CERTIFICATE_UNTIL],
                                         all[AT_VERSION], all[AT_IP_ADDRESS]};
    return store_row_change(tx, STATEMENT_EDGE_REPORT, values, COUNT(values));
}

enum status store_edge_revoke(struct store_tx *tx, const struct id *id) {
    const struct store_value values[] = {store_row_id(id), store_row_number(store_tx_now_ms(tx))};
    return store_row_change(tx, STATEMENT_EDGE_REVOKE, values, COUNT(values));
}

enum status store_edge_prune(struct store_tx *tx, int64_t before_ms) {
    const struct store_value value = store_row_number(before_ms);
    return store_row_write(tx, STATEMENT_EDGE_PRUNE, &value, 1, NULL);
}
