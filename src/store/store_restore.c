#include "store/store_restore.h"

#include "base/arena.h"
#include "base/buf.h"
#include "store/store_backup_file.h"
#include "store/store_generation.h"
#include "store/store_migration.h"
#include "store/store_schema.h"
#include "store/store_vault.h"

#define SQL_BYTES_MAX 8192

struct restore {
    struct store_tool *tool;
    struct store_connection *connection;
    FILE *file;
    struct arena arena;
    struct buf insert; /* the statement for the present table */
    int columns[STORE_CATALOG_COLUMNS_MAX];
    struct store_backup_file_head head;
    struct store_restore_result *result;
    struct why *why;
    /* Of what was there, before it went. */
    int64_t generation;
    int64_t restored;
    int64_t bundle_revision;
};

static enum status damaged(struct restore *restore) {
    return why_set(restore->why, STATUS_INVALID, "backup_damaged",
                   "the backup does not fit its own schema, nothing of it was restored: take "
                   "another");
}

/* The whole file, to see that it is whole. */
static enum status check_file(struct restore *restore) {
    struct store_backup_file_reader *reader = NULL;
    enum store_backup_file_kind kind;
    const struct store_catalog_table *table;
    const struct store_value *values;
    enum status status =
        store_backup_file_reader_new(restore->file, &reader, &restore->head, restore->why);
    while (status == STATUS_OK) {
        status = store_backup_file_read(reader, &kind, &table, &values, restore->why);
    }
    store_backup_file_reader_free(&reader);
    if (status != STATUS_END) {
        return status;
    }
    if (restore->head.schema > store_schema_step_count) {
        return why_set(restore->why, STATUS_UNSUPPORTED, "backup_newer",
                       "the backup was made by a newer version of this program (%s): restore it "
                       "with that one",
                       restore->head.program);
    }
    return restore->head.schema > 0 ? STATUS_OK : damaged(restore);
}

/* What was there */

static enum status take_number(void *context, const struct store_value *columns, size_t count) {
    if (count == 1 && columns[0].kind == STORE_VALUE_NUMBER) {
        *(int64_t *)context = columns[0].number;
    }
    return STATUS_OK;
}

static enum status read_number(struct restore *restore, const char *sql, int64_t *number) {
    *number = 0;
    return restore->connection->driver->query(restore->connection, sql, NULL, 0, take_number,
                                              number, restore->why);
}

static enum status look_at_present(struct restore *restore, const struct store_catalog *catalog,
                                   bool is_forced) {
    int64_t keys = 0;
    enum status status = STATUS_OK;
    if (store_catalog_find(catalog, STR("data_key")) != NULL) {
        status = read_number(restore, "SELECT COUNT(*) FROM data_key", &keys);
    }
    if (status == STATUS_OK && keys > 0 && !is_forced) {
        return why_set(restore->why, STATUS_CONFLICT, "data_exists",
                       "there is an installation here already: --force replaces it, and everything "
                       "in it, by the backup");
    }
    if (status == STATUS_OK && store_catalog_find(catalog, STR("environment")) != NULL) {
        status = read_number(restore, "SELECT MAX(bundle_revision) FROM environment",
                             &restore->bundle_revision);
    }
    if (status == STATUS_OK && store_catalog_find(catalog, STR("installation")) != NULL) {
        status = store_generation_read(restore->connection, STORE_GENERATION_KEYS,
                                       &restore->generation, restore->why);
        if (status == STATUS_OK) {
            status = store_generation_read(restore->connection, STORE_GENERATION_RESTORED,
                                           &restore->restored, restore->why);
        }
    }
    return status;
}

/* In the order in which nothing leads to them any more. */
static enum status drop_present(struct restore *restore, const struct store_catalog *catalog) {
    char sql[STORE_CATALOG_NAME_SIZE + 16];
    enum status status = STATUS_OK;
    for (size_t i = catalog->count; i > 0 && status == STATUS_OK; i--) {
        (void)snprintf(sql, sizeof(sql), "DROP TABLE %s", catalog->tables[i - 1]->name);
        status = restore->connection->driver->script(restore->connection, sql, restore->why);
    }
    return status;
}

/* Rows */

/* The file's names are compared with the catalog's; only the latter go into SQL. */
static enum status begin_table(struct restore *restore, const struct store_catalog *catalog,
                               const struct store_catalog_table *from) {
    const struct store_catalog_table *table = store_catalog_find(catalog, str_from(from->name));
    bool is_good = table != NULL && from->column_count == table->column_count &&
                   !str_eq(str_from(from->name), STR("migration"));
    buf_clear(&restore->insert);
    for (size_t i = 0; i < from->column_count && is_good; i++) {
        restore->columns[i] = store_catalog_column(table, str_from(from->columns[i].name));
        is_good = restore->columns[i] >= 0;
    }
    if (!is_good) {
        return damaged(restore);
    }
    enum status status = buf_printf(&restore->insert, "INSERT INTO %s (", table->name);
    for (size_t i = 0; i < from->column_count && status == STATUS_OK; i++) {
        status = buf_printf(&restore->insert, "%s%s", i == 0 ? "" : ", ",
                            table->columns[restore->columns[i]].name);
    }
    for (size_t i = 0; i < from->column_count && status == STATUS_OK; i++) {
        status = buf_printf(&restore->insert, "%s$%zu", i == 0 ? ") VALUES (" : ", ", i + 1);
    }
    if (status == STATUS_OK) {
        status = buf_append(&restore->insert, ")", 2); /* with its end */
    }
    return status == STATUS_OK ? STATUS_OK : damaged(restore);
}

