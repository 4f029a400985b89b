#include "store/store_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "store/store_state.h"
#include "store/store_test_kit.h"

static struct store_connection *writer(struct fixture *f) {
    return f->store->writer;
}

/* Against the real schema: a misspelt column in any text fails here. */
static void test_every_statement_prepares(void **state) {
    struct fixture *f = *state;
    static const struct store_value none[32];
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        enum store_statement name = (enum store_statement)i;
        const char *text = store_statement_text(name);
        size_t count = 0;
        for (size_t n = 1; n < 32; n++) {
            char parameter[8];
            const char *at = NULL;
            snprintf(parameter, sizeof(parameter), "$%zu", n);
            for (at = strstr(text, parameter); at != NULL; at = strstr(at + 1, parameter)) {
                char after = at[strlen(parameter)];
                count = after < '0' || after > '9' ? n : count;
            }
        }
        enum status status = store_sqlite.start(writer(f), name, none, count, &f->why);
        store_sqlite.finish(writer(f), name);
        if (status != STATUS_OK) {
            fail_msg("%s: %s", text, f->why.text);
        }
    }
}

static enum status insert_setting(struct fixture *f, const char *name) {
    const struct store_value values[] = {
        {STORE_VALUE_TEXT, 0, str_from(name)},
        {STORE_VALUE_BYTES, 0, str_make("a\0b", 3)},
        {STORE_VALUE_NUMBER, INT64_MAX, STR_EMPTY},
    };
    enum status status = store_sqlite.start(writer(f), STATEMENT_SETTING_SET, values, 3, &f->why);
    if (status == STATUS_OK) {
        status = store_sqlite.next(writer(f), STATEMENT_SETTING_SET, NULL, 0, &f->why);
    }
    store_sqlite.finish(writer(f), STATEMENT_SETTING_SET);
    return status;
}

static void test_values_and_transactions(void **state) {
    struct fixture *f = *state;
    const struct store_value name = {STORE_VALUE_TEXT, 0, STR("x")};
    struct store_value column;
    assert_int_equal(store_sqlite.begin(writer(f), true, &f->why), STATUS_OK);
    assert_int_equal(insert_setting(f, "x"), STATUS_END);
    assert_int_equal(store_sqlite.changes(writer(f)), 1);
    assert_int_equal(store_sqlite.commit(writer(f), &f->why), STATUS_OK);
    assert_int_equal(store_sqlite.start(writer(f), STATEMENT_SETTING_GET, &name, 1, &f->why),
                     STATUS_OK);
    assert_int_equal(store_sqlite.next(writer(f), STATEMENT_SETTING_GET, &column, 1, &f->why),
                     STATUS_OK);
    assert_int_equal(column.kind, STORE_VALUE_BYTES);
    assert_true(str_eq(column.bytes, str_make("a\0b", 3)));
    assert_int_equal(store_sqlite.next(writer(f), STATEMENT_SETTING_GET, &column, 1, &f->why),
                     STATUS_END);
    store_sqlite.finish(writer(f), STATEMENT_SETTING_GET);
    store_sqlite.rollback(writer(f));
}

static void test_failures_in_common_words(void **state) {
    struct fixture *f = *state;
    struct store_connection *c = writer(f);
    static const struct {
        const char *sql;
        enum status status;
        const char *slug;
    } cases[] = {
        {"INSERT INTO migration VALUES (1, 'x', 'x', 0)", STATUS_CONFLICT, "unique"},
        {"INSERT INTO membership VALUES ('mem_x', 'org_x', 1, 0, 1, 0)", STATUS_NOT_FOUND,
         "parent_not_found"},
        {"INSERT INTO migration VALUES (9, NULL, 'x', 0)", STATUS_FAILED, "store_failed"},
        {"nonsense", STATUS_FAILED, "store_failed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(store_sqlite.script(c, cases[i].sql, &f->why), cases[i].status);
        assert_string_equal(f->why.slug, cases[i].slug);
    }
    assert_int_equal(store_sqlite.script(c, "PRAGMA max_page_count = 1", &f->why), STATUS_OK);
    assert_int_equal(store_sqlite.script(c, "CREATE TABLE more (x BIGINT)", &f->why),
                     STATUS_UNAVAILABLE);
    assert_string_equal(f->why.slug, "storage_full");
}

static void test_reader_cannot_write(void **state) {
    struct fixture *f = *state;
    struct store_connection *reader = NULL;
    assert_int_equal(store_sqlite.connect(f->store->place, false, false, &reader, &f->why),
                     STATUS_OK);
    assert_int_equal(store_sqlite.script(reader, "DELETE FROM migration", &f->why), STATUS_DENIED);
    assert_string_equal(f->why.slug, "data_not_writable");
    store_sqlite.close(&reader);
    assert_null(reader);
}

static void test_not_there(void **state) {
    (void)state;
    struct store_connection *connection = NULL;
    struct why why;
    assert_int_equal(store_sqlite.connect("/nowhere/store.db", true, true, &connection, &why),
                     STATUS_DENIED);
    assert_string_equal(why.slug, "data_not_writable");
    assert_int_equal(store_sqlite.connect("/nowhere/store.db", false, true, &connection, &why),
                     STATUS_DENIED);
    assert_null(connection);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_statement_prepares, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_values_and_transactions, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_failures_in_common_words, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reader_cannot_write, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
