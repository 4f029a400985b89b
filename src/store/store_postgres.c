#include "store/store_postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/store_postgres_error.h"
#include "store/store_postgres_link.h"
#include "store/store_postgres_value.h"

#define PARAMETERS_MAX 32
#define ANNOUNCEMENTS_BYTES_MAX (1 << 20)
#define SCRIPT_WAIT_MS (30 * 60 * 1000) /* a schema step may rewrite a table */

struct statement {
    uint64_t prepared_on;      /* generation of the connection; 0: never */
    Oid types[PARAMETERS_MAX]; /* as prepared; 0 where only NULL was seen: the server's choice */
    PGresult *result;          /* all rows; NULL: not started */
    int row;                   /* the next */
};

struct postgres {
    struct store_connection connection;
    struct store_postgres_link link;
    struct statement statements[STORE_STATEMENT_COUNT];
    uint64_t changes;
    struct buf announcements; /* SQL, sent with the commit */
    unsigned cursor_count;    /* so many have been opened: each has a name of its own */
    bool is_writer;
};

static struct postgres *of(struct store_connection *connection) {
    return CONTAINER_OF(connection, struct postgres, connection);
}

/* In the middle of a transaction there is no other connection to go on with. */
static enum status fail_lost(struct why *why) {
    return why_set(why, STATUS_UNAVAILABLE, "storage_unavailable",
                   "the connection to the database was lost");
}

static enum status run_command(struct postgres *postgres, const char *sql, struct why *why) {
    return postgres->link.conn == NULL
               ? fail_lost(why)
               : store_postgres_link_run(&postgres->link, sql, STORE_POSTGRES_LINK_WAIT_MS, NULL,
                                         why);
}

static enum status run_script(struct store_connection *connection, const char *sql,
                              struct why *why) {
    struct postgres *postgres = of(connection);
    return postgres->link.conn == NULL
               ? fail_lost(why)
               : store_postgres_link_run(&postgres->link, sql, SCRIPT_WAIT_MS, NULL, why);
}

/* Connections */

/* Either nothing is there yet, or what is there is ours. */
static enum status check_owner(struct postgres *postgres, struct why *why) {
    static const char sql[] =
        "SELECT current_schema(), COUNT(*),"
        " COUNT(*) FILTER (WHERE relname IN ('migration', 'data_key', 'setting')) "
        "FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm', 'f')";
    PGresult *result = NULL;
    enum status status =
        store_postgres_link_run(&postgres->link, sql, STORE_POSTGRES_LINK_WAIT_MS, &result, why);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_empty = strcmp(PQgetvalue(result, 0, 1), "0") == 0;
    /* only the first of ours, when a first start was cut short */
    bool is_ours = strcmp(PQgetvalue(result, 0, 2), "3") == 0 ||
                   strcmp(PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2)) == 0;
    if (!is_empty && !is_ours) {
        status = why_set(why, STATUS_CONFLICT, "data_not_ours",
                         "the database's schema %s holds the tables of another program: name an "
                         "empty database, or a schema of its own",
                         PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return status;
}

static void close_connection(struct store_connection **connection) {
    if (*connection == NULL) {
        return;
    }
    struct postgres *postgres = of(*connection);
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++) {
        PQclear(postgres->statements[i].result);
    }
    store_postgres_link_fini(&postgres->link);
    buf_fini(&postgres->announcements);
    memory_free(postgres);
    *connection = NULL;
}

static enum status connect_server(const char *place, bool is_first, bool is_writer,
                                  struct store_connection **connection, struct why *why) {
    struct postgres *postgres = MEMORY_NEW(struct postgres);
    postgres->connection.driver = &store_postgres;
    postgres->is_writer = is_writer;
    store_postgres_link_init(&postgres->link, place);
    buf_init(&postgres->announcements, ANNOUNCEMENTS_BYTES_MAX);
    enum status status = store_postgres_link_open(&postgres->link, why);
    if (status == STATUS_OK && is_first) {
        status = check_owner(postgres, why);
    }
    *connection = &postgres->connection;
    if (status != STATUS_OK) {
        close_connection(connection);
    }
    return status;
}

