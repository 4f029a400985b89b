#include "store/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BUSY_MS 5000
#define QUERY_BYTES_MAX 65536
#define PATH_BYTES_MAX 8192
/* "Mezu": in the file's header, so that we know our own. */
#define APPLICATION_ID 0x4d657a75

struct sqlite {
    struct store_connection connection;
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT]; /* prepared at first use */
};

static struct sqlite *of(struct store_connection *connection) {
    return CONTAINER_OF(connection, struct sqlite, connection);
}

/* What SQLite's primary result codes mean to the store. */
static const struct code {
    int code;
    enum status status;
    const char *slug;
    const char *text;
} codes[] = {
    {SQLITE_FULL, STATUS_UNAVAILABLE, "storage_full",
     "no space is left for the database: nothing is lost, make room"},
    {SQLITE_BUSY, STATUS_UNAVAILABLE, "storage_busy", "the database is busy"},
    {SQLITE_LOCKED, STATUS_UNAVAILABLE, "storage_busy", "the database is busy"},
    {SQLITE_READONLY, STATUS_DENIED, "data_not_writable", "the database cannot be written"},
    {SQLITE_CANTOPEN, STATUS_DENIED, "data_not_writable", "the database cannot be opened"},
    {SQLITE_PERM, STATUS_DENIED, "data_not_writable", "the database cannot be written"},
    {SQLITE_CORRUPT, STATUS_INVALID, "data_corrupt",
     "the database is damaged: restore a backup of store.db"},
    {SQLITE_NOTADB, STATUS_INVALID, "data_corrupt",
     "store.db is not a database any more: restore a backup"},
};

static enum status full(struct why *why) {
    return why_set(why, codes[0].status, codes[0].slug, "%s", codes[0].text);
}

static enum status fail_constraint(sqlite3 *db, struct why *why) {
    int extended = sqlite3_extended_errcode(db);
    if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return why_set(why, STATUS_CONFLICT, "unique", "%s", sqlite3_errmsg(db));
    }
    if (extended == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return why_set(why, STATUS_NOT_FOUND, "parent_not_found",
                       "what it belongs to is not there");
    }
    return why_set(why, STATUS_FAILED, "store_failed", "the database: %s", sqlite3_errmsg(db));
}

/* SQLite calls only ENOSPC a full disk; a quota and a limit on file size are the same to us. The log's error is asked for,
 * too, since that is where commits are written. */
static bool has_no_space(sqlite3 *db) {
    sqlite3_file *log = NULL;
    int errors[2] = {0};
    sqlite3_file_control(db, NULL, SQLITE_FCNTL_LAST_ERRNO, &errors[0]);
    if (sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL) {
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &errors[1]);
    }
    for (size_t i = 0; i < COUNT(errors); i++) {
        if (errors[i] == ENOSPC || errors[i] == EDQUOT || errors[i] == EFBIG) {
            return true;
        }
    }
    return false;
}

static enum status fail(sqlite3 *db, struct why *why) {
    int code = sqlite3_extended_errcode(db) & 0xff;
    if (code == SQLITE_CONSTRAINT) {
        return fail_constraint(db, why);
    }
    if (code == SQLITE_IOERR && has_no_space(db)) {
        return full(why);
    }
    for (size_t i = 0; i < COUNT(codes); i++) {
        if (codes[i].code == code) {
            return why_set(why, codes[i].status, codes[i].slug, "%s", codes[i].text);
        }
    }
    return why_set(why, STATUS_FAILED, "store_failed", "the database: %s", sqlite3_errmsg(db));
}

static enum status run_script(struct store_connection *connection, const char *sql,
                              struct why *why) {
    sqlite3 *db = of(connection)->db;
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : fail(db, why);
}

/* The first column of the only row of a statement of our own, as a number. */
static enum status read_number(sqlite3 *db, const char *sql, int64_t *number, struct why *why) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code != SQLITE_ROW) {
        enum status status = fail(db, why);
        sqlite3_finalize(statement);
        return status;
    }
    *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return STATUS_OK;
}

