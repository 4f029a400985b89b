#include "store/store_migration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "store/store_schema.h"
#include "store/store_test_kit.h"

static struct store_connection *connect_new(struct fixture *f) {
    fixture_make(f);
    return fixture_connect(f, true);
}

static void end(struct fixture *f, struct store_connection *connection) {
    connection->driver->close(&connection);
    fixture_remove(f);
}

static enum status script(struct store_connection *connection, const char *sql, struct why *why) {
    return connection->driver->script(connection, sql, why);
}

static void test_runs_once(void **state) {
    (void)state;
    struct fixture f;
    struct store_connection *c = connect_new(&f);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_INVALID);
    assert_string_equal(f.why.slug, "data_corrupt");
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_OK);
    assert_int_equal(script(c, "CREATE TABLE route (x BIGINT)", &f.why), STATUS_FAILED);
    end(&f, c);
}

static void test_unknown_records(void **state) {
    (void)state;
    struct fixture f;
    struct store_connection *c = connect_new(&f);
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_OK);
    assert_int_equal(script(c, "INSERT INTO migration VALUES (1000, 'x', 'x', 0)", &f.why),
                     STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, true, &f.why), STATUS_UNSUPPORTED);
    assert_string_equal(f.why.slug, "data_newer");
    assert_int_equal(script(c,
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
    assert_int_equal(script(c, "CREATE TABLE revocation (x BIGINT)", &f.why), STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_FAILED);
    assert_int_equal(script(c, "CREATE TABLE setting (x BIGINT)", &f.why), STATUS_OK);
    assert_int_equal(script(c, "DROP TABLE revocation; DROP TABLE setting", &f.why), STATUS_OK);
    assert_int_equal(store_migration_run(c, &f.clock, false, &f.why), STATUS_OK);
    end(&f, c);
}

/* A row in each table of the first step, as little as it takes: columns that come later find it there. */
static const char old_rows[] =
    "INSERT INTO data_key (scope, version, wrapped, created_at) VALUES ('system', 1, 'x', 0);"
    "INSERT INTO setting (name, value, updated_at) VALUES ('ca', 'x', 0);"
    "INSERT INTO organization (id, created_at, revision, updated_at, name)"
    " VALUES ('org_1', 0, 1, 0, 'x');"
    "INSERT INTO member (id, created_at, revision, updated_at, email, email_hash, name,"
    " password_hash) VALUES ('mem_1', 0, 1, 0, 'x', 'x', 'x', 'x');"
    "INSERT INTO membership (member_id, organization_id, role, created_at)"
    " VALUES ('mem_1', 'org_1', 0, 0);"
    "INSERT INTO session (id, created_at, revision, updated_at, member_id, expires_at,"
    " last_used_at, token_hash) VALUES ('ses_1', 0, 1, 0, 'mem_1', 0, 0, 'x');"
    "INSERT INTO project (id, organization_id, created_at, revision, updated_at, name, name_hash)"
    " VALUES ('prj_1', 'org_1', 0, 1, 0, 'x', 'x');"
    "INSERT INTO environment (id, organization_id, created_at, revision, updated_at, project_id,"
    " is_enabled, bundle_revision, name, name_hash, hostname, hostname_hash)"
    " VALUES ('env_1', 'org_1', 0, 1, 0, 'prj_1', 1, 1, 'x', 'x', 'x', 'x');"
    "INSERT INTO route (id, organization_id, created_at, revision, updated_at, environment_id,"
    " position, match_kind, path, upstream)"
    " VALUES ('rte_1', 'org_1', 0, 1, 0, 'env_1', 1, 'prefix', 'x', 'x');"
    "INSERT INTO service_account (id, organization_id, created_at, revision, updated_at,"
    " project_id, name, name_hash) VALUES ('sva_1', 'org_1', 0, 1, 0, 'prj_1', 'x', 'x');"
    "INSERT INTO service_account_key (id, organization_id, created_at, revision, updated_at,"
    " project_id, service_account_id, last_used_at, revoked_at, prefix, secret_hash)"
    " VALUES ('key_1', 'org_1', 0, 1, 0, 'prj_1', 'sva_1', 0, 0, 'x', 'x');"
    "INSERT INTO warpgate (id, organization_id, created_at, revision, updated_at, environment_id,"
    " key_id, last_seen_at, applied_revision, revoked_at, name, version, platform, ip_address,"
    " refused_code, refused_detail)"
    " VALUES ('wgt_1', 'org_1', 0, 1, 0, 'env_1', 'key_1', 0, 0, 0, 'x', 'x', 'x', 'x', 'x', 'x');"
    "INSERT INTO revocation (id, organization_id, created_at, revision, updated_at,"
    " environment_id, warpgate_id, expires_at)"
    " VALUES ('rev_1', 'org_1', 0, 1, 0, 'env_1', 'wgt_1', 0);";

/* Fails unless the row is still there: a second one with its key is refused. */
static const char *const still_there[] = {
    "INSERT INTO data_key (scope, version, wrapped, created_at) VALUES ('system', 1, 'x', 0)",
    "INSERT INTO setting (name, value, updated_at) VALUES ('ca', 'x', 0)",
    "INSERT INTO revocation (id, organization_id, created_at, revision, updated_at,"
    " environment_id, warpgate_id, expires_at)"
    " VALUES ('rev_1', 'org_1', 0, 1, 0, 'env_1', 'wgt_2', 0)",
};

/* A database of any earlier version, in use, is brought up to date, and keeps what it holds. */
static void test_every_older_database_is_taken_on(void **state) {
    (void)state;
    for (size_t old = 1; old < store_schema_step_count; old++) {
        struct fixture f;
        struct store_connection *c = connect_new(&f);
        assert_int_equal(store_migration_run_until(c, &f.clock, false, 1, &f.why), STATUS_OK);
        assert_int_equal(script(c, old_rows, &f.why), STATUS_OK);
        assert_int_equal(store_migration_run_until(c, &f.clock, true, old, &f.why), STATUS_OK);
        if (store_migration_run(c, &f.clock, true, &f.why) != STATUS_OK) {
            fail_msg("from step %zu: %s", old, f.why.text);
        }
        for (size_t i = 0; i < sizeof(still_there) / sizeof(still_there[0]); i++) {
            assert_int_equal(script(c, still_there[i], &f.why), STATUS_CONFLICT);
        }
        end(&f, c);
    }
}

struct starter {
    struct fixture *f;
    struct store_connection *connection;
    enum status status;
    struct why why;
};

static void *run_starter(void *context) {
    struct starter *starter = context;
    starter->status =
        store_migration_run(starter->connection, &starter->f->clock, false, &starter->why);
    return NULL;
}

/* Several that start at once on an empty database: all succeed, and each step is there once. */
static void test_several_at_once(void **state) {
    (void)state;
    struct fixture f;
    struct starter starters[4];
    pthread_t threads[4];
    fixture_make(&f);
    for (int i = 0; i < 4; i++) {
        starters[i] = (struct starter){.f = &f, .connection = fixture_connect(&f, true)};
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_starter, &starters[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (starters[i].status != STATUS_OK) {
            fail_msg("%s", starters[i].why.text);
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(store_migration_run(starters[i].connection, &f.clock, true, &f.why),
                         STATUS_OK);
        starters[i].connection->driver->close(&starters[i].connection);
    }
    fixture_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_once),
        cmocka_unit_test(test_unknown_records),
        cmocka_unit_test(test_half_a_step_is_none),
        cmocka_unit_test(test_every_older_database_is_taken_on),
        cmocka_unit_test(test_several_at_once),
    };
    return store_test_database_run(tests);
}