/* Transactions */

static const char write_sql[] =
    "BEGIN; SELECT pg_advisory_xact_lock(" STORE_POSTGRES_LOCKS ", hashtext(current_schema()))";
static const char read_sql[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

static void rollback(struct store_connection *connection) {
    struct postgres *postgres = of(connection);
    struct why why = {0};
    buf_clear(&postgres->announcements);
    if (postgres->link.conn == NULL || PQtransactionStatus(postgres->link.conn) == PQTRANS_IDLE) {
        return;
    }
    /* Nothing more is needed: without its connection a transaction is undone. */
    if (run_command(postgres, "ROLLBACK", &why) != STATUS_OK) {
        store_postgres_link_drop(&postgres->link);
    }
}

/* A connection that was idle may have died unnoticed: nothing has begun, so a second one may try. */
static enum status begin(struct store_connection *connection, bool is_write, struct why *why) {
    struct postgres *postgres = of(connection);
    enum status status = STATUS_OK;
    buf_clear(&postgres->announcements);
    for (int attempt = 0; attempt < 2; attempt++) {
        status = store_postgres_link_open(&postgres->link, why);
        if (status != STATUS_OK) {
            return status;
        }
        status = run_command(postgres, is_write && postgres->is_writer ? write_sql : read_sql, why);
        if (status == STATUS_OK || postgres->link.conn != NULL) {
            break;
        }
    }
    if (status != STATUS_OK) {
        rollback(connection);
    }
    return status;
}

/* What is announced and the end of the transaction are one message: one wait. */
static enum status commit(struct store_connection *connection, struct why *why) {
    struct postgres *postgres = of(connection);
    PGresult *result = NULL;
    if (postgres->link.conn == NULL) {
        return fail_lost(why);
    }
    enum status status = buf_append(&postgres->announcements, "COMMIT", sizeof("COMMIT"));
    if (status == STATUS_OK) {
        status = store_postgres_link_run(&postgres->link,
                                         (const char *)buf_bytes(&postgres->announcements),
                                         STORE_POSTGRES_LINK_WAIT_MS, &result, why);
    }
    if (status == STATUS_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        status = why_set(why, STATUS_FAILED, "store_failed",
                         "the database has undone the transaction instead of keeping it");
    }
    PQclear(result);
    if (status != STATUS_OK) {
        rollback(connection);
    }
    buf_clear(&postgres->announcements);
    return status;
}

static enum status announce(struct store_connection *connection, struct str text, struct why *why) {
    struct postgres *postgres = of(connection);
    if (str_find(text, '\'') != text.len || str_find(text, '\\') != text.len) {
        log_error("store.announcement_misused", "text=%.*s", STR_ARG(text));
        abort();
    }
    if (buf_printf(&postgres->announcements, "SELECT pg_notify('%s', '%.*s');",
                   postgres->link.channel, STR_ARG(text)) != STATUS_OK) {
        return why_set(why, STATUS_TOO_LARGE, "announcements_too_many",
                       "too many announcements in one transaction");
    }
    return STATUS_OK;
}

/* Statements */

static void name_statement(enum store_statement name, char out[16]) {
    snprintf(out, 16, "s%d", (int)name);
}

static bool fits(const struct statement *statement, uint64_t generation, const Oid *types,
                 size_t count) {
    if (statement->prepared_on != generation) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (types[i] != 0 && types[i] != statement->types[i]) {
            return false;
        }
    }
    return true;
}