static enum status check_owner(sqlite3 *db, struct why *why) {
    int64_t id = 0;
    int64_t tables = 0;
    enum status status = read_number(db, "PRAGMA application_id", &id, why);
    if (status == STATUS_OK) {
        status = read_number(db, "SELECT COUNT(*) FROM sqlite_master", &tables, why);
    }
    if (status != STATUS_OK || id == APPLICATION_ID) {
        return status;
    }
    if (id != 0 || tables != 0) {
        return why_set(why, STATUS_CONFLICT, "data_not_ours",
                       "store.db is the database of another program: name another data folder");
    }
    return sqlite3_exec(db, "PRAGMA application_id = 0x4d657a75", NULL, NULL, NULL) == SQLITE_OK
               ? STATUS_OK
               : fail(db, why);
}

static enum status check_health(sqlite3 *db, struct why *why) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum status status = code == SQLITE_ROW ? STATUS_OK : fail(db, why);
    if (status == STATUS_OK) {
        const char *answer = (const char *)sqlite3_column_text(statement, 0);
        if (answer == NULL || strcmp(answer, "ok") != 0) {
            status = why_set(why, STATUS_INVALID, "data_corrupt",
                             "the database is damaged (%s): restore a backup of store.db",
                             answer == NULL ? "no answer" : answer);
        }
    }
    sqlite3_finalize(statement);
    return status;
}

/* FULL: a commit has reached the disk when it returns. Nothing that was deleted stays readable in the file. The limits on
 * trust are for a database file that somebody has tampered with. */
static const char settings_sql[] = "PRAGMA foreign_keys = ON;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA secure_delete = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA mmap_size = 0;"
                                   "PRAGMA journal_size_limit = 16777216;";

static enum status set_up(struct sqlite *sqlite, bool is_first, bool is_writer, struct why *why) {
    struct store_connection *connection = &sqlite->connection;
    sqlite3_extended_result_codes(sqlite->db, 1);
    sqlite3_busy_timeout(sqlite->db, BUSY_MS);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    enum status status = STATUS_OK;
    if (is_first) {
        status = check_owner(sqlite->db, why);
        if (status == STATUS_OK) {
            status = check_health(sqlite->db, why);
        }
        if (status == STATUS_OK) {
            status = run_script(connection, "PRAGMA journal_mode = WAL", why);
        }
    }
    if (status == STATUS_OK) {
        status = run_script(connection, settings_sql, why);
    }
    if (status == STATUS_OK && !is_writer) {
        status = run_script(connection, "PRAGMA query_only = ON", why);
    }
    return status;
}

/* SQLite gives its log and its index the mode of the database file, so that one is made here. */
static enum status make_file(const char *path, struct why *why) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        close(fd);
        return STATUS_OK;
    }
    if (errno == ENOSPC || errno == EDQUOT) {
        return full(why);
    }
    return why_set(why, STATUS_DENIED, "data_not_writable", "cannot open %s: %s", path,
                   strerror(errno));
}

static void close_connection(struct store_connection **connection) {
    if (*connection == NULL) {
        return;
    }
    struct sqlite *sqlite = of(*connection);
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++) {
        sqlite3_finalize(sqlite->statements[i]);
    }
    sqlite3_close(sqlite->db);
    memory_free(sqlite);
    *connection = NULL;
}

static enum status connect_file(const char *place, bool is_first, bool is_writer,
                                struct store_connection **connection, struct why *why) {
    enum status status = is_first ? make_file(place, why) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    struct sqlite *sqlite = MEMORY_NEW(struct sqlite);
    sqlite->connection.driver = &store_sqlite;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(place, &sqlite->db, flags, NULL) != SQLITE_OK) {
        status = sqlite->db == NULL
                     ? why_set(why, STATUS_FAILED, "store_failed", "SQLite cannot start")
                     : fail(sqlite->db, why);
    } else {
        status = set_up(sqlite, is_first, is_writer, why);
    }
    *connection = &sqlite->connection;
    if (status != STATUS_OK) {
        close_connection(connection);
    }
    return status;
}

static enum status begin(struct store_connection *connection, bool is_write, struct why *why) {
    return run_script(connection, is_write ? "BEGIN IMMEDIATE" : "BEGIN", why);
}

