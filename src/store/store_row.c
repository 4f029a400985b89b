#include "store/store_row.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/store_state.h"

/* Above every id, in any collation. */
#define CURSOR_TOP STR("zzzz")
#define FILTERS_MAX 10

struct store_value store_row_id(const struct id *id) {
    if (id_is_none(id)) {
        return (struct store_value){STORE_VALUE_NULL, 0, STR_EMPTY};
    }
    return store_row_text(id_str(id));
}

struct store_value store_row_number(int64_t number) {
    return (struct store_value){STORE_VALUE_NUMBER, number, STR_EMPTY};
}

struct store_value store_row_text(struct str text) {
    return (struct store_value){STORE_VALUE_TEXT, 0, text};
}

struct store_value store_row_bytes(const void *bytes, size_t len) {
    return (struct store_value){STORE_VALUE_BYTES, 0, str_make(bytes, len)};
}

/* Writing. */

static struct str scope_of(const struct store_table *table, const struct store_object *object) {
    switch (table->seal) {
    case STORE_SEAL_TENANT:
        return id_str(&object->organization);
    case STORE_SEAL_TENANT_IF_ANY:
        return id_is_none(&object->organization) ? STORE_VAULT_SYSTEM
                                                 : id_str(&object->organization);
    case STORE_SEAL_SELF:
        return id_str(&object->id);
    case STORE_SEAL_SYSTEM:
        break;
    }
    return STORE_VAULT_SYSTEM;
}

static enum status check_text(struct store_tx *tx, const struct store_column *column,
                              struct str text) {
    if (text.len > column->max) {
        return why_set(tx->why, STATUS_TOO_LARGE, "text_too_long", "%s is longer than %zu bytes",
                       column->name, column->max);
    }
    if (!text_is_utf8(text) || str_find(text, '\0') != text.len) {
        return why_set(tx->why, STATUS_INVALID, "text_invalid", "%s is not valid text",
                       column->name);
    }
    return STATUS_OK;
}

static enum status encode_text(struct store_tx *tx, const struct store_table *table,
                               const struct store_column *column, const struct store_object *object,
                               struct str text, struct store_value *value) {
    enum status status = check_text(tx, column, text);
    if (status != STATUS_OK || column->kind == STORE_COLUMN_TEXT) {
        *value = store_row_text(text.at == NULL ? STR_EMPTY : text); /* empty is not absent */
        return status;
    }
    const struct store_vault_place place = {scope_of(table, object), table->name,
                                            id_str(&object->id), column->name};
    struct str sealed = STR_EMPTY;
    status = store_vault_seal(tx->store->vault, tx->connection, &place, text, &tx->scratch, &sealed,
                              tx->why);
    *value = store_row_bytes(sealed.at, sealed.len);
    return status;
}

static struct store_value encode_hash(struct store_tx *tx, const struct store_table *table,
                                      const struct store_column *column,
                                      const struct store_object *object, const void *member) {
    uint8_t *out = (uint8_t *)arena_bytes(&tx->scratch, DIGEST_BYTES);
    const struct store_vault *vault = tx->store->vault;
    if (column->kind == STORE_COLUMN_HASH) {
        store_vault_lookup_bytes(vault, table->name, column->name, str_make(member, DIGEST_BYTES),
                                 out);
    } else {
        struct str text;
        memcpy(&text, member, sizeof(text));
        struct str scope =
            column->kind == STORE_COLUMN_LOOKUP_TENANT ? id_str(&object->organization) : STR_EMPTY;
        store_vault_lookup(vault, table->name, column->name, scope, text, out);
    }
    return store_row_bytes(out, DIGEST_BYTES);
}

static enum status encode_column(struct store_tx *tx, const struct store_table *table,
                                 const struct store_column *column, const void *row,
                                 struct store_value *value) {
    const void *member = (const char *)row + column->offset;
    int64_t number;
    struct str text;
    bool flag;
    switch (column->kind) {
    case STORE_COLUMN_ID:
        *value = store_row_id(member);
        return STATUS_OK;
    case STORE_COLUMN_NUMBER:
        memcpy(&number, member, sizeof(number));
        *value = store_row_number(number);
        return STATUS_OK;
    case STORE_COLUMN_FLAG:
        memcpy(&flag, member, sizeof(flag));
        *value = store_row_number(flag ? 1 : 0);
        return STATUS_OK;
    case STORE_COLUMN_TEXT:
    case STORE_COLUMN_SEALED:
    case STORE_COLUMN_SEALED_LATE:
        memcpy(&text, member, sizeof(text));
        return encode_text(tx, table, column, row, text, value);
    case STORE_COLUMN_LOOKUP:
    case STORE_COLUMN_LOOKUP_TENANT:
    case STORE_COLUMN_HASH:
        *value = encode_hash(tx, table, column, row, member);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum status store_row_encode(struct store_tx *tx, const struct store_table *table, const void *row,
                             struct store_value values[STORE_ROW_COLUMNS_MAX]) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < table->column_count && status == STATUS_OK; i++) {
        status = encode_column(tx, table, &table->columns[i], row, &values[i]);
    }
    if (status != STATUS_OK) {
        tx->has_failed = true;
    }
    return status;
}

