#include "store/store_revocation.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_revocation, member)

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"environment_id", STORE_COLUMN_ID, AT(environment), 0},
    {"warpgate_id", STORE_COLUMN_ID, AT(warpgate), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
};

static const struct store_table table = {
    .name = "revocation",
    .id_kind = ID_EVENT,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_revocation),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_REVOCATION_INSERT,
};

enum status store_revocation_insert(struct store_tx *tx, struct store_revocation *revocation) {
    const struct store_value values[] = {store_row_id(&revocation->warpgate),
                                         store_row_id(&revocation->object.organization),
                                         store_row_number(store_tx_now_ms(tx))};
    enum status status = store_row_insert(tx, &table, revocation);
    if (status == STATUS_OK) {
        status = store_row_write(tx, STATEMENT_WARPGATE_REVOKE, values, COUNT(values), NULL);
    }
    return status;
}

enum status store_revocation_insert_for(struct store_tx *tx, enum store_statement live,
                                        const struct id *organization, const struct id *of,
                                        int64_t expires_at_ms) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(of)};
    struct arena arena;
    struct id *pairs = NULL; /* warpgate, environment */
    size_t count = 0;
    arena_init(&arena);
    enum status status = store_row_ids(tx, live, values, COUNT(values), 2, &arena, &pairs, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct store_revocation revocation = {
            .object.organization = *organization,
            .environment = pairs[2 * i + 1],
            .warpgate = pairs[2 * i],
            .expires_at_ms = expires_at_ms,
        };
        status = store_revocation_insert(tx, &revocation);
    }
    arena_fini(&arena);
    return status;
}

enum status store_revocation_list_any(struct store_tx *tx, struct store_page *page,
                                      struct arena *arena, struct store_revocation **rows,
                                      size_t *count) {
    const struct store_value value = store_row_number(store_tx_now_ms(tx));
    return store_row_list(tx, &table, STATEMENT_REVOCATION_LIST_ANY, &value, 1, page, arena,
                          (void **)rows, count);
}

enum status store_revocation_prune_any(struct store_tx *tx) {
    const struct store_value value = store_row_number(store_tx_now_ms(tx));
    return store_row_write(tx, STATEMENT_REVOCATION_PRUNE_ANY, &value, 1, NULL);
}