/* Under one name for each connection; again, when a parameter that was NULL until now has a type. */
static enum status prepare(struct postgres *postgres, enum store_statement name,
                           const struct store_postgres_value *values, struct why *why) {
    struct statement *statement = &postgres->statements[name];
    uint64_t generation = postgres->link.generation;
    char text[16];
    char deallocate[32];
    enum status status = STATUS_OK;
    if (fits(statement, generation, values->types, values->count)) {
        return STATUS_OK;
    }
    name_statement(name, text);
    if (statement->prepared_on == generation) {
        snprintf(deallocate, sizeof(deallocate), "DEALLOCATE %s", text);
        status = run_command(postgres, deallocate, why);
    }
    statement->prepared_on = 0;
    if (status != STATUS_OK) {
        return status;
    }
    if (PQsendPrepare(postgres->link.conn, text, store_statement_text(name), (int)values->count,
                      values->types) == 0) {
        status = store_postgres_error_of_connection(postgres->link.conn, why);
        store_postgres_link_drop(&postgres->link);
        return status;
    }
    status = store_postgres_link_await(&postgres->link, STORE_POSTGRES_LINK_WAIT_MS, NULL, why);
    if (status == STATUS_OK) {
        statement->prepared_on = generation;
        memcpy(statement->types, values->types, values->count * sizeof(Oid));
    }
    return status;
}

static void count_changes_of(struct postgres *postgres, PGresult *result) {
    uint64_t count = 0;
    if (strncmp(PQcmdStatus(result), "SELECT", strlen("SELECT")) != 0 &&
        str_to_u64(str_from(PQcmdTuples(result)), UINT64_MAX, &count) == STATUS_OK) {
        postgres->changes = count;
    }
}

static enum status execute(struct postgres *postgres, enum store_statement name,
                           const struct store_postgres_value *values, struct why *why) {
    struct statement *statement = &postgres->statements[name];
    char text[16];
    name_statement(name, text);
    if (PQsendQueryPrepared(postgres->link.conn, text, (int)values->count, values->at,
                            values->lengths, values->formats, 1) == 0) {
        enum status status = store_postgres_error_of_connection(postgres->link.conn, why);
        store_postgres_link_drop(&postgres->link);
        return status;
    }
    enum status status = store_postgres_link_await(&postgres->link, STORE_POSTGRES_LINK_WAIT_MS,
                                                   &statement->result, why);
    if (status == STATUS_OK) {
        count_changes_of(postgres, statement->result);
    }
    return status;
}

static enum status start(struct store_connection *connection, enum store_statement name,
                         const struct store_value *parameters, size_t count, struct why *why) {
    struct postgres *postgres = of(connection);
    struct statement *statement = &postgres->statements[name];
    struct store_postgres_value values;
    if (statement->result != NULL || count > PARAMETERS_MAX) {
        log_error("store.statement_misused", "statement=%d parameters=%zu", (int)name, count);
        abort();
    }
    if (postgres->link.conn == NULL) {
        return fail_lost(why);
    }
    store_postgres_value_write(parameters, count, &values);
    enum status status = prepare(postgres, name, &values, why);
    statement->row = 0;
    return status == STATUS_OK ? execute(postgres, name, &values, why) : status;
}

