#include "store/store_erasure.h"

#include "store/store_generation.h"
#include "store/store_hostname.h"
#include "store/store_organization.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DUE_MAX 8

enum status store_erasure_due_any(struct store_tx *tx, struct arena *arena, struct id **ids,
                                  size_t *count) {
    const struct store_value values[] = {store_row_number(store_tx_now_ms(tx)),
                                         store_row_number(DUE_MAX)};
    return store_row_ids(tx, STATEMENT_ERASURE_DUE_ANY, values, COUNT(values), 1, arena, ids,
                         count);
}

/* What is kept of the key in memory is void with the commit, in every process. */
static enum status drop_key(struct store_tx *tx, const struct id *organization) {
    const struct store_value value = store_row_text(id_str(organization));
    int64_t generation = 0;
    enum status status = store_row_write(tx, STATEMENT_DATA_KEY_DELETE, &value, 1, NULL);
    if (status == STATUS_OK) {
        status = store_generation_read(tx->connection, STORE_GENERATION_KEYS, &generation, tx->why);
    }
    return status == STATUS_OK ? store_generation_write(tx->connection, STORE_GENERATION_KEYS,
                                                        generation + 1, tx->why)
                               : status;
}

enum status store_erasure_run(struct store_tx *tx, const struct id *organization) {
    const struct store_value value = store_row_id(organization);
    const struct store_value claims[] = {
        value, store_row_number(store_tx_now_ms(tx) + STORE_HOSTNAME_HOLD_MS),
        store_row_text(STR_EMPTY)};
    int64_t delete_at_ms = 0;
    enum status status = store_organization_delete_at(tx, organization, &delete_at_ms);
    if (status == STATUS_OK && (delete_at_ms == 0 || delete_at_ms > store_tx_now_ms(tx))) {
        return why_set(tx->why, STATUS_NOT_FOUND, "not_found", "it is not to be erased");
    }
    if (status == STATUS_OK) {
        status = store_row_write(tx, STATEMENT_ERASURE_CLAIMS_ANY, claims, COUNT(claims), NULL);
    }
    if (status == STATUS_OK) {
        status = store_row_write(tx, STATEMENT_ERASURE_MEMBERS_ANY, &value, 1, NULL);
    }
    if (status == STATUS_OK) {
        status = store_row_change(tx, STATEMENT_ERASURE_ORGANIZATION_ANY, &value, 1);
    }
    return status == STATUS_OK ? drop_key(tx, organization) : status;
}

enum status store_erasure_return(struct store_tx *tx, const struct id *organization,
                                 const struct id *environment) {
    const struct store_value values[] = {store_row_id(environment), store_row_id(organization),
                                         store_row_number(store_tx_now_ms(tx))};
    return store_row_change(tx, STATEMENT_ERASURE_RETURN, values, COUNT(values));
}

enum status store_erasure_scrub(struct store *store, struct why *why) {
    pthread_mutex_lock(&store->writer_lock);
    enum status status = store->driver->script(store->writer, store->driver->scrub_sql, why);
    pthread_mutex_unlock(&store->writer_lock);
    return status;
}
