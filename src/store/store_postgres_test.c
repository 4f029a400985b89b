#include "store/store_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_state.h"
#include "store/store_test_kit.h"

static struct store_connection *writer(struct fixture *f) {
    return f->store->writer;
}

static enum status script(struct fixture *f, const char *sql) {
    return store_postgres.script(writer(f), sql, &f->why);
}

/* How many parameters a statement has. */
static size_t count_parameters(const char *text) {
    size_t count = 0;
    for (const char *at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$')) {
        size_t number = (size_t)strtoul(at + 1, NULL, 10);
        count = number > count ? number : count;
    }
    return count;
}

/* Against the real schema: a misspelt column or what only SQLite knows fails here. Rows of nothing may be refused (class 23). */
static void test_every_statement_runs(void **state) {
    struct fixture *f = *state;
    static const struct store_value none[32];
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        enum store_statement name = (enum store_statement)i;
        const char *text = store_statement_text(name);
        assert_int_equal(store_postgres.begin(writer(f), true, &f->why), STATUS_OK);
        enum status status =
            store_postgres.start(writer(f), name, none, count_parameters(text), &f->why);
        store_postgres.finish(writer(f), name);
        if (status != STATUS_OK && strstr(f->why.text, "(23") == NULL) {
            fail_msg("%s: %s", text, f->why.text);
        }
        store_postgres.rollback(writer(f));
    }
}

static enum status set_setting(struct fixture *f, struct store_value value) {
    const struct store_value values[] = {
        {STORE_VALUE_TEXT, 0, STR("x")}, value, {STORE_VALUE_NUMBER, INT64_MAX, STR_EMPTY}};
    enum status status = store_postgres.start(writer(f), STATEMENT_SETTING_SET, values, 3, &f->why);
    if (status == STATUS_OK) {
        status = store_postgres.next(writer(f), STATEMENT_SETTING_SET, NULL, 0, &f->why);
    }
    store_postgres.finish(writer(f), STATEMENT_SETTING_SET);
    return status;
}

static void test_values_and_transactions(void **state) {
    struct fixture *f = *state;
    const struct store_value name = {STORE_VALUE_TEXT, 0, STR("x")};
    const struct store_value bytes = {STORE_VALUE_BYTES, 0, str_make("a\0b", 3)};
    struct store_value column;
    assert_int_equal(store_postgres.begin(writer(f), true, &f->why), STATUS_OK);
    assert_int_equal(set_setting(f, bytes), STATUS_END);
    assert_int_equal(store_postgres.changes(writer(f)), 1);
    assert_int_equal(store_postgres.commit(writer(f), &f->why), STATUS_OK);
    assert_int_equal(store_postgres.begin(writer(f), false, &f->why), STATUS_OK);
    assert_int_equal(store_postgres.start(writer(f), STATEMENT_SETTING_GET, &name, 1, &f->why),
                     STATUS_OK);
    assert_int_equal(store_postgres.next(writer(f), STATEMENT_SETTING_GET, &column, 1, &f->why),
                     STATUS_OK);
    assert_int_equal(column.kind, STORE_VALUE_BYTES);
    assert_true(str_eq(column.bytes, str_make("a\0b", 3)));
    assert_int_equal(store_postgres.next(writer(f), STATEMENT_SETTING_GET, &column, 1, &f->why),
                     STATUS_END);
    store_postgres.finish(writer(f), STATEMENT_SETTING_GET);
    store_postgres.rollback(writer(f));
}

/* What was NULL when a statement was prepared may be a value the next time, and the other way. */
static void test_a_parameter_that_was_null(void **state) {
    struct fixture *f = *state;
    const struct store_value none = {STORE_VALUE_NULL, 0, STR_EMPTY};
    const struct store_value bytes = {STORE_VALUE_BYTES, 0, STR("v")};
    assert_int_equal(store_postgres.begin(writer(f), true, &f->why), STATUS_OK);
    assert_int_equal(set_setting(f, none), STATUS_FAILED);
    store_postgres.rollback(writer(f));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_postgres.begin(writer(f), true, &f->why), STATUS_OK);
        assert_int_equal(set_setting(f, bytes), STATUS_END);
        assert_int_equal(store_postgres.commit(writer(f), &f->why), STATUS_OK);
    }
}

struct walk {
    struct fixture *f;
    size_t rows;
    int64_t sum;
    enum status answer;
};

/* In the middle of it, other statements of the same connection may run. */
static enum status on_row(void *context, const struct store_value *columns, size_t count) {
    struct walk *walk = context;
    const struct store_value name = {STORE_VALUE_TEXT, 0, STR("nothing")};
    struct why why;
    assert_int_equal(count, 2);
    walk->rows++;
    walk->sum += columns[0].number;
    if (walk->rows % 400 == 0) {
        assert_int_equal(
            store_postgres.start(writer(walk->f), STATEMENT_SETTING_GET, &name, 1, &why),
            STATUS_OK);
        store_postgres.finish(writer(walk->f), STATEMENT_SETTING_GET);
    }
    return walk->answer;
}

