#include "store/store_migration.h"

#include "base/log.h"
#include "base/text.h"
#include "pki/digest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHECKSUM_SIZE (2 * DIGEST_BYTES + 1)

/* Only once, before anything can be recorded; so it has no number. */
static const char first_sql[] = "CREATE TABLE IF NOT EXISTS migration ("
                                " number BIGINT PRIMARY KEY,"
                                " name TEXT NOT NULL,"
                                " checksum TEXT NOT NULL,"
                                " applied_at BIGINT NOT NULL)";

/* BYTEA columns are sealed text or, where the name ends in _hash, keyed hashes. Foreign keys between objects carry the
 * organization, so the database itself keeps tenants apart. Times are milliseconds since 1970, 0 for never. */
#define TENANT_OBJECT                                                                              \
    " id TEXT PRIMARY KEY,"                                                                        \
    " organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,"               \
    " created_at BIGINT NOT NULL,"                                                                 \
    " revision BIGINT NOT NULL,"                                                                   \
    " updated_at BIGINT NOT NULL,"
#define FREE_OBJECT                                                                                \
    " id TEXT PRIMARY KEY,"                                                                        \
    " created_at BIGINT NOT NULL,"                                                                 \
    " revision BIGINT NOT NULL,"                                                                   \
    " updated_at BIGINT NOT NULL,"

static const char first_slice_sql[] =
    "CREATE TABLE data_key ("
    " scope TEXT NOT NULL," /* an organization's id, "system" or "lookup" */
    " version BIGINT NOT NULL,"
    " wrapped BYTEA NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (scope, version));"

    "CREATE TABLE setting ("
    " name TEXT PRIMARY KEY,"
    " value BYTEA NOT NULL,"
    " updated_at BIGINT NOT NULL);"

    "CREATE TABLE organization (" FREE_OBJECT " name BYTEA NOT NULL);"

    "CREATE TABLE member (" FREE_OBJECT " email BYTEA NOT NULL,"
    " email_hash BYTEA NOT NULL UNIQUE,"
    " name BYTEA NOT NULL,"
    " password_hash BYTEA NOT NULL);"

    "CREATE TABLE membership ("
    " member_id TEXT NOT NULL REFERENCES member (id) ON DELETE CASCADE,"
    " organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,"
    " role BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (member_id, organization_id));"
    "CREATE INDEX membership_of_organization ON membership (organization_id, member_id);"

    "CREATE TABLE session (" FREE_OBJECT
    " member_id TEXT NOT NULL REFERENCES member (id) ON DELETE CASCADE,"
    " expires_at BIGINT NOT NULL,"
    " last_used_at BIGINT NOT NULL,"
    " token_hash BYTEA NOT NULL UNIQUE);"
    "CREATE INDEX session_of_member ON session (member_id);"

    "CREATE TABLE project (" TENANT_OBJECT " name BYTEA NOT NULL,"
    " name_hash BYTEA NOT NULL,"
    " UNIQUE (organization_id, id),"
    " UNIQUE (organization_id, name_hash));"

    "CREATE TABLE environment (" TENANT_OBJECT " project_id TEXT NOT NULL,"
    " is_enabled BIGINT NOT NULL,"
    " bundle_revision BIGINT NOT NULL,"
    " name BYTEA NOT NULL,"
    " name_hash BYTEA NOT NULL,"
    " hostname BYTEA NOT NULL,"
    " hostname_hash BYTEA NOT NULL UNIQUE,"
    " UNIQUE (organization_id, id),"
    " UNIQUE (project_id, name_hash),"
    " FOREIGN KEY (organization_id, project_id)"
    "  REFERENCES project (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX environment_of_project ON environment (organization_id, project_id, id);"

    "CREATE TABLE route (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " position BIGINT NOT NULL,"
    " match_kind TEXT NOT NULL,"
    " path BYTEA NOT NULL,"
    " upstream BYTEA NOT NULL,"
    " FOREIGN KEY (organization_id, environment_id)"
    "  REFERENCES environment (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX route_of_environment ON route (organization_id, environment_id, position, id);"

    "CREATE TABLE service_account (" TENANT_OBJECT " project_id TEXT NOT NULL,"
    " name BYTEA NOT NULL,"
    " name_hash BYTEA NOT NULL,"
    " UNIQUE (organization_id, id),"
    " UNIQUE (project_id, name_hash),"
    " FOREIGN KEY (organization_id, project_id)"
    "  REFERENCES project (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX service_account_of_project"
    " ON service_account (organization_id, project_id, id);"

    "CREATE TABLE service_account_key (" TENANT_OBJECT " project_id TEXT NOT NULL,"
    " service_account_id TEXT NOT NULL,"
    " last_used_at BIGINT NOT NULL,"
    " revoked_at BIGINT NOT NULL,"
    " prefix BYTEA NOT NULL,"
    " secret_hash BYTEA NOT NULL UNIQUE,"
    " UNIQUE (organization_id, id),"
    " FOREIGN KEY (organization_id, project_id)"
    "  REFERENCES project (organization_id, id) ON DELETE CASCADE,"
    " FOREIGN KEY (organization_id, service_account_id)"
    "  REFERENCES service_account (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX service_account_key_of_service_account"
    " ON service_account_key (organization_id, service_account_id, id);"
    "CREATE INDEX service_account_key_of_project"
    " ON service_account_key (organization_id, project_id);"

    "CREATE TABLE warpgate (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " key_id TEXT NOT NULL,"
    " last_seen_at BIGINT NOT NULL,"
    " applied_revision BIGINT NOT NULL,"
    " revoked_at BIGINT NOT NULL,"
    " name BYTEA NOT NULL,"
    " version BYTEA NOT NULL,"
    " platform BYTEA NOT NULL,"
    " ip_address BYTEA NOT NULL,"
    " refused_code BYTEA NOT NULL,"
    " refused_detail BYTEA NOT NULL,"
    " FOREIGN KEY (organization_id, environment_id)"
    "  REFERENCES environment (organization_id, id) ON DELETE CASCADE,"
    " FOREIGN KEY (organization_id, key_id)"
    "  REFERENCES service_account_key (organization_id, id) ON DELETE CASCADE);"
    "CREATE INDEX warpgate_of_environment ON warpgate (organization_id, environment_id, id);"
    "CREATE INDEX warpgate_of_key ON warpgate (organization_id, key_id);"

    /* No reference to the environment: a revocation outlives it. */
    "CREATE TABLE revocation (" TENANT_OBJECT " environment_id TEXT NOT NULL,"
    " warpgate_id TEXT NOT NULL UNIQUE,"
    " expires_at BIGINT NOT NULL);"
    "CREATE INDEX revocation_of_organization ON revocation (organization_id);";

