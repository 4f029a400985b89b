#include "store/store_catalog.h"

struct reading {
    struct arena *arena;
    struct store_catalog *catalog;
    struct why *why;
};

static bool is_name(struct str name) {
    bool is_good = name.len > 0 && name.len < STORE_CATALOG_NAME_SIZE;
    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.at[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9' && i > 0) || c == '_';
    }
    return is_good;
}

static bool read_kind(struct str type, enum store_value_kind *kind) {
    static const struct {
        struct str type;
        enum store_value_kind kind;
    } rows[] = {
        {STR_INIT("bigint"), STORE_VALUE_NUMBER},
        {STR_INIT("text"), STORE_VALUE_TEXT},
        {STR_INIT("bytea"), STORE_VALUE_BYTES},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (str_eq_nocase(type, rows[i].type)) {
            *kind = rows[i].kind;
            return true;
        }
    }
    return false;
}

static struct store_catalog_table *find_or_add(struct reading *reading, struct str name) {
    struct store_catalog *catalog = reading->catalog;
    for (size_t i = 0; i < catalog->count; i++) {
        if (str_eq(str_from(catalog->tables[i]->name), name)) {
            return catalog->tables[i];
        }
    }
    if (catalog->count == STORE_CATALOG_TABLES_MAX) {
        return NULL;
    }
    struct store_catalog_table *table =
        (struct store_catalog_table *)(void *)arena_alloc(reading->arena, sizeof(*table));
    *table = (struct store_catalog_table){.column_count = 0};
    memcpy(table->name, name.at, name.len);
    catalog->tables[catalog->count++] = table;
    return table;
}

static enum status add_row(void *context, const struct store_value *columns, size_t count) {
    struct reading *reading = context;
    enum store_value_kind kind = STORE_VALUE_NULL;
    if (count != 3 || !is_name(columns[0].bytes) || !is_name(columns[1].bytes) ||
        !read_kind(columns[2].bytes, &kind)) {
        return why_set(reading->why, STATUS_INVALID, "data_corrupt",
                       "the database has a table that this program has not made");
    }
    struct store_catalog_table *table = find_or_add(reading, columns[0].bytes);
    if (table == NULL || table->column_count == STORE_CATALOG_COLUMNS_MAX) {
        return why_set(reading->why, STATUS_TOO_LARGE, "store_failed",
                       "the database has too many tables or columns");
    }
    struct store_catalog_column *column = &table->columns[table->column_count++];
    memcpy(column->name, columns[1].bytes.at, columns[1].bytes.len);
    column->kind = kind;
    return STATUS_OK;
}

enum status store_catalog_read(struct store_connection *connection, struct arena *arena,
                               struct store_catalog *catalog, struct why *why) {
    struct reading reading = {arena, catalog, why};
    *catalog = (struct store_catalog){.count = 0};
    return connection->driver->query(connection, connection->driver->catalog_sql, NULL, 0, add_row,
                                     &reading, why);
}

const struct store_catalog_table *store_catalog_find(const struct store_catalog *catalog,
                                                     struct str name) {
    for (size_t i = 0; i < catalog->count; i++) {
        if (str_eq(str_from(catalog->tables[i]->name), name)) {
            return catalog->tables[i];
        }
    }
    return NULL;
}

int store_catalog_column(const struct store_catalog_table *table, struct str name) {
    for (size_t i = 0; i < table->column_count; i++) {
        if (str_eq(str_from(table->columns[i].name), name)) {
            return (int)i;
        }
    }
    return -1;
}