static enum status run(struct store_tx *tx, enum store_statement statement,
                       const struct store_value *values, size_t count, uint64_t *changes) {
    const struct store_driver *driver = tx->connection->driver;
    enum status status = driver->start(tx->connection, statement, values, count, tx->why);
    if (status == STATUS_OK) {
        status = driver->next(tx->connection, statement, NULL, 0, tx->why);
    }
    driver->finish(tx->connection, statement);
    if (status == STATUS_END && changes != NULL) {
        *changes = driver->changes(tx->connection);
    }
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_row_write(struct store_tx *tx, enum store_statement statement,
                            const struct store_value *values, size_t count, uint64_t *changes) {
    if (tx->mode != STORE_WRITE) {
        log_error("store.write_in_reading_transaction", "statement=%d", (int)statement);
        abort();
    }
    enum status status = run(tx, statement, values, count, changes);
    arena_reset(&tx->scratch);
    if (status != STATUS_OK) {
        tx->has_failed = true;
    }
    return status;
}

static enum status not_found(struct store_tx *tx) {
    return why_set(tx->why, STATUS_NOT_FOUND, "not_found", "there is no such object");
}

enum status store_row_change(struct store_tx *tx, enum store_statement statement,
                             const struct store_value *values, size_t count) {
    uint64_t changes = 0;
    enum status status = store_row_write(tx, statement, values, count, &changes);
    if (status == STATUS_OK && changes == 0) {
        tx->has_failed = true;
        return not_found(tx);
    }
    return status;
}

/* Says in the concept's words which of its unique constraints was broken. */
static enum status explain_conflict(struct store_tx *tx, const struct store_table *table) {
    const struct store_unique *unique = table->uniques;
    for (; unique != NULL && unique->column != NULL; unique++) {
        if (strstr(tx->why->text, unique->column) != NULL) {
            return why_set(tx->why, STATUS_CONFLICT, unique->slug, "%s", unique->text);
        }
    }
    return why_set(tx->why, STATUS_CONFLICT, "exists", "there is such an object already");
}

enum status store_row_insert(struct store_tx *tx, const struct store_table *table, void *row) {
    struct store_object *object = row;
    struct store_value values[STORE_ROW_COLUMNS_MAX];
    if (id_is_none(&object->id)) {
        object->id = id_new(table->id_kind, tx->store->clock, tx->store->random);
    }
    object->created_at_ms = tx->now_ms;
    object->updated_at_ms = tx->now_ms;
    object->revision = 1;
    enum status status = store_row_encode(tx, table, row, values);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_row_write(tx, table->insert, values, table->column_count, NULL);
    return status == STATUS_CONFLICT ? explain_conflict(tx, table) : status;
}

/* Nothing was changed: because it is not there, or because it is no longer what the caller has read. */
static enum status explain_unchanged(struct store_tx *tx, const struct store_table *table,
                                     const struct id *organization, const struct id *id) {
    const struct store_driver *driver = tx->connection->driver;
    const struct store_value values[] = {store_row_id(id), store_row_id(organization)};
    size_t count = table->seal == STORE_SEAL_TENANT ? 2 : 1;
    tx->has_failed = true;
    enum status status = driver->start(tx->connection, table->get, values, count, tx->why);
    if (status == STATUS_OK) {
        status = driver->next(tx->connection, table->get, NULL, 0, tx->why);
    }
    driver->finish(tx->connection, table->get);
    if (status == STATUS_OK) {
        return why_set(tx->why, STATUS_CONFLICT, "revision_mismatch",
                       "it has been changed since it was read");
    }
    return status == STATUS_END ? not_found(tx) : status;
}

enum status store_row_update(struct store_tx *tx, const struct store_table *table, void *row) {
    struct store_object *object = row;
    const struct store_object before = *object;
    struct store_value values[STORE_ROW_COLUMNS_MAX];
    uint64_t changes = 0;
    object->revision++;
    object->updated_at_ms = tx->now_ms;
    enum status status = store_row_encode(tx, table, row, values);
    if (status == STATUS_OK) {
        status = store_row_write(tx, table->update, values, table->column_count, &changes);
    }
    if (status == STATUS_OK && changes == 1) {
        return STATUS_OK;
    }
    *object = before;
    if (status == STATUS_CONFLICT) {
        return explain_conflict(tx, table);
    }
    return status == STATUS_OK ? explain_unchanged(tx, table, &object->organization, &object->id)
                               : status;
}

enum status store_row_delete(struct store_tx *tx, const struct store_table *table,
                             enum store_statement statement, const struct id *organization,
                             const struct id *id, uint64_t revision) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization),
                                         store_row_number((int64_t)revision)};
    uint64_t changes = 0;
    enum status status = store_row_write(tx, statement, values, 3, &changes);
    return status == STATUS_OK && changes == 0 ? explain_unchanged(tx, table, organization, id)
                                               : status;
}