static enum status insert_row(struct restore *restore, const struct store_catalog *catalog,
                              const struct store_catalog_table *from,
                              const struct store_value *values) {
    const struct store_catalog_table *table = store_catalog_find(catalog, str_from(from->name));
    for (size_t i = 0; i < from->column_count; i++) {
        if (values[i].kind != STORE_VALUE_NULL &&
            values[i].kind != table->columns[restore->columns[i]].kind) {
            return damaged(restore);
        }
    }
    enum status status = restore->connection->driver->query(
        restore->connection, (const char *)buf_bytes(&restore->insert), values, from->column_count,
        NULL, NULL, restore->why);
    restore->result->row_count++;
    return status == STATUS_CONFLICT || status == STATUS_NOT_FOUND ? damaged(restore) : status;
}

static enum status insert_rows(struct restore *restore) {
    struct store_backup_file_reader *reader = NULL;
    struct store_catalog catalog;
    enum store_backup_file_kind kind;
    const struct store_catalog_table *from;
    const struct store_value *values;
    rewind(restore->file);
    enum status status =
        store_catalog_read(restore->connection, &restore->arena, &catalog, restore->why);
    if (status == STATUS_OK) {
        status = store_backup_file_reader_new(restore->file, &reader, &restore->head, restore->why);
    }
    while (status == STATUS_OK) {
        status = store_backup_file_read(reader, &kind, &from, &values, restore->why);
        if (status == STATUS_OK) {
            status = kind == STORE_BACKUP_FILE_TABLE ? begin_table(restore, &catalog, from)
                                                     : insert_row(restore, &catalog, from, values);
        }
    }
    store_backup_file_reader_free(&reader);
    return status == STATUS_END ? STATUS_OK : status;
}

/* What a restore changes in what it restores. */

static enum status run(struct restore *restore, const char *sql, const struct store_value *value) {
    return restore->connection->driver->query(restore->connection, sql, value,
                                              value == NULL ? 0 : 1, NULL, NULL, restore->why);
}

static enum status make_current(struct restore *restore) {
    int64_t now_ms = clock_wall_ms(restore->tool->clock);
    int64_t least = restore->bundle_revision >= now_ms ? restore->bundle_revision + 1 : now_ms;
    const struct store_value revision = {STORE_VALUE_NUMBER, least, STR_EMPTY};
    enum status status = run(restore, "DELETE FROM session", NULL);
    if (status == STATUS_OK) {
        status =
            run(restore, "UPDATE environment SET bundle_revision = $1 WHERE bundle_revision < $1",
                &revision);
    }
    if (status == STATUS_OK) {
        status = store_generation_write(
            restore->connection, STORE_GENERATION_KEYS,
            restore->generation >= now_ms ? restore->generation + 1 : now_ms, restore->why);
    }
    if (status == STATUS_OK) {
        status = store_generation_write(
            restore->connection, STORE_GENERATION_RESTORED,
            restore->restored >= now_ms ? restore->restored + 1 : now_ms, restore->why);
    }
    return status;
}

static enum status check_keys(struct restore *restore, const struct store_key_source *master_key) {
    struct store_vault *vault = NULL;
    enum status status = store_vault_new(master_key, restore->connection, restore->tool->clock,
                                         restore->tool->random, &vault, restore->why);
    store_vault_free(&vault);
    if (status == STATUS_DENIED) {
        return why_set(restore->why, STATUS_DENIED, "master_key_wrong",
                       "the backup was made under another master key: give that one, as master.key "
                       "in the data folder or with --master-key-file");
    }
    return status;
}

static enum status replace(struct restore *restore, const struct store_key_source *master_key,
                           bool is_forced) {
    struct store_catalog catalog;
    enum status status =
        store_catalog_read(restore->connection, &restore->arena, &catalog, restore->why);
    if (status == STATUS_OK) {
        status = look_at_present(restore, &catalog, is_forced);
    }
    if (status == STATUS_OK) {
        status = drop_present(restore, &catalog);
    }
    if (status == STATUS_OK) {
        status = store_migration_apply(restore->connection, restore->tool->clock,
                                       restore->head.schema, restore->why);
    }
    if (status == STATUS_OK) {
        status = insert_rows(restore);
    }
    if (status == STATUS_OK) {
        status = store_migration_apply(restore->connection, restore->tool->clock,
                                       store_schema_step_count, restore->why);
    }
    if (status == STATUS_OK) {
        status = make_current(restore);
    }
    return status == STATUS_OK ? check_keys(restore, master_key) : status;
}

enum status store_restore_read(struct store_tool *tool, const struct store_key_source *master_key,
                               FILE *file, bool is_forced, struct store_restore_result *result,
                               struct why *why) {
    struct restore restore = {
        .tool = tool, .connection = tool->connection, .file = file, .result = result, .why = why};
    *result = (struct store_restore_result){0};
    arena_init(&restore.arena);
    buf_init(&restore.insert, SQL_BYTES_MAX);
    enum status status = check_file(&restore);
    result->made_at_ms = restore.head.made_at_ms;
    if (status == STATUS_OK) {
        status = tool->driver->begin(tool->connection, true, why);
        if (status == STATUS_OK) {
            status = replace(&restore, master_key, is_forced);
            if (status == STATUS_OK) {
                status = tool->driver->commit(tool->connection, why);
            } else {
                tool->driver->rollback(tool->connection);
            }
        }
    }
    if (status == STATUS_OK && !tool->is_beside) {
        status = store_folder_set_ready(&tool->folder, why);
    }
    buf_fini(&restore.insert);
    arena_fini(&restore.arena);
    return status;
}