/* NULL in rows that were there before: empty (STORE_COLUMN_SEALED_LATE). */
static const char traffic_options_sql[] = "ALTER TABLE route ADD COLUMN options BYTEA;"
                                          "ALTER TABLE environment ADD COLUMN health_checks BYTEA;";

/* Append here, and nowhere else. */
static const struct migration {
    const char *name;
    const char *sql;
} migrations[] = {
    {"first slice", first_slice_sql},
    {"traffic options", traffic_options_sql},
};

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
    if (number > (int64_t)COUNT(migrations)) {
        return why_set(why, STATUS_UNSUPPORTED, "data_newer",
                       "the database was written by a newer version of this program (schema %lld, "
                       "this one knows %zu): start that version, or restore an older backup",
                       (long long)number, COUNT(migrations));
    }
    if (number != (int64_t)expected) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "the record of schema step %zu is missing: restore a backup", expected);
    }
    make_checksum(migrations[expected - 1].sql, checksum);
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
    const struct migration *migration = &migrations[number - 1];
    char checksum[CHECKSUM_SIZE];
    make_checksum(migration->sql, checksum);
    const struct store_value values[] = {
        {STORE_VALUE_NUMBER, (int64_t)number, STR_EMPTY},
        {STORE_VALUE_TEXT, 0, str_from(migration->name)},
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
                              bool must_exist, struct why *why) {
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
                       "backup of store.db");
    }
    if (applied == COUNT(migrations)) {
        return STATUS_END;
    }
    status = connection->driver->script(connection, migrations[applied].sql, why);
    if (status == STATUS_OK) {
        status = record(connection, applied + 1, clock_wall_ms(clock), why);
    }
    if (status == STATUS_OK) {
        log_info("store.migrated", "number=%zu name=%s", applied + 1, migrations[applied].name);
    }
    return status;
}

enum status store_migration_run(struct store_connection *connection, const struct clock *clock,
                                bool must_exist, struct why *why) {
    const struct store_driver *driver = connection->driver;
    for (size_t round = 0;; round++) {
        enum status status = driver->begin(connection, true, why);
        if (status != STATUS_OK) {
            return status;
        }
        status = apply_next(connection, clock, must_exist && round == 0, why);
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
