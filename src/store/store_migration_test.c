#include "store/store_migration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_sqlite.h"
#include "store/store_test_kit.h"

static struct store_connection *connect_new(struct fixture *f) {
    struct store_connection *connection = NULL;
    char path[512];
    fixture_make(f);
    fixture_path(f, "store.db", path);
    assert_int_equal(store_sqlite.connect(path, true, true, &connection, &f->why), STATUS_OK);
    return connection;
}

static void end(struct fixture *f, struct store_connection *connection) {
    store_sqlite.close(&connection);
    fixture_remove(f);
}

static void test_runs_once(void **state) {
    (void)state;
    struct fixture f;
    struct store_connection *c = connect_new(&f);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_INVALID);
    assert_string_equal(f.why.slug, "data_corrupt");
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_OK);
    assert_int_equal(store_sqlite.script(c, "CREATE TABLE route (x BIGINT)", &f.why),
                     STATUS_FAILED);
    end(&f, c);
}

static void test_unknown_records(void **state) {
    (void)state;
    struct fixture f;
    struct store_connection *c = connect_new(&f);
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_OK);
    assert_int_equal(
        store_sqlite.script(c, "INSERT INTO migration VALUES (1000, 'x', 'x', 0)", &f.why),
        STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_UNSUPPORTED);
    assert_string_equal(f.why.slug, "data_newer");
    assert_int_equal(store_sqlite.script(c,
                                         "DELETE FROM migration WHERE number = 1000;"
                                         "UPDATE migration SET checksum = 'x' WHERE number = 1",
                                         &f.why),
                     STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_INVALID);
    assert_string_equal(f.why.slug, "data_corrupt");
    end(&f, c);
}

static void test_half_a_step_is_none(void **state) {
    (void)state;
    struct fixture f;
    struct store_connection *c = connect_new(&f);
    /* In the way of the first step's last table: all of the step must be undone. */
    assert_int_equal(store_sqlite.script(c, "CREATE TABLE revocation (x BIGINT)", &f.why),
                     STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_FAILED);
    assert_int_equal(store_sqlite.script(c, "CREATE TABLE setting (x BIGINT)", &f.why), STATUS_OK);
    assert_int_equal(store_sqlite.script(c, "DROP TABLE revocation; DROP TABLE setting", &f.why),
                     STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_OK);
    end(&f, c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_once),
        cmocka_unit_test(test_unknown_records),
        cmocka_unit_test(test_half_a_step_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