static void test_whole_tables(void **state) {
    struct fixture *f = *state;
    struct walk walk = {.f = f};
    const struct store_value over = {STORE_VALUE_NUMBER, 999, STR_EMPTY};
    assert_int_equal(store_postgres.begin(writer(f), true, &f->why), STATUS_OK);
    assert_int_equal(script(f, "INSERT INTO migration SELECT n, 'x', 'x', 0"
                               " FROM generate_series(1000, 2999) n"),
                     STATUS_OK);
    assert_int_equal(store_postgres.query(writer(f),
                                          "SELECT number, name FROM migration WHERE number > $1",
                                          &over, 1, on_row, &walk, &f->why),
                     STATUS_OK);
    assert_int_equal(walk.rows, 2000);
    assert_int_equal(walk.sum, 3999000);
    walk = (struct walk){.f = f, .answer = STATUS_DENIED};
    assert_int_equal(store_postgres.query(writer(f), "SELECT number, name FROM migration", NULL, 0,
                                          on_row, &walk, &f->why),
                     STATUS_DENIED);
    assert_int_equal(walk.rows, 1);
    assert_int_equal(store_postgres.query(writer(f), "DELETE FROM migration WHERE number > $1",
                                          &over, 1, NULL, NULL, &f->why),
                     STATUS_OK);
    assert_int_equal(store_postgres.changes(writer(f)), 2000);
    assert_int_equal(store_postgres.query(writer(f), "nonsense", NULL, 0, NULL, NULL, &f->why),
                     STATUS_FAILED);
    store_postgres.rollback(writer(f));
}

struct catalog {
    bool has_email;
    bool is_ordered; /* a table after the one it refers to */
    bool has_organization;
};

static enum status on_column(void *context, const struct store_value *columns, size_t count) {
    struct catalog *catalog = context;
    assert_int_equal(count, 3);
    assert_true(str_eq(columns[2].bytes, STR("bigint")) || str_eq(columns[2].bytes, STR("text")) ||
                str_eq(columns[2].bytes, STR("bytea")));
    catalog->has_organization |= str_eq(columns[0].bytes, STR("organization"));
    catalog->is_ordered |= str_eq(columns[0].bytes, STR("project")) && catalog->has_organization;
    catalog->has_email |= str_eq(columns[0].bytes, STR("member")) &&
                          str_eq(columns[1].bytes, STR("email")) &&
                          str_eq(columns[2].bytes, STR("bytea"));
    return STATUS_OK;
}

static void test_catalog(void **state) {
    struct fixture *f = *state;
    struct catalog catalog = {false, false, false};
    assert_int_equal(store_postgres.begin(writer(f), false, &f->why), STATUS_OK);
    assert_int_equal(store_postgres.query(writer(f), store_postgres.catalog_sql, NULL, 0, on_column,
                                          &catalog, &f->why),
                     STATUS_OK);
    assert_true(catalog.has_email && catalog.is_ordered);
    store_postgres.rollback(writer(f));
}

static void test_failures_in_common_words(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        enum status status;
        const char *slug;
    } cases[] = {
        {"INSERT INTO migration VALUES (1, 'x', 'x', 0)", STATUS_CONFLICT, "unique"},
        {"INSERT INTO membership VALUES ('mem_x', 'org_x', 1, 0)", STATUS_NOT_FOUND,
         "parent_not_found"},
        {"INSERT INTO migration VALUES (9, NULL, 'x', 0)", STATUS_FAILED, "store_failed"},
        {"nonsense", STATUS_FAILED, "store_failed"},
        {"DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53100'; END$$", STATUS_UNAVAILABLE,
         "storage_full"},
        {"DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END$$", STATUS_UNAVAILABLE,
         "storage_busy"},
        {"DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '55P03'; END$$", STATUS_UNAVAILABLE,
         "storage_busy"},
        {"DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '42501'; END$$", STATUS_DENIED,
         "data_not_writable"},
        {"DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'XX001'; END$$", STATUS_INVALID,
         "data_corrupt"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(script(f, cases[i].sql), cases[i].status);
        assert_string_equal(f->why.slug, cases[i].slug);
    }
    assert_int_equal(script(f, cases[0].sql), STATUS_CONFLICT);
    assert_non_null(strstr(f->why.text, "(number)"));
    assert_null(strstr(f->why.text, "=("));
}

static void test_reader_cannot_write(void **state) {
    struct fixture *f = *state;
    struct store_connection *reader = NULL;
    assert_int_equal(store_postgres.connect(f->url, false, false, &reader, &f->why), STATUS_OK);
    assert_int_equal(store_postgres.begin(reader, true, &f->why), STATUS_OK);
    assert_int_equal(store_postgres.script(reader, "DELETE FROM migration", &f->why),
                     STATUS_DENIED);
    assert_string_equal(f->why.slug, "data_not_writable");
    store_postgres.close(&reader);
    assert_null(reader);
}

