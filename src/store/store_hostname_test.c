#include "store/store_hostname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static struct fixture f;
static struct id ours;
static struct id theirs;
static struct id project;
static struct id their_project;

static struct id add_organization(const char *name) {
    struct store_organization organization = {.name = str_from(name)};
    assert_int_equal(store_organization_insert(f.tx, &organization), STATUS_OK);
    return organization.object.id;
}

static struct id add_project(const struct id *organization) {
    struct store_project row = {.object = {.organization = *organization}, .name = STR_INIT("p")};
    assert_int_equal(store_project_insert(f.tx, &row), STATUS_OK);
    return row.object.id;
}

static int setup(void **state) {
    (void)state;
    fixture_make(&f);
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(store_tx_begin(f.store, STORE_WRITE, &f.why, &f.tx), STATUS_OK);
    ours = add_organization("ours");
    theirs = add_organization("theirs");
    project = add_project(&ours);
    their_project = add_project(&theirs);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    store_tx_rollback(&f.tx);
    store_close(&f.store);
    arena_fini(&f.arena);
    fixture_remove(&f);
    return 0;
}

static struct store_environment row_of(const struct id *organization, const struct id *in,
                                       const char *name, const char *hostname,
                                       const char *hostnames) {
    return (struct store_environment){.object = {.organization = *organization},
                                      .project = *in,
                                      .name = str_from(name),
                                      .hostname = str_from(hostname),
                                      .hostnames = str_from(hostnames)};
}

static void start_again(void) {
    store_tx_rollback(&f.tx);
    f.why = (struct why){0};
    assert_int_equal(store_tx_begin(f.store, STORE_WRITE, &f.why, &f.tx), STATUS_OK);
}

static void commit(void) {
    assert_int_equal(store_tx_commit(&f.tx), STATUS_OK);
    start_again();
}

static void expect_refused(struct store_environment row, const char *slug) {
    assert_int_equal(store_environment_insert(f.tx, &row), STATUS_CONFLICT);
    assert_string_equal(f.why.slug, slug);
    start_again();
}

static void test_every_name_has_one_holder(void **state) {
    (void)state;
    struct store_environment a = row_of(&ours, &project, "a", "a.example", "b.example c.example");
    assert_int_equal(store_environment_insert(f.tx, &a), STATUS_OK);
    commit();
    expect_refused(row_of(&theirs, &their_project, "x", "b.example", ""), "hostname_taken");
    expect_refused(row_of(&theirs, &their_project, "x", "x.example", "y.example a.example"),
                   "hostname_taken");
    /* Nor within the organization. */
    expect_refused(row_of(&ours, &project, "x", "x.example", "c.example"), "hostname_taken");
    bool is_foreign = false;
    assert_int_equal(store_hostname_is_foreign(f.tx, &theirs, STR("c.example"), &is_foreign),
                     STATUS_OK);
    assert_true(is_foreign);
    assert_int_equal(store_hostname_is_foreign(f.tx, &ours, STR("c.example"), &is_foreign),
                     STATUS_OK);
    assert_false(is_foreign);
    assert_int_equal(store_hostname_is_foreign(f.tx, &ours, STR("d.example"), &is_foreign),
                     STATUS_OK);
    assert_false(is_foreign);
}

static void test_what_is_given_up_is_held(void **state) {
    (void)state;
    struct store_environment a = row_of(&ours, &project, "a", "a.example", "b.example c.example");
    assert_int_equal(store_environment_insert(f.tx, &a), STATUS_OK);
    a.hostname = STR("b.example");
    a.hostnames = STR("d.example");
    assert_int_equal(store_environment_update(f.tx, &a), STATUS_OK);
    commit();
    expect_refused(row_of(&theirs, &their_project, "x", "a.example", ""), "hostname_held");
    expect_refused(row_of(&theirs, &their_project, "x", "c.example", ""), "hostname_held");
    expect_refused(row_of(&theirs, &their_project, "x", "b.example", ""), "hostname_taken");
    /* Whoever had it may have it again. */
    struct store_environment again = row_of(&ours, &project, "again", "c.example", "");
    assert_int_equal(store_environment_insert(f.tx, &again), STATUS_OK);
    commit();
    f.now_ms += STORE_HOSTNAME_HOLD_MS - 1;
    start_again();
    expect_refused(row_of(&theirs, &their_project, "x", "a.example", ""), "hostname_held");
    f.now_ms += 1;
    start_again();
    assert_int_equal(store_hostname_prune_any(f.tx), STATUS_OK);
    struct store_environment x = row_of(&theirs, &their_project, "x", "a.example", "");
    assert_int_equal(store_environment_insert(f.tx, &x), STATUS_OK);
    commit();
    expect_refused(row_of(&theirs, &their_project, "y", "c.example", ""), "hostname_taken");
}

static void test_what_is_deleted_is_held(void **state) {
    (void)state;
    struct store_environment a = row_of(&ours, &project, "a", "a.example", "b.example");
    struct store_environment c = row_of(&ours, &project, "c", "c.example", "");
    assert_int_equal(store_environment_insert(f.tx, &a), STATUS_OK);
    assert_int_equal(store_environment_insert(f.tx, &c), STATUS_OK);
    assert_int_equal(store_environment_delete(f.tx, &ours, &a.object.id, 1, 0), STATUS_OK);
    commit();
    expect_refused(row_of(&theirs, &their_project, "x", "x.example", "b.example"), "hostname_held");
    assert_int_equal(store_project_delete(f.tx, &ours, &project, 1, 0), STATUS_OK);
    commit();
    expect_refused(row_of(&theirs, &their_project, "x", "c.example", ""), "hostname_held");
    f.now_ms += STORE_HOSTNAME_HOLD_MS;
    start_again();
    struct store_environment x = row_of(&theirs, &their_project, "x", "c.example", "a.example");
    assert_int_equal(store_environment_insert(f.tx, &x), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_name_has_one_holder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_given_up_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_deleted_is_held, setup, teardown),
    };
    return store_test_database_run(tests);
}
