/* store_test_kit.h: for tests alone: a store in a temporary folder (and a schema of its own, with PostgreSQL), a clock that stands still until it is moved, and a small
 * installation of two organizations. Include after cmocka.h. */
#ifndef STORE_STORE_TEST_KIT_H
#define STORE_STORE_TEST_KIT_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/store.h"
#include "store/store_environment.h"
#include "store/store_key.h"
#include "store/store_member.h"
#include "store/store_organization.h"
#include "store/store_postgres.h"
#include "store/store_project.h"
#include "store/store_service_account.h"
#include "store/store_sqlite.h"
#include "store/store_test_database.h"
#include "store/store_tx.h"

#define FIXTURE_START_MS INT64_C(1800000000000)

struct fixture {
    char folder[64];
    struct store_test_database database;
    const char *url; /* of it; NULL with SQLite */
    struct clock clock;
    int64_t now_ms;
    struct store *store;
    struct store_tx *tx;
    struct why why;
    struct arena arena;
};

static inline int64_t fixture_now(void *context) {
    return ((struct fixture *)context)->now_ms;
}

static inline enum status fixture_open(struct fixture *f) {
    const struct store_config config = {
        .data_folder = f->folder, .database = f->url, .clock = &f->clock};
    return store_open(&config, &f->store, &f->why);
}

static inline void fixture_make(struct fixture *f) {
    memset(f, 0, sizeof(*f));
    memcpy(f->folder, "/tmp/store-test-XXXXXX", sizeof("/tmp/store-test-XXXXXX"));
    assert_non_null(mkdtemp(f->folder));
    f->now_ms = FIXTURE_START_MS;
    f->clock = (struct clock){fixture_now, fixture_now, f};
    f->url = store_test_database_make(&f->database);
    arena_init(&f->arena);
}

static inline void fixture_path(const struct fixture *f, const char *name, char out[512]) {
    snprintf(out, 512, "%s/%s", f->folder, name);
}

static inline const struct store_driver *fixture_driver(const struct fixture *f) {
    return f->url != NULL ? &store_postgres : &store_sqlite;
}

/* A connection to the database, beside any store. */
static inline struct store_connection *fixture_connect(struct fixture *f, bool is_writer) {
    struct store_connection *connection = NULL;
    char path[512];
    fixture_path(f, "store.db", path);
    assert_int_equal(fixture_driver(f)->connect(f->url != NULL ? f->url : path, true, is_writer,
                                                &connection, &f->why),
                     STATUS_OK);
    return connection;
}

static inline void fixture_remove(struct fixture *f) {
    char path[512];
    DIR *dir = opendir(f->folder);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            fixture_path(f, entry->d_name, path);
            unlink(path);
        }
    }
    closedir(dir);
    rmdir(f->folder);
    store_test_database_drop(&f->database);
    arena_fini(&f->arena);
}

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_make(f);
    assert_int_equal(fixture_open(f), STATUS_OK);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;
    store_tx_rollback(&f->tx);
    store_close(&f->store);
    fixture_remove(f);
    free(f);
    return 0;
}

static inline struct store_tx *fixture_begin(struct fixture *f, enum store_tx_mode mode) {
    assert_null(f->tx);
    assert_int_equal(store_tx_begin(f->store, mode, &f->why, &f->tx), STATUS_OK);
    return f->tx;
}

static inline void fixture_commit(struct fixture *f) {
    assert_int_equal(store_tx_commit(&f->tx), STATUS_OK);
    assert_null(f->tx);
}

static inline struct id fixture_organization(struct fixture *f, const char *name) {
    struct store_organization organization = {.name = str_from(name)};
    assert_int_equal(store_organization_insert(f->tx, &organization), STATUS_OK);
    return organization.object.id;
}

static inline struct id fixture_project(struct fixture *f, struct id organization,
                                        const char *name) {
    struct store_project project = {.object.organization = organization, .name = str_from(name)};
    assert_int_equal(store_project_insert(f->tx, &project), STATUS_OK);
    return project.object.id;
}

static inline struct id fixture_environment(struct fixture *f, struct id organization,
                                            struct id project, const char *name,
                                            const char *hostname) {
    struct store_environment environment = {
        .object.organization = organization,
        .project = project,
        .is_enabled = true,
        .name = str_from(name),
        .hostname = str_from(hostname),
    };
    assert_int_equal(store_environment_insert(f->tx, &environment), STATUS_OK);
    return environment.object.id;
}

static inline struct id fixture_service_account(struct fixture *f, struct id organization,
                                                struct id project, const char *name) {
    struct store_service_account account = {.object.organization = organization,
                                            .project = project,
                                            .permissions = STR("warpgate:connect"),
                                            .name = str_from(name)};
    assert_int_equal(store_service_account_insert(f->tx, &account), STATUS_OK);
    return account.object.id;
}

static inline struct id fixture_key(struct fixture *f, struct id organization, struct id account,
                                    uint8_t seed) {
    uint8_t sha256[DIGEST_BYTES];
    struct store_key key = {
        .object.organization = organization, .service_account = account, .prefix = STR("Zq3xW8vB")};
    memset(sha256, seed, sizeof(sha256));
    assert_int_equal(store_key_insert(f->tx, &key, sha256), STATUS_OK);
    return key.object.id;
}

static inline struct id fixture_member(struct fixture *f, const char *email) {
    struct store_member member = {.email = str_from(email), .name = STR("Ada Lovelace")};
    assert_int_equal(store_member_insert(f->tx, &member), STATUS_OK);
    return member.object.id;
}

/* Two tenants, alike in everything. */
struct fixture_tenant {
    struct id organization, project, environment, service_account, key;
};

static inline struct fixture_tenant fixture_tenant(struct fixture *f, const char *name,
                                                   const char *hostname, uint8_t seed) {
    struct fixture_tenant t;
    t.organization = fixture_organization(f, name);
    t.project = fixture_project(f, t.organization, "shop");
    t.environment = fixture_environment(f, t.organization, t.project, "production", hostname);
    t.service_account = fixture_service_account(f, t.organization, t.project, "gate");
    t.key = fixture_key(f, t.organization, t.service_account, seed);
    return t;
}

#endif