/* Reading. */

static enum status broken(struct store_tx *tx, const struct store_table *table,
                          const struct store_column *column) {
    return why_set(tx->why, STATUS_FAILED, "seal_broken",
                   "%s in table %s was changed outside of this program or is damaged", column->name,
                   table->name);
}

static enum status decode_id(const struct store_value *value, struct id *id) {
    *id = (struct id){0};
    if (value->kind == STORE_VALUE_NULL) {
        return STATUS_OK;
    }
    if (value->kind != STORE_VALUE_TEXT) {
        return STATUS_INVALID;
    }
    return str_to_cstr(value->bytes, id->text, sizeof(id->text));
}

static enum status decode_sealed(struct store_tx *tx, const struct store_table *table,
                                 const struct store_column *column, const void *row,
                                 const struct store_value *value, struct arena *arena,
                                 struct str *text) {
    const struct store_object *object = row;
    const struct store_vault_place place = {scope_of(table, object), table->name,
                                            id_str(&object->id), column->name};
    return store_vault_unseal(tx->store->vault, tx->connection, &place, value->bytes, arena, text,
                              tx->why);
}

static enum status decode_column(struct store_tx *tx, const struct store_table *table,
                                 const struct store_column *column, const struct store_value *value,
                                 struct arena *arena, void *row) {
    void *member = (char *)row + column->offset;
    struct str text = STR_EMPTY;
    enum status status = STATUS_OK;
    switch (column->kind) {
    case STORE_COLUMN_ID:
        return decode_id(value, member) == STATUS_OK ? STATUS_OK : broken(tx, table, column);
    case STORE_COLUMN_NUMBER:
        memcpy(member, &value->number, sizeof(value->number));
        return STATUS_OK;
    case STORE_COLUMN_FLAG:
        *(bool *)member = value->number != 0;
        return STATUS_OK;
    case STORE_COLUMN_TEXT:
        text = arena_str(arena, value->bytes);
        break;
    case STORE_COLUMN_SEALED_LATE:
        if (value->kind == STORE_VALUE_NULL) {
            break;
        }
        status = decode_sealed(tx, table, column, row, value, arena, &text);
        break;
    case STORE_COLUMN_SEALED:
        status = decode_sealed(tx, table, column, row, value, arena, &text);
        break;
    case STORE_COLUMN_LOOKUP:
    case STORE_COLUMN_LOOKUP_TENANT:
    case STORE_COLUMN_HASH:
        return STATUS_OK;
    }
    memcpy(member, &text, sizeof(text));
    return status;
}

static enum status decode(struct store_tx *tx, const struct store_table *table,
                          const struct store_value *values, struct arena *arena, void *row) {
    enum status status = STATUS_OK;
    memset(row, 0, table->row_bytes);
    for (size_t i = 0; i < table->column_count && status == STATUS_OK; i++) {
        status = decode_column(tx, table, &table->columns[i], &values[i], arena, row);
    }
    if (table->seal == STORE_SEAL_SELF) {
        struct store_object *object = row;
        object->organization = object->id;
    }
    return status;
}

enum status store_row_find(struct store_tx *tx, const struct store_table *table,
                           enum store_statement statement, const struct store_value *values,
                           size_t count, struct arena *arena, void *row) {
    const struct store_driver *driver = tx->connection->driver;
    struct store_value columns[STORE_ROW_COLUMNS_MAX];
    enum status status = driver->start(tx->connection, statement, values, count, tx->why);
    if (status == STATUS_OK) {
        status = driver->next(tx->connection, statement, columns, table->column_count, tx->why);
    }
    if (status == STATUS_OK) {
        status = decode(tx, table, columns, arena, row);
    }
    driver->finish(tx->connection, statement);
    return status == STATUS_END ? not_found(tx) : status;
}

enum status store_row_get(struct store_tx *tx, const struct store_table *table,
                          const struct id *organization, const struct id *id, struct arena *arena,
                          void *row) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization)};
    return store_row_find(tx, table, table->get, values, 2, arena, row);
}

/* Rows as they come, in memory that grows with them. */
struct rows {
    char *at;
    size_t count;
    size_t cap;
};

static void *add_row(struct rows *rows, size_t row_bytes) {
    if (rows->count == rows->cap) {
        rows->cap = rows->cap == 0 ? 16 : 2 * rows->cap;
        rows->at = memory_resize(rows->at, rows->cap, row_bytes);
    }
    return rows->at + row_bytes * rows->count++;
}

