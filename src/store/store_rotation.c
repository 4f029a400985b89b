#include "store/store_rotation.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/secret.h"
#include "store/store_catalog.h"
#include "store/store_generation.h"
#include "store/store_vault.h"

#define SQL_BYTES_MAX 8192
#define PAGE_ROWS "50"

static enum status end(struct store_tool *tool, enum status status, struct why *why) {
    if (status == STATUS_OK) {
        return tool->driver->commit(tool->connection, why);
    }
    tool->driver->rollback(tool->connection);
    return status;
}

/* Rows of a query, kept: they are changed while they are gone through. */

struct row {
    struct row *next;
    struct store_value values[STORE_CATALOG_COLUMNS_MAX];
};

struct rows {
    struct arena *arena;
    struct row *first;
    struct row *last;
};

static enum status keep_row(void *context, const struct store_value *columns, size_t count) {
    struct rows *rows = context;
    struct row *row = ARENA_NEW(rows->arena, struct row);
    for (size_t i = 0; i < count && i < STORE_CATALOG_COLUMNS_MAX; i++) {
        row->values[i] = columns[i];
        if (columns[i].kind >= STORE_VALUE_TEXT) {
            row->values[i].bytes = arena_str(rows->arena, columns[i].bytes);
        }
    }
    if (rows->last == NULL) {
        rows->first = row;
    } else {
        rows->last->next = row;
    }
    rows->last = row;
    return STATUS_OK;
}

/* The master key */

static enum status find_master(const struct store_master_keys *keys, struct str wrapped,
                               struct store_seal_key *master, struct why *why) {
    uint32_t version = 0;
    enum status status = store_seal_wrapped_version(wrapped, &version, why);
    for (size_t i = 0; i < keys->count && status == STATUS_OK; i++) {
        store_seal_master(keys->at[i], master);
        if (master->version == version) {
            return STATUS_OK;
        }
    }
    return status == STATUS_OK ? store_seal_wrong_master(why) : status;
}

static enum status wrap_row(struct store_tool *tool, const struct store_master_keys *keys,
                            const struct store_seal_key *next, const struct row *row,
                            struct why *why) {
    uint8_t wrapped[STORE_SEAL_WRAPPED_BYTES];
    struct store_seal_key master = {0};
    struct store_seal_key key = {.version = (uint32_t)row->values[1].number};
    struct str scope = row->values[0].bytes;
    enum status status = find_master(keys, row->values[2].bytes, &master, why);
    if (status == STATUS_OK) {
        status = store_seal_unwrap(&master, scope, row->values[2].bytes, &key, why);
    }
    if (status == STATUS_OK) {
        store_seal_wrap(tool->random, next, scope, &key, wrapped);
        const struct store_value values[] = {
            {STORE_VALUE_BYTES, 0, str_make(wrapped, sizeof(wrapped))},
            row->values[0],
            row->values[1],
        };
        status = tool->driver->query(
            tool->connection, "UPDATE data_key SET wrapped = $1 WHERE scope = $2 AND version = $3",
            values, 3, NULL, NULL, why);
    }
    secret_wipe(&master, sizeof(master));
    secret_wipe(&key, sizeof(key));
    return status;
}

static enum status wrap_all(struct store_tool *tool, const struct store_master_keys *keys,
                            const struct store_seal_key *next, uint64_t *key_count,
                            struct why *why) {
    struct arena arena;
    struct rows rows = {.arena = &arena};
    arena_init(&arena);
    enum status status =
        tool->driver->query(tool->connection, "SELECT scope, version, wrapped FROM data_key", NULL,
                            0, keep_row, &rows, why);
    for (const struct row *row = rows.first; row != NULL && status == STATUS_OK; row = row->next) {
        status = wrap_row(tool, keys, next, row, why);
        (*key_count)++;
    }
    arena_fini(&arena);
    return status;
}

enum status store_rotation_master(struct store_tool *tool, const struct store_key_source *present,
                                  const uint8_t next[STORE_MASTER_KEY_BYTES], uint64_t *key_count,
                                  struct why *why) {
    struct store_master_keys keys = {.count = 0};
    struct store_seal_key master;
    *key_count = 0;
    store_seal_master(next, &master);
    enum status status = present->fetch(present->context, false, &keys, why);
    if (status == STATUS_OK) {
        status = tool->driver->begin(tool->connection, true, why);
    }
    if (status == STATUS_OK) {
        status = end(tool, wrap_all(tool, &keys, &master, key_count, why), why);
    }
    secret_wipe(&keys, sizeof(keys));
    secret_wipe(&master, sizeof(master));
    return status;
}

