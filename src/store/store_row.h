/* store_row.h: rows to structs and back, from one table of columns for each concept.
 *
 * A concept (store_route.c, …) declares its columns once, in the order of its column list in store_statement.c; from that come insert,
 * update, get and list, sealing and look-up hashes included. A new column is a line there, one in the SQL text and a migration.
 * Every row struct begins with a struct store_object.
 */
#ifndef STORE_STORE_ROW_H
#define STORE_STORE_ROW_H

#include "base/arena.h"
#include "store/store_driver.h"
#include "store/store_tx.h"

#define STORE_ROW_COLUMNS_MAX 24

enum store_column_kind {
    STORE_COLUMN_ID,          /* struct id; NULL when none */
    STORE_COLUMN_NUMBER,      /* int64_t or uint64_t */
    STORE_COLUMN_FLAG,        /* bool */
    STORE_COLUMN_TEXT,        /* struct str, not sealed: words of our own, from a fixed set */
    STORE_COLUMN_SEALED,      /* struct str */
    STORE_COLUMN_SEALED_LATE, /* the same, in rows that may be older than the column: NULL is empty */
    STORE_COLUMN_LOOKUP,      /* written only: keyed hash of the struct str there */
    STORE_COLUMN_LOOKUP_TENANT, /* the same within the organization */
    STORE_COLUMN_HASH,          /* written only: keyed hash of the DIGEST_BYTES there */
};

struct store_column {
    const char *name; /* as in the database: it is in the seal */
    enum store_column_kind kind;
    size_t offset; /* of the member in the row struct */
    size_t max;    /* bytes of a text */
};

/* With what a row is sealed. */
enum store_seal {
    STORE_SEAL_TENANT,        /* its organization's data key */
    STORE_SEAL_TENANT_IF_ANY, /* the same; the system's where it belongs to none */
    STORE_SEAL_SELF,          /* its own: it is the organization */
    STORE_SEAL_SYSTEM,        /* the system's */
};

/* What a broken unique constraint means: `column` is part of the constraint's name or text. */
struct store_unique {
    const char *column;
    const char *slug;
    const char *text;
};

struct store_table {
    const char *name;
    enum id_kind id_kind;
    enum store_seal seal;
    size_t row_bytes; /* sizeof the struct; 0: this table has no rows to read */
    const struct store_column *columns;
    size_t column_count;
    const struct store_unique *uniques; /* ends with a NULL column */
    enum store_statement insert;
    enum store_statement update; /* 0: none */
    enum store_statement get;    /* $1 id, $2 organization where the table has one */
};

#define STORE_OBJECT_TENANT_COLUMNS                                                                \
    {"id", STORE_COLUMN_ID, offsetof(struct store_object, id), 0},                                 \
        {"organization_id", STORE_COLUMN_ID, offsetof(struct store_object, organization), 0},      \
        STORE_OBJECT_TIME_COLUMNS
#define STORE_OBJECT_FREE_COLUMNS                                                                  \
    {"id", STORE_COLUMN_ID, offsetof(struct store_object, id), 0}, STORE_OBJECT_TIME_COLUMNS
#define STORE_OBJECT_TIME_COLUMNS                                                                  \
    {"created_at", STORE_COLUMN_NUMBER, offsetof(struct store_object, created_at_ms), 0},          \
        {"revision", STORE_COLUMN_NUMBER, offsetof(struct store_object, revision), 0}, {           \
        "updated_at", STORE_COLUMN_NUMBER, offsetof(struct store_object, updated_at_ms), 0         \
    }

struct store_value store_row_id(const struct id *id);
struct store_value store_row_number(int64_t number);
struct store_value store_row_text(struct str text);
struct store_value store_row_bytes(const void *bytes, size_t len);

/* Fills id (when none), times and revision. STATUS_TOO_LARGE (text_too_long), STATUS_INVALID (text_invalid: not UTF-8, NUL),
 * STATUS_CONFLICT by `uniques`, STATUS_NOT_FOUND (parent_not_found). */
enum status store_row_insert(struct store_tx *tx, const struct store_table *table,
                             void *row) MUST_USE;
/* Writes the row if object.revision is the current one, and raises it. STATUS_NOT_FOUND (not_found), STATUS_CONFLICT
 * (revision_mismatch, and by `uniques`), and as insert. */
enum status store_row_update(struct store_tx *tx, const struct store_table *table,
                             void *row) MUST_USE;
/* The only row of a query that selects the table's columns. STATUS_NOT_FOUND (not_found). */
enum status store_row_find(struct store_tx *tx, const struct store_table *table,
                           enum store_statement statement, const struct store_value *values,
                           size_t count, struct arena *arena, void *row) MUST_USE;
/* By the table's `get`. */
enum status store_row_get(struct store_tx *tx, const struct store_table *table,
                          const struct id *organization, const struct id *id, struct arena *arena,
                          void *row) MUST_USE;
/* One page: `up` is the statement upward, the next in the enum is the one downward; both take `values`, then cursor and limit. The
 * one after those counts and takes `values` alone. *rows points to `*row_count` structs of row_bytes in the arena. */
enum status store_row_list(struct store_tx *tx, const struct store_table *table,
                           enum store_statement up, const struct store_value *values, size_t count,
                           struct store_page *page, struct arena *arena, void **rows,
                           size_t *row_count) MUST_USE;
/* The same for a statement with a cursor of its own: `limit` rows, and whether there are more. */
enum status store_row_collect(struct store_tx *tx, const struct store_table *table,
                              enum store_statement statement, const struct store_value *values,
                              size_t count, size_t limit, struct arena *arena, void **rows,
                              size_t *row_count, bool *has_more) MUST_USE;
/* All values of a row as its columns, in the transaction's scratch: for statements that write some of them. The row's id is set. */
enum status store_row_encode(struct store_tx *tx, const struct store_table *table, const void *row,
                             struct store_value values[STORE_ROW_COLUMNS_MAX]) MUST_USE;
/* An insert, update or delete; `changes` may be NULL. Ends the use of the scratch. */
enum status store_row_write(struct store_tx *tx, enum store_statement statement,
                            const struct store_value *values, size_t count,
                            uint64_t *changes) MUST_USE;
/* The same, where no row is STATUS_NOT_FOUND. */
enum status store_row_change(struct store_tx *tx, enum store_statement statement,
                             const struct store_value *values, size_t count) MUST_USE;
/* A query for one row of numbers. STATUS_NOT_FOUND. */
enum status store_row_numbers(struct store_tx *tx, enum store_statement statement,
                              const struct store_value *values, size_t count, int64_t *numbers,
                              size_t number_count) MUST_USE;
/* A query for `width` columns of ids: row after row, in the arena. */
enum status store_row_ids(struct store_tx *tx, enum store_statement statement,
                          const struct store_value *values, size_t count, size_t width,
                          struct arena *arena, struct id **ids, size_t *row_count) MUST_USE;
/* `delete`: $1 id, $2 organization, $3 revision. STATUS_NOT_FOUND (not_found), STATUS_CONFLICT (revision_mismatch). */
enum status store_row_delete(struct store_tx *tx, const struct store_table *table,
                             enum store_statement statement, const struct id *organization,
                             const struct id *id, uint64_t revision) MUST_USE;

#endif
