#define _GNU_SOURCE /* memmem */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "store/store_route.h"
#include "store/store_setting.h"
#include "store/store_test_kit.h"
#include "store/store_warpgate.h"

static void write_file(const struct fixture *f, const char *name, const void *bytes, size_t len) {
    char path[512];
    fixture_path(f, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void run_sql(const struct fixture *f, const char *sql) {
    char path[512];
    if (f->url != NULL) {
        store_test_database_sql(f->url, sql);
        return;
    }
    sqlite3 *db = NULL;
    fixture_path(f, "store.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void expect_refusal(struct fixture *f, enum status status, const char *slug) {
    assert_int_equal(fixture_open(f), status);
    assert_null(f->store);
    assert_string_equal(f->why.slug, slug);
    assert_true(strlen(f->why.text) > 10);
}

/* Folder and files, with something in the database. */
static void make_used(struct fixture *f) {
    fixture_make(f);
    assert_int_equal(fixture_open(f), STATUS_OK);
    fixture_begin(f, STORE_WRITE);
    fixture_tenant(f, "Acme", "shop.example.net", 1);
    fixture_commit(f);
    store_close(&f->store);
}

static void test_modes(void **state) {
    (void)state;
    static const char *const names[] = {"mezusphere.lock", "master.key", "store.db",
                                        "store.db-wal"};
    struct fixture f;
    struct stat info;
    char path[512];
    fixture_make(&f);
    assert_int_equal(chmod(f.folder, 0755), 0);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(stat(f.folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fixture_path(&f, names[i], path);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    store_close(&f.store);
    fixture_remove(&f);
}

static void test_second_start_finds_everything(void **state) {
    (void)state;
    struct fixture f;
    struct store_environment environment;
    make_used(&f);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    fixture_begin(&f, STORE_READ);
    assert_int_equal(
        store_environment_find_any(f.tx, STR("SHOP.example.net"), &f.arena, &environment),
        STATUS_OK);
    assert_true(str_eq(environment.hostname, STR("shop.example.net")));
    store_tx_rollback(&f.tx);
    store_close(&f.store);
    fixture_remove(&f);
}

static void test_master_key_missing_wrong_invalid(void **state) {
    (void)state;
    struct fixture f;
    char path[512];
    make_used(&f);
    fixture_path(&f, "master.key", path);
    assert_int_equal(unlink(path), 0);
    expect_refusal(&f, STATUS_NOT_FOUND, "master_key_missing");
    write_file(&f, "master.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 44);
    expect_refusal(&f, STATUS_DENIED, "master_key_wrong");
    write_file(&f, "master.key", "AAAA\n", 5);
    expect_refusal(&f, STATUS_INVALID, "master_key_invalid");
    write_file(&f, "master.key", "", 0);
    expect_refusal(&f, STATUS_INVALID, "master_key_invalid");
    fixture_remove(&f);
}

static void test_corrupt(void **state) {
    (void)state;
    struct fixture f;
    char path[512];
    char noise[4096];
    make_used(&f);
    memset(noise, 0x5a, sizeof(noise));
    fixture_path(&f, "store.db", path);
    /* A page in the middle. */
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 3 * 4096, SEEK_SET), 0);
    assert_int_equal(fwrite(noise, 1, sizeof(noise), file), sizeof(noise));
    assert_int_equal(fclose(file), 0);
    expect_refusal(&f, STATUS_INVALID, "data_corrupt");
    /* The head of the file. */
    write_file(&f, "store.db", noise, sizeof(noise));
    expect_refusal(&f, STATUS_INVALID, "data_corrupt");
    /* Emptied, then gone: never a silent first start. */
    write_file(&f, "store.db", "", 0);
    expect_refusal(&f, STATUS_INVALID, "data_corrupt");
    assert_int_equal(unlink(path), 0);
    expect_refusal(&f, STATUS_INVALID, "data_corrupt");
    fixture_remove(&f);
}

static void test_newer_and_changed_schema(void **state) {
    (void)state;
    struct fixture f;
    make_used(&f);
    run_sql(&f, "INSERT INTO migration SELECT MAX(number) + 1, 'future', 'x', 0 FROM migration");
    expect_refusal(&f, STATUS_UNSUPPORTED, "data_newer");
    run_sql(&f, "DELETE FROM migration WHERE name = 'future'; UPDATE migration SET checksum = 'x'");
    expect_refusal(&f, STATUS_INVALID, "data_corrupt");
    fixture_remove(&f);
}

static void test_not_ours(void **state) {
    (void)state;
    struct fixture f;
    char path[512];
    fixture_make(&f);
    write_file(&f, "thesis.txt", "mine", 4);
    expect_refusal(&f, STATUS_CONFLICT, "data_not_ours");
    fixture_path(&f, "master.key", path);
    assert_int_not_equal(access(path, F_OK), 0);
    fixture_path(&f, "thesis.txt", path);
    assert_int_equal(unlink(path), 0);
    run_sql(&f, "CREATE TABLE recipe (id INTEGER)");
    write_file(&f, "master.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 44);
    expect_refusal(&f, STATUS_CONFLICT, "data_not_ours");
    fixture_remove(&f);
}

static void test_in_use(void **state) {
    (void)state;
    struct fixture f;
    struct store *second = NULL;
    struct why why;
    fixture_make(&f);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    const struct store_config config = {.data_folder = f.folder, .database = f.url};
    assert_int_equal(store_open(&config, &second, &why), STATUS_CONFLICT);
    assert_string_equal(why.slug, "data_in_use");
    assert_null(second);
    store_close(&f.store);
    assert_int_equal(store_open(&config, &second, &why), STATUS_OK);
    store_close(&second);
    fixture_remove(&f);
}

/* Runs `child` in another process and returns its exit status. */
static int run_child(struct fixture *f, int (*child)(struct fixture *f)) {
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(child(f));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int open_as_nobody(struct fixture *f) {
    if (geteuid() == 0 && setuid(65534) != 0) {
        return 1;
    }
    if (fixture_open(f) != STATUS_DENIED) {
        return 2;
    }
    return strcmp(f->why.slug, "data_not_writable") == 0 ? 0 : 3;
}

static void test_not_writable(void **state) {
    (void)state;
    struct fixture f;
    fixture_make(&f);
    assert_int_equal(chmod(f.folder, 0500), 0);
    assert_int_equal(run_child(&f, open_as_nobody), 0);
    fixture_remove(&f);
}

/* Files may not grow beyond what they are now: what the system says then is taken for a full disk. */
static int write_until_full(struct fixture *f) {
    struct rlimit limit = {200000, 4000000};
    enum status status = STATUS_OK;
    struct store_organization organization;
    struct store_page page = {.limit = 1000};
    struct store_organization *rows;
    size_t count = 0;
    size_t written = 0;
    signal(SIGXFSZ, SIG_IGN);
    if (fixture_open(f) != STATUS_OK || setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 1;
    }
    while (status == STATUS_OK && written < 5000) {
        organization = (struct store_organization){.name = STR("Acme")};
        status = store_tx_begin(f->store, STORE_WRITE, &f->why, &f->tx);
        if (status == STATUS_OK) {
            status = store_organization_insert(f->tx, &organization);
        }
        if (status == STATUS_OK) {
            status = store_tx_commit(&f->tx);
        }
        store_tx_rollback(&f->tx);
        written += status == STATUS_OK;
    }
    if (status != STATUS_UNAVAILABLE || strcmp(f->why.slug, "storage_full") != 0) {
        fprintf(stderr, "%s %s %s after %zu\n", status_name(status), f->why.slug, f->why.text,
                written);
        return 2;
    }
    /* Reading goes on, and shows exactly what was acknowledged. */
    if (store_tx_begin(f->store, STORE_READ, &f->why, &f->tx) != STATUS_OK ||
        store_organization_list_any(f->tx, &page, &f->arena, &rows, &count) != STATUS_OK ||
        count != written + 1) {
        return 3;
    }
    store_tx_rollback(&f->tx);
    limit.rlim_cur = limit.rlim_max;
    organization = (struct store_organization){.name = STR("Acme")};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
        store_tx_begin(f->store, STORE_WRITE, &f->why, &f->tx) != STATUS_OK ||
        store_organization_insert(f->tx, &organization) != STATUS_OK ||
        store_tx_commit(&f->tx) != STATUS_OK) {
        return 4;
    }
    store_close(&f->store);
    return 0;
}

static void test_full_disk(void **state) {
    (void)state;
    struct fixture f;
    make_used(&f);
    assert_int_equal(run_child(&f, write_until_full), 0);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    store_close(&f.store);
    fixture_remove(&f);
}

/* Writes projects and reports each only when it was committed. */
static void write_and_report(struct fixture *f, int out) {
    char name[32];
    struct id organization;
    if (fixture_open(f) != STATUS_OK) {
        _exit(1);
    }
    fixture_begin(f, STORE_WRITE);
    organization = fixture_organization(f, "Acme");
    fixture_commit(f);
    if (write(out, organization.text, ID_SIZE) != ID_SIZE) {
        _exit(2);
    }
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "project-%d", i);
        fixture_begin(f, STORE_WRITE);
        struct id project = fixture_project(f, organization, name);
        fixture_commit(f);
        if (write(out, project.text, ID_SIZE) != ID_SIZE) {
            _exit(3);
        }
    }
}

static void kill_while_writing(struct fixture *f, int rows_before_death) {
    int ends[2];
    struct id ids[64] = {0};
    size_t got = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        write_and_report(f, ends[1]);
    }
    close(ends[1]);
    while (got < sizeof(ids) / sizeof(ids[0]) && read(ends[0], ids[got].text, ID_SIZE) == ID_SIZE) {
        got++;
        if (got == (size_t)rows_before_death + 1) {
            kill(pid, SIGKILL);
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(got > (size_t)rows_before_death);
    assert_int_equal(fixture_open(f), STATUS_OK);
    fixture_begin(f, STORE_READ);
    for (size_t i = 1; i < got; i++) {
        struct store_project project;
        assert_int_equal(store_project_get(f->tx, &ids[0], &ids[i], &f->arena, &project),
                         STATUS_OK);
    }
    store_tx_rollback(&f->tx);
    store_close(&f->store);
}

static void test_kill_loses_nothing_acknowledged(void **state) {
    (void)state;
    struct fixture f;
    fixture_make(&f);
    for (int i = 0; i < 8; i++) {
        kill_while_writing(&f, 1 + 5 * i);
    }
    fixture_remove(&f);
}

/* Columns that rows of an older version do not have are empty, and can be filled. */
static void test_rows_of_an_older_version(void **state) {
    (void)state;
    struct fixture f;
    struct store_route row;
    struct store_environment environment;
    fixture_make(&f);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    fixture_begin(&f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(&f, "Acme", "shop.example.net", 1);
    struct store_route route = {.object.organization = t.organization,
                                .environment = t.environment,
                                .match = STR("prefix"),
                                .path = STR("/old"),
                                .upstream = STR("default")};
    assert_int_equal(store_route_insert(f.tx, &route), STATUS_OK);
    fixture_commit(&f);
    store_close(&f.store);
    struct store_connection *connection = fixture_connect(&f, true);
    assert_int_equal(
        connection->driver->script(connection,
                                   "UPDATE route SET options = NULL, managed_by = NULL;"
                                   "UPDATE environment SET health_checks = NULL, "
                                   "settings = NULL, hostnames = NULL, managed_by = NULL",
                                   &f.why),
        STATUS_OK);
    connection->driver->close(&connection);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    fixture_begin(&f, STORE_WRITE);
    assert_int_equal(store_route_get(f.tx, &t.organization, &route.object.id, &f.arena, &row),
                     STATUS_OK);
    assert_true(str_eq(row.path, STR("/old")));
    assert_int_equal(row.options.len, 0);
    row.options = STR("{}");
    assert_int_equal(store_route_update(f.tx, &row), STATUS_OK);
    assert_int_equal(
        store_environment_get(f.tx, &t.organization, &t.environment, &f.arena, &environment),
        STATUS_OK);
    assert_int_equal(environment.health_checks.len, 0);
    environment.health_checks = STR("[]");
    assert_int_equal(store_environment_update(f.tx, &environment), STATUS_OK);
    assert_int_equal(
        store_environment_get(f.tx, &t.organization, &t.environment, &f.arena, &environment),
        STATUS_OK);
    assert_true(str_eq(environment.health_checks, STR("[]")));
    fixture_commit(&f);
    store_close(&f.store);
    fixture_remove(&f);
}

static bool holds(const char *bytes, size_t len, const char *text) {
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

static void expect_none(const struct fixture *f, const char *name, const char *const *texts) {
    char path[512];
    fixture_path(f, name, path);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return;
    }
    char *bytes = malloc(1 << 22);
    size_t len = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (holds(bytes, len, texts[i])) {
            fail_msg("%s holds %s", name, texts[i]);
        }
    }
    free(bytes);
}

static void test_dump_shows_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Weyland",    "grace@hopper",  "Ada Lovelace", "$argon2id", "shop-of-horrors",
        "production", "shop.weyland",  "/secret/path", "billing",   "gatekeeper",
        "Zq3xW8vB",   "warp-hostname", "192.0.2.77",   "1.2.3-rc4", "linux/riscv",
        "BEGIN EC",   "bundle_stale",  "sticky",       "healthz",   NULL};
    struct fixture f;
    fixture_make(&f);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    fixture_begin(&f, STORE_WRITE);
    struct id org = fixture_organization(&f, "Weyland");
    struct id project = fixture_project(&f, org, "shop-of-horrors");
    struct id env = fixture_environment(&f, org, project, "production", "shop.weyland.example");
    struct id account = fixture_service_account(&f, org, project, "gatekeeper");
    struct store_route route = {.object.organization = org,
                                .environment = env,
                                .match = STR("prefix"),
                                .path = STR("/secret/path"),
                                .upstream = STR("billing"),
                                .options = STR("{\"sticky\":true}")};
    assert_int_equal(store_route_insert(f.tx, &route), STATUS_OK);
    struct store_environment row;
    assert_int_equal(store_environment_get(f.tx, &org, &env, &f.arena, &row), STATUS_OK);
    row.health_checks = STR("[{\"path\":\"/healthz\"}]");
    assert_int_equal(store_environment_update(f.tx, &row), STATUS_OK);
    struct store_member member = {.email = STR("grace@hopper.example"),
                                  .name = STR("Ada Lovelace"),
                                  .password_hash = STR("$argon2id$v=19$...")};
    assert_int_equal(store_member_insert(f.tx, &member), STATUS_OK);
    struct store_warpgate warpgate = {.object.organization = org,
                                      .environment = env,
                                      .key = fixture_key(&f, org, account, 9),
                                      .name = STR("warp-hostname"),
                                      .version = STR("1.2.3-rc4"),
                                      .platform = STR("linux/riscv"),
                                      .ip_address = STR("192.0.2.77"),
                                      .refused_code = STR("bundle_stale")};
    assert_int_equal(store_warpgate_insert(f.tx, &warpgate), STATUS_OK);
    assert_int_equal(store_setting_set(f.tx, STR("ca"), STR("-----BEGIN EC PRIVATE KEY-----")),
                     STATUS_OK);
    fixture_commit(&f);
    expect_none(&f, "store.db-wal", texts);
    store_close(&f.store);
    expect_none(&f, "store.db", texts);
    fixture_remove(&f);
}

static enum status fetch_fixed(void *context, bool may_make, struct store_master_keys *keys,
                               struct why *why) {
    (void)why;
    *(int *)context += may_make ? 1 : 100;
    memset(keys->at[0], 7, STORE_MASTER_KEY_BYTES);
    keys->count = 1;
    return STATUS_OK;
}

static void test_key_from_elsewhere(void **state) {
    (void)state;
    struct fixture f;
    char path[512];
    int calls = 0;
    fixture_make(&f);
    const struct store_config config = {
        .data_folder = f.folder, .database = f.url, .master_key = {fetch_fixed, NULL, &calls}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_open(&config, &f.store, &f.why), STATUS_OK);
        assert_ptr_equal(store_random(f.store), random_system());
        store_close(&f.store);
    }
    assert_int_equal(calls, 101);
    fixture_path(&f, "master.key", path);
    assert_int_not_equal(access(path, F_OK), 0);
    fixture_remove(&f);
}

int main(void) {
    const struct CMUnitTest of_files[] = {
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_dump_shows_nothing),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_start_finds_everything),
        cmocka_unit_test(test_master_key_missing_wrong_invalid),
        cmocka_unit_test(test_newer_and_changed_schema),
        cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_not_writable),
        cmocka_unit_test(test_kill_loses_nothing_acknowledged),
        cmocka_unit_test(test_rows_of_an_older_version),
        cmocka_unit_test(test_key_from_elsewhere),
    };
    int failed = cmocka_run_group_tests(of_files, NULL, NULL);
    return failed + store_test_database_run(tests);
}