/* Data keys */

struct reseal {
    struct store_tool *tool;
    struct store_vault *vault;
    int64_t generation; /* that of the new keys */
    uint64_t row_count;
    struct why *why;
};

/* What of a table may be sealed, and how (see store_row.h: the seals). Keyed hashes are bytes, too, but too short for a seal. */
struct sealed_table {
    const char *name;
    const char *key;   /* the column that names the row */
    const char *scope; /* the column that names the scope; NULL: the installation's own */
    const char *columns[STORE_CATALOG_COLUMNS_MAX];
    size_t count;
};

static bool describe(const struct store_catalog_table *table, struct sealed_table *sealed) {
    *sealed = (struct sealed_table){.name = table->name};
    struct str name = str_from(table->name);
    if (str_eq(name, STR("data_key"))) {
        return false;
    }
    /* Tables without either hold keyed hashes and numbers alone. */
    if (store_catalog_column(table, STR("id")) >= 0) {
        sealed->key = "id";
    } else if (store_catalog_column(table, STR("name")) >= 0) {
        sealed->key = "name";
    } else {
        return false;
    }
    if (store_catalog_column(table, STR("organization_id")) >= 0) {
        sealed->scope = "organization_id";
    } else if (str_eq(name, STR("organization"))) {
        sealed->scope = "id";
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].kind == STORE_VALUE_BYTES) {
            sealed->columns[sealed->count++] = table->columns[i].name;
        }
    }
    return sealed->count > 0;
}

static enum status check_generation(struct reseal *reseal) {
    struct store_connection *connection = reseal->tool->connection;
    enum status status = store_vault_follow(reseal->vault, connection, reseal->why);
    if (status == STATUS_OK && connection->generation != reseal->generation) {
        return why_set(reseal->why, STATUS_CONFLICT, "rotation_overtaken",
                       "everything was replaced meanwhile (restore): start again");
    }
    return status;
}

static enum status update_row(struct reseal *reseal, const struct sealed_table *table,
                              const struct row *row, const struct store_value *values) {
    struct buf sql;
    struct store_value parameters[STORE_CATALOG_COLUMNS_MAX + 1];
    enum status status = STATUS_OK;
    buf_init(&sql, SQL_BYTES_MAX);
    status = buf_printf(&sql, "UPDATE %s SET", table->name);
    for (size_t i = 0; i < table->count && status == STATUS_OK; i++) {
        status = buf_printf(&sql, "%s %s = $%zu", i == 0 ? "" : ",", table->columns[i], i + 1);
        parameters[i] = values[i];
    }
    parameters[table->count] = row->values[0];
    if (status == STATUS_OK) {
        status = buf_printf(&sql, " WHERE %s = $%zu%c", table->key, table->count + 1, '\0');
    }
    if (status == STATUS_OK) {
        status =
            reseal->tool->driver->query(reseal->tool->connection, (const char *)buf_bytes(&sql),
                                        parameters, table->count + 1, NULL, NULL, reseal->why);
    }
    buf_fini(&sql);
    return status;
}

/* row: its name, its scope, the sealed columns. */
static enum status reseal_row(struct reseal *reseal, const struct sealed_table *table,
                              const struct row *row, struct arena *arena) {
    struct store_value values[STORE_CATALOG_COLUMNS_MAX];
    bool is_changed = false;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < table->count && status == STATUS_OK; i++) {
        bool has_scope = table->scope != NULL && row->values[1].kind == STORE_VALUE_TEXT;
        const struct store_vault_place place = {
            has_scope ? row->values[1].bytes : STORE_VAULT_SYSTEM, table->name,
            row->values[0].bytes, table->columns[i]};
        values[i] = row->values[i + 2];
        if (values[i].kind == STORE_VALUE_BYTES && store_seal_is_sealed(values[i].bytes)) {
            struct str before = values[i].bytes;
            status = store_vault_reseal(reseal->vault, reseal->tool->connection, &place, before,
                                        arena, &values[i].bytes, reseal->why);
            is_changed = is_changed || values[i].bytes.at != before.at;
        }
    }
    if (status == STATUS_OK && is_changed) {
        status = update_row(reseal, table, row, values);
        reseal->row_count++;
    }
    return status;
}

