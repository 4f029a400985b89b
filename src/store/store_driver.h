/* store_driver.h: a database as the rest of the store sees it: one table of functions, one connection per transaction.
 *
 * SQLite (store_sqlite.h) or PostgreSQL (store_postgres.h). Statements are named, never text (store_statement.h), so that nothing that
 * anybody typed can become SQL. A connection is used by one thread at a time. Values that `next` gives are borrowed from the
 * connection until the next `next` or `finish` of the same statement. Different statements of a connection may be open
 * at once, the same one may not.
 *
 * Failures, the same for all drivers:
 *   STATUS_CONFLICT    unique           (text names the constraint's columns)
 *   STATUS_NOT_FOUND   parent_not_found (a foreign key leads nowhere)
 *   STATUS_UNAVAILABLE storage_full, storage_busy, storage_unavailable (a server that cannot be reached, or went away: then
 *                      only a rollback is left, and the next `begin` connects again)
 *   STATUS_DENIED      data_not_writable
 *   STATUS_CONFLICT    data_not_ours    (connect only)
 *   STATUS_INVALID     data_corrupt
 *   STATUS_FAILED      store_failed
 */
#ifndef STORE_STORE_DRIVER_H
#define STORE_STORE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "store/store_statement.h"

enum store_value_kind {
    STORE_VALUE_NULL,
    STORE_VALUE_NUMBER, /* BIGINT */
    STORE_VALUE_TEXT,   /* TEXT, UTF-8 without NUL */
    STORE_VALUE_BYTES,  /* BYTEA */
};

struct store_value {
    enum store_value_kind kind;
    int64_t number;
    struct str bytes;
};

struct store_driver;

/* The first member of each driver's own. */
struct store_connection {
    const struct store_driver *driver;
    int64_t
        generation; /* of the installation, as the running transaction sees it (store_vault.h) */
};

/* One row of `query`. Anything but STATUS_OK ends the query, which returns it. */
typedef enum status (*store_driver_row_fn)(void *context, const struct store_value *columns,
                                           size_t count);

struct store_driver {
    const char *name;
    /* `place` is what the driver understands: SQLite a path, PostgreSQL a URL. The first connection of a process judges the database, too. */
    enum status (*connect)(const char *place, bool is_first, bool is_writer,
                           struct store_connection **connection, struct why *why);
    void (*close)(struct store_connection **connection);
    enum status (*begin)(struct store_connection *connection, bool is_write, struct why *why);
    enum status (*commit)(struct store_connection *connection, struct why *why);
    void (*rollback)(struct store_connection *connection);
    /* From now on commits of this connection return before they have reached the disk: who answers for them syncs the file *fd, the
     * caller's to close (store_sync.h). NULL: the driver's commits are lasting when they return, always. */
    enum status (*defer_sync)(struct store_connection *connection, const char *place, int *fd,
                              struct why *why);
    /* Tells whoever watches the database (store_watch.h), with the commit. Without quotes and backslashes. NULL: nobody else may. */
    enum status (*announce)(struct store_connection *connection, struct str text, struct why *why);
    /* Several statements without parameters: of our own, or made of the catalog's names: the schema alone. */
    enum status (*script)(struct store_connection *connection, const char *sql, struct why *why);
    /* Starts a statement; then `next` until it returns STATUS_END; then `finish`, in any case. */
    enum status (*start)(struct store_connection *connection, enum store_statement statement,
                         const struct store_value *parameters, size_t count, struct why *why);
    /* STATUS_OK: a row, whose first `count` columns are in `columns`. STATUS_END: no more. */
    enum status (*next)(struct store_connection *connection, enum store_statement statement,
                        struct store_value *columns, size_t count, struct why *why);
    void (*finish)(struct store_connection *connection, enum store_statement statement);
    /* How many rows the last insert, update or delete changed. */
    uint64_t (*changes)(struct store_connection *connection);
    /* For `script`, outside of transactions: drops what the database keeps of rows that were deleted. */
    const char *scrub_sql;
    /* Lists the tables in the order in which they were made, and their columns in theirs: table, column, type. Types are bigint,
     * text or bytea, in either case. */
    const char *catalog_sql;
    /* One statement for whole tables (backup, restore, new keys), whose text is made of names out of the catalog, never of anything
     * that anybody typed. Rows go to `on_row` (may be NULL for statements without) as they come, and are borrowed for the call; other
     * statements of the connection may be run in it. */
    enum status (*query)(struct store_connection *connection, const char *sql,
                         const struct store_value *parameters, size_t count,
                         store_driver_row_fn on_row, void *context, struct why *why);
};

#endif