static void rollback(struct store_connection *connection) {
    sqlite3 *db = of(connection)->db;
    /* A full disk may have rolled back already. */
    if (!sqlite3_get_autocommit(db) &&
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
        log_error("store.rollback", "%s", sqlite3_errmsg(db));
    }
}

static enum status commit(struct store_connection *connection, struct why *why) {
    enum status status = run_script(connection, "COMMIT", why);
    if (status != STATUS_OK) {
        rollback(connection);
    }
    return status;
}

/* NORMAL: the log is synced before it is copied into the database and when it begins anew, and the database after that; a commit is
 * a write to the log alone. The log stays one and the same file for as long as a connection is open. */
static enum status defer_sync(struct store_connection *connection, const char *place, int *fd,
                              struct why *why) {
    struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    enum status status = buf_printf(&path, "%s-wal%c", place, 0);
    if (status == STATUS_OK) {
        *fd = open((const char *)buf_bytes(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    buf_fini(&path);
    if (status != STATUS_OK || *fd < 0) {
        return why_set(why, STATUS_DENIED, "data_not_writable", "cannot open %s-wal: %s", place,
                       status != STATUS_OK ? "the path is too long" : strerror(errno));
    }
    return run_script(connection, "PRAGMA synchronous = NORMAL", why);
}

/* SQLite reads $1 as a name and numbers names by appearance; ?1 is what the text means. */
static const char *translate(const char *text, char out[STORE_STATEMENT_TEXT_MAX]) {
    size_t i = 0;
    for (; text[i] != '\0'; i++) {
        if (i + 1 >= STORE_STATEMENT_TEXT_MAX) {
            log_error("store.statement_too_long", "text=%s", text);
            abort();
        }
        out[i] = text[i] == '$' ? '?' : text[i];
    }
    out[i] = '\0';
    return out;
}

static enum status prepare(struct sqlite *sqlite, enum store_statement name, struct why *why) {
    char text[STORE_STATEMENT_TEXT_MAX];
    if (sqlite->statements[name] != NULL) {
        return STATUS_OK;
    }
    translate(store_statement_text(name), text);
    if (sqlite3_prepare_v3(sqlite->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                           &sqlite->statements[name], NULL) != SQLITE_OK) {
        return fail(sqlite->db, why);
    }
    return STATUS_OK;
}

/* Static: the caller's bytes live until `finish`, and nothing is read later. */
static int bind(sqlite3_stmt *statement, int at, const struct store_value *value) {
    switch (value->kind) {
    case STORE_VALUE_NULL:
        return sqlite3_bind_null(statement, at);
    case STORE_VALUE_NUMBER:
        return sqlite3_bind_int64(statement, at, value->number);
    case STORE_VALUE_TEXT:
        return sqlite3_bind_text64(statement, at, value->bytes.at, value->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case STORE_VALUE_BYTES:
        return sqlite3_bind_blob64(statement, at, value->bytes.at, value->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static enum status start(struct store_connection *connection, enum store_statement name,
                         const struct store_value *parameters, size_t count, struct why *why) {
    struct sqlite *sqlite = of(connection);
    enum status status = prepare(sqlite, name, why);
    if (status != STATUS_OK) {
        return status;
    }
    sqlite3_stmt *statement = sqlite->statements[name];
    if (sqlite3_stmt_busy(statement) || (size_t)sqlite3_bind_parameter_count(statement) != count) {
        log_error("store.statement_misused", "statement=%d parameters=%zu", (int)name, count);
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (bind(statement, (int)i + 1, &parameters[i]) != SQLITE_OK) {
            return fail(sqlite->db, why);
        }
    }
    return STATUS_OK;
}

static void read_column(sqlite3_stmt *statement, int at, struct store_value *value) {
    const void *bytes = NULL;
    *value = (struct store_value){STORE_VALUE_NULL, 0, STR_EMPTY};
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER:
        value->kind = STORE_VALUE_NUMBER;
        value->number = sqlite3_column_int64(statement, at);
        return;
    case SQLITE_TEXT:
        value->kind = STORE_VALUE_TEXT;
        bytes = sqlite3_column_text(statement, at);
        break;
    case SQLITE_BLOB:
        value->kind = STORE_VALUE_BYTES;
        bytes = sqlite3_column_blob(statement, at);
        break;
    default:
        return;
    }
    if (bytes != NULL) {
        value->bytes = str_make(bytes, (size_t)sqlite3_column_bytes(statement, at));
    }
}

static enum status next(struct store_connection *connection, enum store_statement name,
                        struct store_value *columns, size_t count, struct why *why) {
    struct sqlite *sqlite = of(connection);
    sqlite3_stmt *statement = sqlite->statements[name];
    int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) {
        return STATUS_END;
    }
    if (code != SQLITE_ROW) {
        return fail(sqlite->db, why);
    }
    if (count > (size_t)sqlite3_column_count(statement)) {
        log_error("store.statement_misused", "statement=%d columns=%zu", (int)name, count);
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        read_column(statement, (int)i, &columns[i]);
    }
    return STATUS_OK;
}

static void finish(struct store_connection *connection, enum store_statement name) {
    sqlite3_stmt *statement = of(connection)->statements[name];
    if (statement != NULL) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
}

static uint64_t count_changes(struct store_connection *connection) {
    return (uint64_t)sqlite3_changes64(of(connection)->db);
}

#define QUERY_COLUMNS_MAX 64

static enum status give_rows(struct sqlite *sqlite, sqlite3_stmt *statement,
                             store_driver_row_fn on_row, void *context, struct why *why) {
    struct store_value columns[QUERY_COLUMNS_MAX];
    int count = sqlite3_column_count(statement);
    if (count > QUERY_COLUMNS_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "store_failed", "a table has too many columns");
    }
    for (;;) {
        int code = sqlite3_step(statement);
        if (code == SQLITE_DONE) {
            return STATUS_OK;
        }
        if (code != SQLITE_ROW) {
            return fail(sqlite->db, why);
        }
        for (int i = 0; i < count; i++) {
            read_column(statement, i, &columns[i]);
        }
        enum status status = on_row == NULL ? STATUS_OK : on_row(context, columns, (size_t)count);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static enum status query(struct store_connection *connection, const char *sql,
                         const struct store_value *parameters, size_t count,
                         store_driver_row_fn on_row, void *context, struct why *why) {
    struct sqlite *sqlite = of(connection);
    sqlite3_stmt *statement = NULL;
    struct buf text;
    buf_init(&text, QUERY_BYTES_MAX);
    enum status status = buf_append(&text, sql, strlen(sql) + 1);
    if (status != STATUS_OK) {
        buf_fini(&text);
        return why_set(why, status, "store_failed", "a statement is too long");
    }
    for (size_t i = 0; i < buf_len(&text); i++) {
        text.at[i] = text.at[i] == '$' ? '?' : text.at[i];
    }
    if (sqlite3_prepare_v2(sqlite->db, (const char *)buf_bytes(&text), -1, &statement, NULL) !=
        SQLITE_OK) {
        status = fail(sqlite->db, why);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (bind(statement, (int)i + 1, &parameters[i]) != SQLITE_OK) {
            status = fail(sqlite->db, why);
        }
    }
    if (status == STATUS_OK) {
        status = give_rows(sqlite, statement, on_row, context, why);
    }
    sqlite3_finalize(statement);
    buf_fini(&text);
    return status;
}

const struct store_driver store_sqlite = {
    .name = "sqlite",
    .connect = connect_file,
    .close = close_connection,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .defer_sync = defer_sync,
    .script = run_script,
    .start = start,
    /* Deleted cells are overwritten, but pages that were rebuilt before may hold copies of them: only writing all anew is sure. */
    .scrub_sql = "PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY;"
                 "PRAGMA wal_checkpoint(TRUNCATE)",
    .catalog_sql =
        "SELECT m.name, p.name, p.type FROM sqlite_master m, pragma_table_info(m.name) p "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.rowid, p.cid",
    .query = query,
    .next = next,
    .finish = finish,
    .changes = count_changes,
};
