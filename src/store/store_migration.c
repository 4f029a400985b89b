#include "store/store_migration.h"

#include "base/log.h"
#include "base/text.h"
#include "pki/digest.h"
#include "store/store_schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHECKSUM_SIZE (2 * DIGEST_BYTES + 1)

/* Only once, before anything can be recorded; so it has no number. */
static const char first_sql[] = "CREATE TABLE IF NOT EXISTS migration ("
                                " number BIGINT PRIMARY KEY,"
                                " name TEXT NOT NULL,"
                                " checksum TEXT NOT NULL,"
                                " applied_at BIGINT NOT NULL)";

static void make_checksum(const char *sql, char out[CHECKSUM_SIZE]) {
    uint8_t digest[DIGEST_BYTES];
    digest_sha256(str_from(sql), digest);
    text_hex(digest, sizeof(digest), out);
}

/* Compares one record with the step it claims to be. */
static enum status judge_record(const struct store_value columns[2], size_t expected,
                                struct why *why) {
    char checksum[CHECKSUM_SIZE];
    int64_t number = columns[0].number;
    if (number > (int64_t)store_schema_step_count) {
        return why_set(why, STATUS_UNSUPPORTED, "data_newer",
                       "the database was written by a newer version of this program (schema %lld, "
                       "this one knows %zu): start that version, or restore an older backup",
                       (long long)number, store_schema_step_count);
    }
    if (number != (int64_t)expected) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "the record of schema step %zu is missing: restore a backup", expected);
    }
    make_checksum(store_schema_steps[expected - 1].sql, checksum);
    if (!str_eq(columns[1].bytes, str_from(checksum))) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "schema step %zu is not the one this program knows: restore a backup, or "
                       "start the version that wrote this database",
                       expected);
    }
    return STATUS_OK;
}

static enum status count_applied(struct store_connection *connection, size_t *applied,
                                 struct why *why) {
    const struct store_driver *driver = connection->driver;
    struct store_value columns[2];
    *applied = 0;
    enum status status = driver->start(connection, STATEMENT_MIGRATION_LIST, NULL, 0, why);
    while (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_MIGRATION_LIST, columns, COUNT(columns), why);
        if (status == STATUS_OK) {
            status = judge_record(columns, *applied + 1, why);
            (*applied)++;
        }
    }
    driver->finish(connection, STATEMENT_MIGRATION_LIST);
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status record(struct store_connection *connection, size_t number, int64_t now_ms,
                          struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_schema_step *step = &store_schema_steps[number - 1];
    char checksum[CHECKSUM_SIZE];
    make_checksum(step->sql, checksum);
    const struct store_value values[] = {
        {STORE_VALUE_NUMBER, (int64_t)number, STR_EMPTY},
        {STORE_VALUE_TEXT, 0, str_from(step->name)},
        {STORE_VALUE_TEXT, 0, str_from(checksum)},
        {STORE_VALUE_NUMBER, now_ms, STR_EMPTY},
    };
    enum status status =
        driver->start(connection, STATEMENT_MIGRATION_INSERT, values, COUNT(values), why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_MIGRATION_INSERT, NULL, 0, why);
    }
    driver->finish(connection, STATEMENT_MIGRATION_INSERT);
    return status == STATUS_END ? STATUS_OK : status;
}

/* Applies the first step that is missing, in one transaction. STATUS_END: none is. */
static enum status apply_next(struct store_connection *connection, const struct clock *clock,
                              bool must_exist, size_t last, struct why *why) {
    size_t applied = 0;
    enum status status = connection->driver->script(connection, first_sql, why);
    if (status == STATUS_OK) {
        status = count_applied(connection, &applied, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (applied == 0 && must_exist) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "the database is empty, although this folder has been in use: restore a "
                       "backup, or name the database that belongs to the folder (--database)");
    }
    if (applied >= last) {
        return STATUS_END;
    }
    status = connection->driver->script(connection, store_schema_steps[applied].sql, why);
    if (status == STATUS_OK) {
        status = record(connection, applied + 1, clock_wall_ms(clock), why);
    }
    if (status == STATUS_OK) {
        log_info("store.migrated", "number=%zu name=%s", applied + 1,
                 store_schema_steps[applied].name);
    }
    return status;
}

enum status store_migration_run(struct store_connection *connection, const struct clock *clock,
                                bool must_exist, struct why *why) {
    return store_migration_run_until(connection, clock, must_exist, store_schema_step_count, why);
}

enum status store_migration_run_until(struct store_connection *connection,
                                      const struct clock *clock, bool must_exist, size_t last,
                                      struct why *why) {
    const struct store_driver *driver = connection->driver;
    for (size_t round = 0;; round++) {
        enum status status = driver->begin(connection, true, why);
        if (status != STATUS_OK) {
            return status;
        }
        status = apply_next(connection, clock, must_exist && round == 0, last, why);
        if (status == STATUS_OK) {
            status = driver->commit(connection, why);
        } else {
            driver->rollback(connection);
        }
        if (status != STATUS_OK) {
            return status == STATUS_END ? STATUS_OK : status;
        }
    }
}

static enum status find_table(void *context, const struct store_value *columns, size_t count) {
    bool *is_there = context;
    *is_there = *is_there || (count > 0 && str_eq(columns[0].bytes, STR("migration")));
    return STATUS_OK;
}

enum status store_migration_count(struct store_connection *connection, size_t *applied,
                                  struct why *why) {
    bool is_there = false;
    *applied = 0;
    enum status status = connection->driver->query(connection, connection->driver->catalog_sql,
                                                   NULL, 0, find_table, &is_there, why);
    return status == STATUS_OK && is_there ? count_applied(connection, applied, why) : status;
}

enum status store_migration_apply(struct store_connection *connection, const struct clock *clock,
                                  size_t last, struct why *why) {
    size_t applied = 0;
    enum status status = store_migration_count(connection, &applied, why);
    if (status == STATUS_OK && applied == 0) {
        status = connection->driver->script(connection, first_sql, why);
    }
    for (; status == STATUS_OK && applied < last; applied++) {
        status = connection->driver->script(connection, store_schema_steps[applied].sql, why);
        if (status == STATUS_OK) {
            status = record(connection, applied + 1, clock_wall_ms(clock), why);
        }
    }
    return status;
}
