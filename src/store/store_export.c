#include "store/store_export.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "store/store_catalog.h"
#include "store/store_state.h"

#define SQL_BYTES_MAX 8192

struct table_export {
    struct store_tx *tx;
    struct str organization;
    const struct store_catalog_table *table;
    struct arena arena; /* of a row */
    struct buf *out;
    const char *comma;
};

/* On their way, or made of what is exported anyway. */
static const char *const left_out[] = {"idempotency", "outbox", "operation", "operation_part"};

static bool is_left_out(const char *name) {
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (strcmp(left_out[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *write_number(struct str name, int64_t number) {
    char text[CLOCK_RFC3339_SIZE];
    if (!str_ends_with(name, STR("_at"))) {
        return json_integer(number);
    }
    if (number == 0) {
        return json_null();
    }
    clock_format_rfc3339(number, text);
    return json_string(text);
}

static json_t *write_text(struct str text) {
    json_t *tree = NULL;
    bool may_be_json = text.len > 1 && (text.at[0] == '{' || text.at[0] == '[');
    return may_be_json && json_parse(text, &tree, NULL) == STATUS_OK ? tree : json_from_str(text);
}

/* One seal that does not open must not keep the rest from its owner. */
static json_t *write_sealed(struct table_export *export, struct str row, const char *column,
                            struct str sealed) {
    const struct store_vault_place place = {export->organization, export->table->name, row, column};
    struct str text;
    struct why why = {0};
    if (store_vault_unseal(export->tx->store->vault, export->tx->connection, &place, sealed,
                           &export->arena, &text, &why) != STATUS_OK) {
        log_error("store.not_exported", "detail=%s", why.text);
        return json_null();
    }
    return write_text(text);
}

static json_t *write_column(struct table_export *export, struct str row, size_t index,
                            const struct store_value *value) {
    const char *name = export->table->columns[index].name;
    switch (value->kind) {
    case STORE_VALUE_NULL:
        break;
    case STORE_VALUE_NUMBER:
        return write_number(str_from(name), value->number);
    case STORE_VALUE_TEXT:
        return write_text(value->bytes);
    case STORE_VALUE_BYTES:
        return write_sealed(export, row, name, value->bytes);
    }
    return json_null();
}

static enum status write_row(void *context, const struct store_value *columns, size_t count) {
    struct table_export *export = context;
    int id = store_catalog_column(export->table, STR("id"));
    /* Without an id of its own a row has nothing sealed. */
    struct str row = id < 0 ? STR_EMPTY : arena_str(&export->arena, columns[id].bytes);
    json_t *item = json_object();
    for (size_t i = 0; i < count; i++) {
        const char *name = export->table->columns[i].name;
        if (!str_ends_with(str_from(name), STR("_hash"))) {
            json_object_set_new(item, name, write_column(export, row, i, &columns[i]));
        }
    }
    enum status status = buf_append_str(export->out, str_from(export->comma));
    if (status == STATUS_OK) {
        status = json_write(item, export->out);
    }
    json_decref(item);
    arena_reset(&export->arena);
    export->comma = ",";
    return status;
}

static enum status make_sql(const struct store_catalog_table *table, bool is_organization,
                            struct buf *sql) {
    const char *gap = "SELECT ";
    enum status status = STATUS_OK;
    for (size_t i = 0; i < table->column_count && status == STATUS_OK; i++) {
        status = buf_printf(sql, "%s%s", gap, table->columns[i].name);
        gap = ", ";
    }
    if (status == STATUS_OK) {
        status = buf_printf(sql, " FROM %s WHERE %s = $1 ORDER BY 1%c", table->name,
                            is_organization ? "id" : "organization_id", '\0');
    }
    return status;
}

static enum status write_rows(struct table_export *export, const struct buf *sql) {
    struct store_tx *tx = export->tx;
    const struct store_value value = {STORE_VALUE_TEXT, 0, export->organization};
    enum status status = buf_printf(export->out, "\"%s\":[", export->table->name);
    if (status == STATUS_OK) {
        status = tx->connection->driver->query(tx->connection, (const char *)buf_bytes(sql), &value,
                                               1, write_row, export, tx->why);
    }
    return status == STATUS_OK ? buf_append_str(export->out, STR("]")) : status;
}

static enum status write_table(struct store_tx *tx, struct str organization,
                               const struct store_catalog_table *table, struct buf *out) {
    struct table_export export = {
        .tx = tx, .organization = organization, .table = table, .out = out, .comma = ""};
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    arena_init(&export.arena);
    enum status status = make_sql(table, strcmp(table->name, "organization") == 0, &sql);
    if (status == STATUS_OK) {
        status = write_rows(&export, &sql);
    }
    arena_fini(&export.arena);
    buf_fini(&sql);
    return status;
}

enum status store_export_write(struct store_tx *tx, const struct id *organization,
                               struct buf *out) {
    struct store_catalog catalog;
    struct arena arena;
    const char *comma = "";
    arena_init(&arena);
    enum status status = store_catalog_read(tx->connection, &arena, &catalog, tx->why);
    for (size_t i = 0; status == STATUS_OK && i < catalog.count; i++) {
        const struct store_catalog_table *table = catalog.tables[i];
        bool is_theirs = strcmp(table->name, "organization") == 0 ||
                         store_catalog_column(table, STR("organization_id")) >= 0;
        if (!is_theirs || is_left_out(table->name)) {
            continue;
        }
        status = buf_append_str(out, str_from(comma));
        if (status == STATUS_OK) {
            status = write_table(tx, id_str(organization), table, out);
        }
        comma = ",";
    }
    arena_fini(&arena);
    return status != STATUS_TOO_LARGE ? status
                                      : why_set(tx->why, STATUS_TOO_LARGE, "export_too_large",
                                                "the organization has more than one export holds");
}
