/* store_test_database.h: for tests alone: runs a group of tests with every driver there is, and makes databases for them.
 *
 * store_test_database_run(tests) in main runs them with SQLite, then with PostgreSQL: tools/with_postgres, which Meson runs the tests
 * by, says in MEZUSPHERE_TEST_POSTGRES where a server is. Each database is a schema of its own there. Include after cmocka.h.
 */
#ifndef STORE_STORE_TEST_DATABASE_H
#define STORE_STORE_TEST_DATABASE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

/* The server whose turn it is; NULL: SQLite's. */
static const char *store_test_database_server;

struct store_test_database {
    char schema[48];
    char url[512];
};

/* On the server, outside of the code under test. */
static inline void store_test_database_sql(const char *url, const char *sql) {
    PGconn *conn = PQconnectdb(url);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    }
    PQclear(result);
    PQfinish(conn);
}

/* An empty one; the URL for store_config.database, or NULL with SQLite. */
static inline const char *store_test_database_make(struct store_test_database *database) {
    static unsigned count;
    char sql[96];
    *database = (struct store_test_database){.schema = ""};
    if (store_test_database_server == NULL) {
        return NULL;
    }
    snprintf(database->schema, sizeof(database->schema), "t_%ld_%u", (long)getpid(), count++);
    snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", database->schema);
    snprintf(database->url, sizeof(database->url),
             "%s?options=-csearch_path%%3D%s&application_name=%s", store_test_database_server,
             database->schema, database->schema);
    store_test_database_sql(store_test_database_server, sql);
    return database->url;
}

static inline void store_test_database_drop(struct store_test_database *database) {
    char sql[160];
    if (database->schema[0] != '\0') {
        snprintf(sql, sizeof(sql),
                 "SET client_min_messages = warning; DROP SCHEMA IF EXISTS %s CASCADE",
                 database->schema);
        store_test_database_sql(store_test_database_server, sql);
    }
    database->schema[0] = '\0';
}

/* With PostgreSQL alone. Without a server they fail: nothing else would tell. */
static inline int store_test_database_run_on_server(const struct CMUnitTest *tests, size_t count) {
    store_test_database_server = getenv("MEZUSPHERE_TEST_POSTGRES");
    if (store_test_database_server == NULL) {
        fputs("no server: run this by tools/with_postgres\n", stderr);
        return 1;
    }
    return _cmocka_run_group_tests("postgres", tests, count, NULL, NULL);
}

#define store_test_database_run_server(tests)                                                      \
    store_test_database_run_on_server(tests, sizeof(tests) / sizeof((tests)[0]))

static inline int store_test_database_run_tests(const struct CMUnitTest *tests, size_t count,
                                                CMFixtureFunction set_up,
                                                CMFixtureFunction tear_down) {
    const char *server = getenv("MEZUSPHERE_TEST_POSTGRES");
    store_test_database_server = NULL;
    int failed = _cmocka_run_group_tests("sqlite", tests, count, set_up, tear_down);
    if (server == NULL) {
        fputs("NOT RUN with PostgreSQL: run this by tools/with_postgres\n", stderr);
        return failed;
    }
    store_test_database_server = server;
    return failed + _cmocka_run_group_tests("postgres", tests, count, set_up, tear_down);
}

#define store_test_database_run(tests) store_test_database_run_group(tests, NULL, NULL)
/* The same, with what all tests of the group share. */
#define store_test_database_run_group(tests, set_up, tear_down)                                    \
    store_test_database_run_tests(tests, sizeof(tests) / sizeof((tests)[0]), set_up, tear_down)

#endif
