/* store_catalog.h: which tables the database has, with their columns: for what goes over all of them (backup, restore, new data keys).
 *
 * Read from the database itself, so a table that a later schema step brings is in it without anybody naming it. The order is that in
 * which tables were made: what a foreign key leads to stands before what it comes from.
 */
#ifndef STORE_STORE_CATALOG_H
#define STORE_STORE_CATALOG_H

#include <stdbool.h>

#include "base/arena.h"
#include "store/store_driver.h"

#define STORE_CATALOG_TABLES_MAX 128
#define STORE_CATALOG_COLUMNS_MAX 64
#define STORE_CATALOG_NAME_SIZE 64

struct store_catalog_column {
    char name[STORE_CATALOG_NAME_SIZE];
    enum store_value_kind kind;
};

struct store_catalog_table {
    char name[STORE_CATALOG_NAME_SIZE];
    size_t column_count;
    struct store_catalog_column columns[STORE_CATALOG_COLUMNS_MAX];
};

struct store_catalog {
    size_t count;
    struct store_catalog_table *tables[STORE_CATALOG_TABLES_MAX]; /* in the arena */
};

/* Within a transaction. STATUS_TOO_LARGE, STATUS_INVALID (data_corrupt: a table that is not of this program). */
enum status store_catalog_read(struct store_connection *connection, struct arena *arena,
                               struct store_catalog *catalog, struct why *why) MUST_USE;
const struct store_catalog_table *store_catalog_find(const struct store_catalog *catalog,
                                                     struct str name); /* NULL: there is none */
/* -1: there is none. */
int store_catalog_column(const struct store_catalog_table *table, struct str name);

#endif
