#include "store/store_tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/store_test_kit.h"

#define WRITERS 4
#define READERS 6
#define ROUNDS 25

static void test_commit_and_rollback(void **state) {
    struct fixture *f = *state;
    struct store_organization organization;
    struct store_tx *tx = fixture_begin(f, STORE_WRITE);
    assert_ptr_equal(store_tx_store(tx), f->store);
    assert_ptr_equal(store_tx_why(tx), &f->why);
    assert_int_equal(store_tx_now_ms(tx), f->now_ms);
    struct id kept = fixture_organization(f, "Kept");
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    struct id undone = fixture_organization(f, "Undone");
    store_tx_rollback(&f->tx);
    assert_null(f->tx);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_organization_get(f->tx, &kept, &f->arena, &organization), STATUS_OK);
    assert_int_equal(store_organization_get(f->tx, &undone, &f->arena, &organization),
                     STATUS_NOT_FOUND);
    fixture_commit(f);
}

static void test_failed_write_cannot_be_committed(void **state) {
    struct fixture *f = *state;
    struct store_project twice;
    fixture_begin(f, STORE_WRITE);
    struct id organization = fixture_organization(f, "Acme");
    fixture_project(f, organization, "shop");
    twice = (struct store_project){.object.organization = organization, .name = STR("shop")};
    assert_int_equal(store_project_insert(f->tx, &twice), STATUS_CONFLICT);
    assert_int_equal(store_tx_commit(&f->tx), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "tx_failed");
    assert_null(f->tx);
    fixture_begin(f, STORE_READ);
    struct store_organization row;
    assert_int_equal(store_organization_get(f->tx, &organization, &f->arena, &row),
                     STATUS_NOT_FOUND);
}

static void test_reader_sees_one_state(void **state) {
    struct fixture *f = *state;
    struct store_tx *reader = NULL;
    struct store_organization row;
    fixture_begin(f, STORE_WRITE);
    struct id organization = fixture_organization(f, "Acme");
    assert_int_equal(store_tx_begin(f->store, STORE_READ, NULL, &reader), STATUS_OK);
    assert_int_equal(store_organization_get(reader, &organization, &f->arena, &row),
                     STATUS_NOT_FOUND);
    fixture_commit(f);
    assert_int_equal(store_organization_get(reader, &organization, &f->arena, &row),
                     STATUS_NOT_FOUND);
    store_tx_rollback(&reader);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_organization_get(f->tx, &organization, &f->arena, &row), STATUS_OK);
}

static void test_writing_while_reading_aborts(void **state) {
    struct fixture *f = *state;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store_project project = {.name = STR("shop")};
        signal(SIGABRT, SIG_DFL);
        (void)!freopen("/dev/null", "w", stderr);
        fixture_begin(f, STORE_READ);
        _exit((int)store_project_insert(f->tx, &project) + 50);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* An abort, or a refusal by the row itself: never a write. */
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) > 50);
}

struct crowd {
    struct fixture *f;
    struct id organization;
    struct id environment;
    int number;
};

static void *write_rounds(void *context) {
    struct crowd *crowd = context;
    struct store *store = crowd->f->store;
    char name[32];
    for (int i = 0; i < ROUNDS; i++) {
        struct store_tx *tx = NULL;
        uint64_t revision = 0;
        snprintf(name, sizeof(name), "p-%d-%d", crowd->number, i);
        struct store_project project = {.object.organization = crowd->organization,
                                        .name = str_from(name)};
        if (store_tx_begin(store, STORE_WRITE, NULL, &tx) != STATUS_OK ||
            store_project_insert(tx, &project) != STATUS_OK ||
            store_environment_touch_bundle(tx, &crowd->organization, &crowd->environment,
                                           &revision) != STATUS_OK ||
            store_tx_commit(&tx) != STATUS_OK) {
            return (void *)1;
        }
    }
    return NULL;
}

static void *read_rounds(void *context) {
    struct crowd *crowd = context;
    uint64_t last = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct store_tx *tx = NULL;
        struct store_environment environment;
        struct store_page page = {.limit = STORE_PAGE_MAX};
        struct store_project *projects;
        size_t count = 0;
        struct arena arena;
        arena_init(&arena);
        bool is_good = store_tx_begin(crowd->f->store, STORE_READ, NULL, &tx) == STATUS_OK &&
                       store_environment_get(tx, &crowd->organization, &crowd->environment, &arena,
                                             &environment) == STATUS_OK &&
                       store_project_list(tx, &crowd->organization, &page, &arena, &projects,
                                          &count) == STATUS_OK &&
                       /* One project and one revision come together. */
                       environment.bundle_revision == count && environment.bundle_revision >= last;
        last = environment.bundle_revision;
        store_tx_rollback(&tx);
        arena_fini(&arena);
        if (!is_good) {
            return (void *)1;
        }
    }
    return NULL;
}

static void test_many_threads(void **state) {
    struct fixture *f = *state;
    pthread_t threads[WRITERS + READERS];
    struct crowd crowds[WRITERS + READERS];
    fixture_begin(f, STORE_WRITE);
    struct id organization = fixture_organization(f, "Acme");
    struct id project = fixture_project(f, organization, "shop");
    struct id environment =
        fixture_environment(f, organization, project, "production", "shop.example.net");
    fixture_commit(f);
    for (int i = 0; i < WRITERS + READERS; i++) {
        crowds[i] = (struct crowd){f, organization, environment, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_rounds : read_rounds, &crowds[i]),
            0);
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    struct store_environment row;
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_environment_get(f->tx, &organization, &environment, &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(row.bundle_revision, 1 + WRITERS * ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit_and_rollback, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_failed_write_cannot_be_committed, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reader_sees_one_state, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_writing_while_reading_aborts, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many_threads, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
