#include "store/store_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_state.h"
#include "store/store_test_kit.h"

static enum status insert_named(struct fixture *f, const struct id *organization, struct str name) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    assert_int_equal(store_tx_begin(f->store, STORE_WRITE, &f->why, &tx), STATUS_OK);
    struct store_organization row = {.object.id = *organization, .name = name};
    enum status status = store_organization_insert(tx, &row);
    return status;
}

static void test_text_is_checked(void **state) {
    struct fixture *f = *state;
    char name[STORE_ORGANIZATION_NAME_MAX + 1];
    const struct id none = {0};
    memset(name, 'x', sizeof(name));
    assert_int_equal(insert_named(f, &none, str_make(name, 100)), STATUS_OK);
    assert_int_equal(insert_named(f, &none, str_make(name, 101)), STATUS_TOO_LARGE);
    assert_string_equal(f->why.slug, "text_too_long");
    assert_int_equal(insert_named(f, &none, str_make("a\0b", 3)), STATUS_INVALID);
    assert_int_equal(insert_named(f, &none, STR("\xff")), STATUS_INVALID);
    assert_string_equal(f->why.slug, "text_invalid");
}

static void test_times_and_revisions(void **state) {
    struct fixture *f = *state;
    struct store_organization row = {.name = STR("Acme")};
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_organization_insert(f->tx, &row), STATUS_OK);
    assert_int_equal(row.object.revision, 1);
    assert_int_equal(row.object.created_at_ms, f->now_ms);
    assert_int_equal(row.object.updated_at_ms, f->now_ms);
    fixture_commit(f);
    f->now_ms += 5;
    fixture_begin(f, STORE_WRITE);
    row.name = STR("Acme 2");
    assert_int_equal(store_organization_update(f->tx, &row), STATUS_OK);
    assert_int_equal(row.object.revision, 2);
    assert_int_equal(row.object.created_at_ms, FIXTURE_START_MS);
    assert_int_equal(row.object.updated_at_ms, FIXTURE_START_MS + 5);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    row.object.revision = 1;
    assert_int_equal(store_organization_update(f->tx, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "revision_mismatch");
    assert_int_equal(row.object.revision, 1);
    store_tx_rollback(&f->tx);
    fixture_begin(f, STORE_WRITE);
    row.object.id = (struct id){"org_00000000000000000000000000"};
    row.object.organization = row.object.id;
    assert_int_equal(
        store_vault_add_scope(f->store->vault, f->store->writer, id_str(&row.object.id), &f->why),
        STATUS_OK);
    assert_int_equal(store_organization_update(f->tx, &row), STATUS_NOT_FOUND);
    assert_string_equal(f->why.slug, "not_found");
}

static void test_pages(void **state) {
    struct fixture *f = *state;
    char name[16];
    struct id ids[7];
    fixture_begin(f, STORE_WRITE);
    struct id organization = fixture_organization(f, "Acme");
    for (size_t i = 0; i < 7; i++) {
        f->now_ms++;
        snprintf(name, sizeof(name), "p%zu", i);
        ids[i] = fixture_project(f, organization, name);
    }
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    for (int order = STORE_ASCENDING; order <= STORE_DESCENDING; order++) {
        struct store_page page = {.limit = 3, .order = (enum store_order)order};
        size_t seen = 0;
        do {
            struct store_project *rows;
            size_t count = 0;
            assert_int_equal(
                store_project_list(f->tx, &organization, &page, &f->arena, &rows, &count),
                STATUS_OK);
            for (size_t i = 0; i < count; i++) {
                size_t at = order == STORE_ASCENDING ? seen : 6 - seen;
                assert_true(id_eq(&rows[i].object.id, &ids[at]));
                seen++;
            }
            assert_int_equal(page.has_more, seen < 7);
            page.has_cursor = true;
            page.after = rows[count - 1].object.id;
        } while (page.has_more);
        assert_int_equal(seen, 7);
    }
}

/* Somebody with the database but not the key exchanges two sealed names. */
static void test_exchanged_values_are_seen(void **state) {
    struct fixture *f = *state;
    struct store_project project;
    fixture_begin(f, STORE_WRITE);
    struct id organization = fixture_organization(f, "Acme");
    struct id first = fixture_project(f, organization, "first");
    fixture_project(f, organization, "second");
    fixture_commit(f);
    assert_int_equal(
        f->store->driver->script(f->store->writer,
                                 "UPDATE project SET name = (SELECT p2.name FROM project p2 "
                                 "WHERE p2.id <> project.id)",
                                 &f->why),
        STATUS_OK);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_project_get(f->tx, &organization, &first, &f->arena, &project),
                     STATUS_FAILED);
    assert_string_equal(f->why.slug, "seal_broken");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_is_checked, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_times_and_revisions, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_pages, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_exchanged_values_are_seen, fixture_setup,
                                        fixture_teardown),
    };
    return store_test_database_run(tests);
}
