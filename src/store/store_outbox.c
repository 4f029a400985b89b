#include "store/store_outbox.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_mail, member)
#define ADDRESS_MAX 254

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"attempts", STORE_COLUMN_NUMBER, AT(attempts), 0},
    {"next_at", STORE_COLUMN_NUMBER, AT(next_at_ms), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"failed_at", STORE_COLUMN_NUMBER, AT(failed_at_ms), 0},
    {"recipient", STORE_COLUMN_SEALED, AT(recipient), ADDRESS_MAX},
    {"message", STORE_COLUMN_SEALED, AT(message), STORE_OUTBOX_MESSAGE_MAX},
    {"last_error", STORE_COLUMN_SEALED, AT(last_error), STORE_OUTBOX_ERROR_MAX},
};

static const struct store_table table = {
    .name = "outbox",
    .id_kind = ID_MAIL,
    .seal = STORE_SEAL_TENANT_IF_ANY,
    .row_bytes = sizeof(struct store_mail),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_OUTBOX_INSERT,
    .update = STATEMENT_OUTBOX_UPDATE,
    .get = STATEMENT_OUTBOX_GET_ANY,
};

enum status store_outbox_insert(struct store_tx *tx, struct store_mail *mail) {
    int64_t waiting = 0;
    enum status status = store_row_numbers(tx, STATEMENT_OUTBOX_COUNT_ANY, NULL, 0, &waiting, 1);
    if (status == STATUS_OK && waiting >= STORE_OUTBOX_ROWS_MAX) {
        return why_set(tx->why, STATUS_UNAVAILABLE, "outbox_full",
                       "too many mails are waiting to be sent: is the mail server there?");
    }
    return status == STATUS_OK ? store_row_insert(tx, &table, mail) : status;
}

enum status store_outbox_update(struct store_tx *tx, struct store_mail *mail) {
    return store_row_update(tx, &table, mail);
}

enum status store_outbox_due_any(struct store_tx *tx, size_t limit, struct arena *arena,
                                 struct store_mail **rows, size_t *count) {
    const struct store_value values[] = {store_row_number(store_tx_now_ms(tx)),
                                         store_row_number((int64_t)limit)};
    bool has_more = false;
    return store_row_collect(tx, &table, STATEMENT_OUTBOX_DUE_ANY, values, COUNT(values), limit,
                             arena, (void **)rows, count, &has_more);
}

enum status store_outbox_next_any(struct store_tx *tx, int64_t *next_at_ms) {
    return store_row_numbers(tx, STATEMENT_OUTBOX_NEXT_ANY, NULL, 0, next_at_ms, 1);
}

enum status store_outbox_list_any(struct store_tx *tx, struct store_page *page, struct arena *arena,
                                  struct store_mail **rows, size_t *count) {
    return store_row_list(tx, &table, STATEMENT_OUTBOX_LIST_ANY, NULL, 0, page, arena,
                          (void **)rows, count);
}

enum status store_outbox_get(struct store_tx *tx, const struct id *organization,
                             const struct id *id, struct arena *arena, struct store_mail *mail) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization)};
    return store_row_find(tx, &table, STATEMENT_OUTBOX_GET, values, COUNT(values), arena, mail);
}

enum status store_outbox_delete_any(struct store_tx *tx, const struct id *id) {
    const struct store_value value = store_row_id(id);
    return store_row_write(tx, STATEMENT_OUTBOX_DELETE_ANY, &value, 1, NULL);
}

enum status store_outbox_prune_any(struct store_tx *tx, int64_t before_ms) {
    const struct store_value value = store_row_number(before_ms);
    return store_row_write(tx, STATEMENT_OUTBOX_PRUNE_ANY, &value, 1, NULL);
}