/* A writer is alone, in whatever process the other one is; in another schema it is nobody's business. */
static void test_writers_wait_for_each_other(void **state) {
    struct fixture *f = *state;
    struct fixture other;
    struct store_connection *second = NULL;
    assert_int_equal(store_postgres.connect(f->url, false, true, &second, &f->why), STATUS_OK);
    assert_int_equal(store_postgres.script(second, "SET lock_timeout = '50ms'", &f->why),
                     STATUS_OK);
    assert_int_equal(store_postgres.begin(writer(f), true, &f->why), STATUS_OK);
    assert_int_equal(store_postgres.begin(second, true, &f->why), STATUS_UNAVAILABLE);
    assert_string_equal(f->why.slug, "storage_busy");
    assert_int_equal(store_postgres.begin(second, false, &f->why), STATUS_OK);
    store_postgres.rollback(second);
    fixture_make(&other);
    assert_int_equal(fixture_open(&other), STATUS_OK);
    fixture_begin(&other, STORE_WRITE);
    fixture_organization(&other, "Acme");
    fixture_commit(&other);
    store_close(&other.store);
    fixture_remove(&other);
    assert_int_equal(store_postgres.commit(writer(f), &f->why), STATUS_OK);
    assert_int_equal(store_postgres.begin(second, true, &f->why), STATUS_OK);
    store_postgres.rollback(second);
    store_postgres.close(&second);
}

static void end_sessions(const struct fixture *f) {
    char sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
             " WHERE application_name = '%s'",
             f->database.schema);
    store_test_database_sql(store_test_database_server, sql);
}

/* Sessions that end between two transactions are not noticed; one that ends within takes its transaction with it. */
static void test_lost_connections(void **state) {
    struct fixture *f = *state;
    struct store_organization row;
    fixture_begin(f, STORE_WRITE);
    struct id kept = fixture_organization(f, "Kept");
    fixture_commit(f);
    end_sessions(f);
    fixture_begin(f, STORE_WRITE);
    struct id lost = fixture_organization(f, "Lost");
    end_sessions(f);
    struct store_organization another = {.name = STR("Another")};
    assert_int_equal(store_organization_insert(f->tx, &another), STATUS_UNAVAILABLE);
    assert_string_equal(f->why.slug, "storage_unavailable");
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    fixture_organization(f, "Lost, too");
    end_sessions(f);
    assert_int_equal(store_tx_commit(&f->tx), STATUS_UNAVAILABLE);
    fixture_begin(f, STORE_READ);
    end_sessions(f);
    assert_int_equal(store_organization_get(f->tx, &kept, &f->arena, &row), STATUS_UNAVAILABLE);
    assert_int_equal(store_organization_get(f->tx, &kept, &f->arena, &row), STATUS_UNAVAILABLE);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_organization_get(f->tx, &kept, &f->arena, &row), STATUS_OK);
    assert_int_equal(store_organization_get(f->tx, &lost, &f->arena, &row), STATUS_NOT_FOUND);
}

/* The folder is new, the database is not: its master key has to come along. */
static void test_a_second_folder(void **state) {
    struct fixture *f = *state;
    struct fixture second;
    char from[512];
    char to[512];
    fixture_begin(f, STORE_WRITE);
    struct id kept = fixture_organization(f, "Kept");
    fixture_commit(f);
    fixture_make(&second);
    second.url = f->url;
    assert_int_equal(fixture_open(&second), STATUS_NOT_FOUND);
    assert_string_equal(second.why.slug, "master_key_missing");
    fixture_path(f, "master.key", from);
    fixture_path(&second, "master.key", to);
    assert_int_equal(link(from, to), 0);
    assert_int_equal(fixture_open(&second), STATUS_OK);
    struct store_organization row;
    fixture_begin(&second, STORE_READ);
    assert_int_equal(store_organization_get(second.tx, &kept, &second.arena, &row), STATUS_OK);
    assert_true(str_eq(row.name, STR("Kept")));
    store_tx_rollback(&second.tx);
    store_close(&second.store);
    /* A folder that was in use, and a database that is empty: never a silent first start. */
    struct fixture empty;
    fixture_make(&empty);
    second.url = empty.url;
    assert_int_equal(fixture_open(&second), STATUS_INVALID);
    assert_string_equal(second.why.slug, "data_corrupt");
    fixture_remove(&empty);
    fixture_remove(&second);
}

static void test_not_ours(void **state) {
    (void)state;
    struct fixture f;
    struct store_connection *connection = NULL;
    fixture_make(&f);
    store_test_database_sql(f.url, "CREATE TABLE recipe (id BIGINT)");
    assert_int_equal(store_postgres.connect(f.url, true, true, &connection, &f.why),
                     STATUS_CONFLICT);
    assert_string_equal(f.why.slug, "data_not_ours");
    assert_null(connection);
    assert_int_equal(fixture_open(&f), STATUS_CONFLICT);
    fixture_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_statement_runs, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_values_and_transactions, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_parameter_that_was_null, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_whole_tables, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_catalog, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_failures_in_common_words, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reader_cannot_write, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_writers_wait_for_each_other, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lost_connections, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_second_folder, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_not_ours),
    };
    return store_test_database_run_server(tests);
}
