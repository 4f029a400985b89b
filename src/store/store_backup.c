#include "store/store_backup.h"

#include "base/arena.h"
#include "base/buf.h"
#include "store/store_backup_file.h"
#include "store/store_migration.h"

#define SQL_BYTES_MAX 8192

struct backup {
    struct store_tool *tool;
    struct store_backup_file_writer *writer;
    struct store_backup_result *result;
};

static enum status write_row(void *context, const struct store_value *columns, size_t count) {
    struct backup *backup = context;
    store_backup_file_write_row(backup->writer, columns, count);
    backup->result->row_count++;
    return STATUS_OK;
}

static enum status write_table(struct backup *backup, const struct store_catalog_table *table,
                               struct why *why) {
    struct store_connection *connection = backup->tool->connection;
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    enum status status = buf_printf(&sql, "SELECT %s", table->columns[0].name);
    for (size_t i = 1; i < table->column_count && status == STATUS_OK; i++) {
        status = buf_printf(&sql, ", %s", table->columns[i].name);
    }
    if (status == STATUS_OK) {
        status = buf_printf(&sql, " FROM %s%c", table->name, '\0');
    }
    if (status == STATUS_OK) {
        store_backup_file_write_table(backup->writer, table);
        backup->result->table_count++;
        status = connection->driver->query(connection, (const char *)buf_bytes(&sql), NULL, 0,
                                           write_row, backup, why);
    }
    buf_fini(&sql);
    return status;
}

/* What says which steps were applied is in the head; what counts generations belongs to the place, not to its content. */
static bool is_content(const struct store_catalog_table *table) {
    return !str_eq(str_from(table->name), STR("migration")) &&
           !str_eq(str_from(table->name), STR("installation"));
}

static enum status write_all(struct backup *backup, struct arena *arena, struct why *why) {
    struct store_tool *tool = backup->tool;
    struct store_catalog catalog;
    struct store_backup_file_head head = {.made_at_ms = clock_wall_ms(tool->clock)};
    size_t applied = 0;
    enum status status = store_migration_count(tool->connection, &applied, why);
    if (status == STATUS_OK && applied == 0) {
        status = why_set(why, STATUS_INVALID, "data_missing", "the database is empty");
    }
    if (status == STATUS_OK) {
        status = store_catalog_read(tool->connection, arena, &catalog, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    head.schema = (uint32_t)applied;
    (void)snprintf(head.program, sizeof(head.program), "%s", MEZUSPHERE_VERSION);
    store_backup_file_write_head(backup->writer, &head);
    for (size_t i = 0; i < catalog.count && status == STATUS_OK; i++) {
        if (is_content(catalog.tables[i])) {
            status = write_table(backup, catalog.tables[i], why);
        }
    }
    return status == STATUS_OK ? store_backup_file_write_end(backup->writer, why) : status;
}

enum status store_backup_write(struct store_tool *tool, FILE *file,
                               struct store_backup_result *result, struct why *why) {
    struct arena arena;
    struct backup backup = {tool, store_backup_file_writer_new(file), result};
    *result = (struct store_backup_result){0};
    arena_init(&arena);
    enum status status = tool->driver->begin(tool->connection, false, why);
    if (status == STATUS_OK) {
        status = write_all(&backup, &arena, why);
        tool->driver->rollback(tool->connection);
    }
    arena_fini(&arena);
    store_backup_file_writer_free(&backup.writer);
    return status;
}