static enum status write_select(const struct sealed_table *table, struct buf *sql) {
    enum status status = buf_printf(sql, "SELECT %s, %s", table->key,
                                    table->scope != NULL ? table->scope : table->key);
    for (size_t i = 0; i < table->count && status == STATUS_OK; i++) {
        status = buf_printf(sql, ", %s", table->columns[i]);
    }
    return status == STATUS_OK
               ? buf_printf(sql, " FROM %s WHERE %s > $1 ORDER BY %s LIMIT " PAGE_ROWS "%c",
                            table->name, table->key, table->key, '\0')
               : status;
}

/* One transaction. `after` is the row before; STATUS_END: that was the last. */
static enum status reseal_page(struct reseal *reseal, const struct sealed_table *table,
                               const char *sql, char *after, size_t after_size) {
    struct arena arena;
    struct rows rows = {.arena = &arena};
    const struct store_value value = {STORE_VALUE_TEXT, 0, str_from(after)};
    struct store_tool *tool = reseal->tool;
    enum status status = tool->driver->begin(tool->connection, true, reseal->why);
    if (status != STATUS_OK) {
        return status;
    }
    arena_init(&arena);
    status = check_generation(reseal);
    if (status == STATUS_OK) {
        status =
            tool->driver->query(tool->connection, sql, &value, 1, keep_row, &rows, reseal->why);
    }
    for (const struct row *row = rows.first; row != NULL && status == STATUS_OK; row = row->next) {
        status = reseal_row(reseal, table, row, &arena);
    }
    if (status == STATUS_OK && rows.last != NULL) {
        status = str_to_cstr(rows.last->values[0].bytes, after, after_size);
    }
    status = end(tool, status, reseal->why);
    status = status == STATUS_OK && rows.last == NULL ? STATUS_END : status;
    arena_fini(&arena);
    return status;
}

static enum status reseal_table(struct reseal *reseal, const struct sealed_table *table) {
    char after[256] = "";
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    enum status status = write_select(table, &sql);
    while (status == STATUS_OK) {
        status = reseal_page(reseal, table, (const char *)buf_bytes(&sql), after, sizeof(after));
    }
    buf_fini(&sql);
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status begin_renewal(struct reseal *reseal, const struct store_key_source *present,
                                 struct store_catalog *catalog, struct arena *arena) {
    struct store_tool *tool = reseal->tool;
    int64_t now_ms = clock_wall_ms(tool->clock);
    enum status status = tool->driver->begin(tool->connection, true, reseal->why);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_vault_new(present, tool->connection, tool->clock, tool->random, &reseal->vault,
                             reseal->why);
    if (status == STATUS_OK) {
        status = store_vault_renew_scopes(reseal->vault, tool->connection, reseal->why);
    }
    if (status == STATUS_OK) {
        int64_t present_generation = tool->connection->generation;
        reseal->generation = present_generation >= now_ms ? present_generation + 1 : now_ms;
        status = store_generation_write(tool->connection, STORE_GENERATION_KEYS, reseal->generation,
                                        reseal->why);
    }
    if (status == STATUS_OK) {
        status = store_catalog_read(tool->connection, arena, catalog, reseal->why);
    }
    return end(tool, status, reseal->why);
}

/* Nothing is sealed with them any more: every row was looked at after the last transaction that could. */
static enum status delete_old(struct reseal *reseal) {
    struct store_tool *tool = reseal->tool;
    enum status status = tool->driver->begin(tool->connection, true, reseal->why);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_generation(reseal);
    if (status == STATUS_OK) {
        status = tool->driver->query(tool->connection,
                                     "DELETE FROM data_key WHERE version < (SELECT "
                                     "MAX(newer.version) FROM data_key newer WHERE newer.scope = "
                                     "data_key.scope)",
                                     NULL, 0, NULL, NULL, reseal->why);
    }
    return end(tool, status, reseal->why);
}

enum status store_rotation_data_keys(struct store_tool *tool,
                                     const struct store_key_source *present, uint64_t *row_count,
                                     struct why *why) {
    struct reseal reseal = {.tool = tool, .why = why};
    struct store_catalog catalog = {.count = 0};
    struct sealed_table table;
    struct arena arena;
    arena_init(&arena);
    enum status status = begin_renewal(&reseal, present, &catalog, &arena);
    for (size_t i = 0; i < catalog.count && status == STATUS_OK; i++) {
        if (describe(catalog.tables[i], &table)) {
            status = reseal_table(&reseal, &table);
        }
    }
    if (status == STATUS_OK) {
        status = delete_old(&reseal);
    }
    *row_count = reseal.row_count;
    store_vault_free(&reseal.vault);
    arena_fini(&arena);
    return status;
}