/* The rows of a started statement, `limit` at most. STATUS_OK: there are more. STATUS_END: there are not. */
static enum status read_rows(struct store_tx *tx, const struct store_table *table,
                             enum store_statement statement, size_t limit, struct arena *arena,
                             struct rows *rows) {
    const struct store_driver *driver = tx->connection->driver;
    struct store_value columns[STORE_ROW_COLUMNS_MAX];
    for (;;) {
        enum status status =
            driver->next(tx->connection, statement, columns, table->column_count, tx->why);
        if (status != STATUS_OK || rows->count == limit) {
            return status;
        }
        status = decode(tx, table, columns, arena, add_row(rows, table->row_bytes));
        if (status != STATUS_OK) {
            return status;
        }
    }
}

enum status store_row_collect(struct store_tx *tx, const struct store_table *table,
                              enum store_statement statement, const struct store_value *values,
                              size_t count, size_t limit, struct arena *arena, void **out,
                              size_t *row_count, bool *has_more) {
    const struct store_driver *driver = tx->connection->driver;
    struct rows rows = {0};
    enum status status = driver->start(tx->connection, statement, values, count, tx->why);
    if (status == STATUS_OK) {
        status = read_rows(tx, table, statement, limit, arena, &rows);
    }
    driver->finish(tx->connection, statement);
    *has_more = status == STATUS_OK;
    *row_count = rows.count;
    *out = arena_alloc(arena, rows.count * table->row_bytes + 1);
    if (rows.count > 0) {
        memcpy(*out, rows.at, rows.count * table->row_bytes);
    }
    memory_free(rows.at);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_row_list(struct store_tx *tx, const struct store_table *table,
                           enum store_statement up, const struct store_value *values, size_t count,
                           struct store_page *page, struct arena *arena, void **rows,
                           size_t *row_count) {
    struct store_value all[FILTERS_MAX + 2];
    bool is_up = page->order == STORE_ASCENDING;
    if (count > FILTERS_MAX || page->limit == 0 || page->limit > STORE_PAGE_MAX) {
        log_error("store.list_misused", "limit=%" PRIu32 " filters=%zu", page->limit, count);
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = values[i];
    }
    struct str start = is_up ? STR_EMPTY : CURSOR_TOP;
    all[count] = store_row_text(page->has_cursor ? id_str(&page->after) : start);
    all[count + 1] = store_row_number((int64_t)page->limit + 1);
    enum status status =
        store_row_collect(tx, table, is_up ? up : (enum store_statement)(up + 1), all, count + 2,
                          page->limit, arena, rows, row_count, &page->has_more);
    return status == STATUS_OK && page->wants_total
               ? store_row_numbers(tx, (enum store_statement)(up + 2), values, count, &page->total,
                                   1)
               : status;
}

enum status store_row_numbers(struct store_tx *tx, enum store_statement statement,
                              const struct store_value *values, size_t count, int64_t *numbers,
                              size_t number_count) {
    const struct store_driver *driver = tx->connection->driver;
    struct store_value columns[STORE_ROW_COLUMNS_MAX];
    enum status status = driver->start(tx->connection, statement, values, count, tx->why);
    if (status == STATUS_OK) {
        status = driver->next(tx->connection, statement, columns, number_count, tx->why);
    }
    for (size_t i = 0; status == STATUS_OK && i < number_count; i++) {
        numbers[i] = columns[i].number;
    }
    driver->finish(tx->connection, statement);
    return status == STATUS_END ? not_found(tx) : status;
}

enum status store_row_ids(struct store_tx *tx, enum store_statement statement,
                          const struct store_value *values, size_t count, size_t width,
                          struct arena *arena, struct id **ids, size_t *row_count) {
    const struct store_driver *driver = tx->connection->driver;
    size_t row_bytes = width * sizeof(struct id);
    struct store_value columns[STORE_ROW_COLUMNS_MAX];
    struct rows rows = {0};
    enum status status = driver->start(tx->connection, statement, values, count, tx->why);
    while (status == STATUS_OK) {
        status = driver->next(tx->connection, statement, columns, width, tx->why);
        struct id *row = status == STATUS_OK ? add_row(&rows, row_bytes) : NULL;
        for (size_t i = 0; i < width && status == STATUS_OK; i++) {
            status = decode_id(&columns[i], &row[i]);
        }
    }
    driver->finish(tx->connection, statement);
    *row_count = rows.count;
    *ids = arena_alloc(arena, rows.count * row_bytes + 1);
    if (rows.count > 0) {
        memcpy(*ids, rows.at, rows.count * row_bytes);
    }
    memory_free(rows.at);
    return status == STATUS_END ? STATUS_OK : status;
}