static enum status next(struct store_connection *connection, enum store_statement name,
                        struct store_value *columns, size_t count, struct why *why) {
    struct statement *statement = &of(connection)->statements[name];
    if (statement->result == NULL || statement->row >= PQntuples(statement->result)) {
        return STATUS_END;
    }
    if (count > (size_t)PQnfields(statement->result)) {
        log_error("store.statement_misused", "statement=%d columns=%zu", (int)name, count);
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            store_postgres_value_read(statement->result, statement->row, (int)i, &columns[i], why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    statement->row++;
    return STATUS_OK;
}

static void finish(struct store_connection *connection, enum store_statement name) {
    struct statement *statement = &of(connection)->statements[name];
    PQclear(statement->result);
    statement->result = NULL;
}

static uint64_t count_changes(struct store_connection *connection) {
    return of(connection)->changes;
}

/* Whole tables: by a cursor, so that neither side holds all of it, and the connection is free between two handfuls. */

#define HANDFUL "500"
#define QUERY_COLUMNS_MAX 64
#define QUERY_BYTES_MAX 65536

static enum status run_query(struct postgres *postgres, const char *sql,
                             const struct store_postgres_value *values, PGresult **result,
                             struct why *why) {
    if (postgres->link.conn == NULL) {
        return fail_lost(why);
    }
    if (PQsendQueryParams(postgres->link.conn, sql, (int)values->count, values->types, values->at,
                          values->lengths, values->formats, 1) == 0) {
        enum status status = store_postgres_error_of_connection(postgres->link.conn, why);
        store_postgres_link_drop(&postgres->link);
        return status;
    }
    return store_postgres_link_await(&postgres->link, SCRIPT_WAIT_MS, result, why);
}

static enum status give_rows(const PGresult *result, store_driver_row_fn on_row, void *context,
                             struct why *why) {
    struct store_value columns[QUERY_COLUMNS_MAX];
    int count = PQnfields(result);
    enum status status = STATUS_OK;
    if (count > QUERY_COLUMNS_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "store_failed", "a table has too many columns");
    }
    for (int row = 0; row < PQntuples(result) && status == STATUS_OK; row++) {
        for (int i = 0; i < count && status == STATUS_OK; i++) {
            status = store_postgres_value_read(result, row, i, &columns[i], why);
        }
        if (status == STATUS_OK && on_row != NULL) {
            status = on_row(context, columns, (size_t)count);
        }
    }
    return status;
}

static enum status fetch_all(struct postgres *postgres, unsigned number, store_driver_row_fn on_row,
                             void *context, struct why *why) {
    static const struct store_postgres_value none = {.count = 0};
    char sql[64];
    enum status status = STATUS_OK;
    int rows = 1;
    while (status == STATUS_OK && rows > 0) {
        PGresult *result = NULL;
        snprintf(sql, sizeof(sql), "FETCH " HANDFUL " FROM whole_%u", number);
        status = run_query(postgres, sql, &none, &result, why);
        rows = PQntuples(result);
        if (status == STATUS_OK) {
            status = give_rows(result, on_row, context, why);
        }
        PQclear(result);
    }
    if (postgres->link.conn != NULL &&
        PQtransactionStatus(postgres->link.conn) == PQTRANS_INTRANS) {
        struct why ignored = {0};
        snprintf(sql, sizeof(sql), "CLOSE whole_%u", number);
        if (run_command(postgres, sql, status == STATUS_OK ? why : &ignored) != STATUS_OK &&
            status == STATUS_OK) {
            status = STATUS_FAILED;
        }
    }
    return status;
}

static enum status query(struct store_connection *connection, const char *sql,
                         const struct store_value *parameters, size_t count,
                         store_driver_row_fn on_row, void *context, struct why *why) {
    struct postgres *postgres = of(connection);
    struct store_postgres_value values;
    struct buf text;
    PGresult *result = NULL;
    unsigned number = postgres->cursor_count++;
    bool has_rows = on_row != NULL && str_starts_with(str_from(sql), STR("SELECT"));
    if (count > PARAMETERS_MAX) {
        log_error("store.statement_misused", "parameters=%zu sql=%s", count, sql);
        abort();
    }
    store_postgres_value_write(parameters, count, &values);
    buf_init(&text, QUERY_BYTES_MAX);
    enum status status =
        has_rows ? buf_printf(&text, "DECLARE whole_%u NO SCROLL CURSOR FOR ", number) : STATUS_OK;
    if (status == STATUS_OK) {
        status = buf_append(&text, sql, strlen(sql) + 1);
    }
    status = status == STATUS_OK
                 ? run_query(postgres, (const char *)buf_bytes(&text), &values, &result, why)
                 : why_set(why, status, "store_failed", "a statement is too long");
    if (status == STATUS_OK && has_rows) {
        status = fetch_all(postgres, number, on_row, context, why);
    } else if (status == STATUS_OK) {
        count_changes_of(postgres, result);
        status = give_rows(result, on_row, context, why);
    }
    PQclear(result);
    buf_fini(&text);
    return status;
}

const struct store_driver store_postgres = {
    .name = "postgres",
    .connect = connect_server,
    .close = close_connection,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .announce = announce,
    .script = run_script,
    .start = start,
    .scrub_sql = "VACUUM",
    .catalog_sql = "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)"
                   " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                   " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
                   " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum",
    .query = query,
    .next = next,
    .finish = finish,
    .changes = count_changes,
};
