/* store_erasure_test.c: an organization that has ended is in no table and in no file any more, and nobody else has lost anything. */
#include "store/store_erasure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_generation.h"
#include "store/store_invitation.h"
#include "store/store_membership.h"
#include "store/store_outbox.h"
#include "store/store_route.h"
#include "store/store_test_kit.h"

static struct id add_member(struct fixture *f, const char *email, const struct id *organizations,
                            size_t count) {
    struct id member = fixture_member(f, email);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(store_member_set_role(f->tx, &organizations[i], &member, STORE_ROLE_OWNER),
                         STATUS_OK);
    }
    return member;
}

static void end_at(struct fixture *f, const struct id *organization, int64_t delete_at_ms) {
    struct store_organization row;
    assert_int_equal(store_organization_get(f->tx, organization, &f->arena, &row), STATUS_OK);
    row.delete_at_ms = delete_at_ms;
    assert_int_equal(store_organization_update(f->tx, &row), STATUS_OK);
}

static void test_not_before_its_time(void **state) {
    struct fixture *f = *state;
    struct id *ids = NULL;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    assert_int_equal(store_erasure_run(f->tx, &a), STATUS_NOT_FOUND);
    end_at(f, &a, f->now_ms + 1);
    assert_int_equal(store_erasure_run(f->tx, &a), STATUS_NOT_FOUND);
    assert_int_equal(store_erasure_due_any(f->tx, &f->arena, &ids, &count), STATUS_OK);
    assert_int_equal(count, 0);
    fixture_commit(f);
    f->now_ms++;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_erasure_due_any(f->tx, &f->arena, &ids, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&ids[0], &a));
    assert_int_equal(store_erasure_run(f->tx, &ids[0]), STATUS_OK);
    assert_int_equal(store_erasure_run(f->tx, &b), STATUS_NOT_FOUND);
}

static void test_rows_people_and_keys(void **state) {
    struct fixture *f = *state;
    struct store_member person;
    struct store_project project;
    struct id *ids = NULL;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant gone = fixture_tenant(f, "Gone", "gone.example.net", 1);
    struct fixture_tenant kept = fixture_tenant(f, "Kept", "kept.example.net", 2);
    const struct id both[] = {gone.organization, kept.organization};
    struct id only = add_member(f, "only@example.com", both, 1);
    struct id shared = add_member(f, "shared@example.com", both, 2);
    struct id operator= add_member(f, "operator@example.com", both, 1);
    assert_int_equal(store_member_get_any(f->tx, &operator, & f->arena, &person), STATUS_OK);
    person.is_operator = true;
    assert_int_equal(store_member_update(f->tx, &person), STATUS_OK);
    end_at(f, &gone.organization, f->now_ms);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_erasure_run(f->tx, &gone.organization), STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_member_get_any(f->tx, &only, &f->arena, &person), STATUS_NOT_FOUND);
    assert_int_equal(store_member_get_any(f->tx, &shared, &f->arena, &person), STATUS_OK);
    assert_int_equal(store_member_get_any(f->tx, &operator, & f->arena, &person), STATUS_OK);
    assert_int_equal(
        store_project_get(f->tx, &gone.organization, &gone.project, &f->arena, &project),
        STATUS_NOT_FOUND);
    assert_int_equal(
        store_project_get(f->tx, &kept.organization, &kept.project, &f->arena, &project),
        STATUS_OK);
    assert_int_equal(store_erasure_due_any(f->tx, &f->arena, &ids, &count), STATUS_OK);
    assert_int_equal(count, 0);
    store_tx_rollback(&f->tx);
    assert_int_equal(store_erasure_scrub(f->store, &f->why), STATUS_OK);
}

/* In files. */

#define WRAPPED_MAX 128

struct remains {
    char wrapped[WRAPPED_MAX]; /* the data key as the database has it */
    size_t wrapped_len;
    struct id ids[6];
};

static enum status on_key(void *context, const struct store_value *columns, size_t count) {
    struct remains *remains = context;
    assert_int_equal(count, 1);
    assert_true(columns[0].bytes.len <= sizeof(remains->wrapped));
    memcpy(remains->wrapped, columns[0].bytes.at, columns[0].bytes.len);
    remains->wrapped_len = columns[0].bytes.len;
    return STATUS_OK;
}

static void read_key(struct fixture *f, const struct id *organization, struct remains *remains) {
    struct store_connection *connection = fixture_connect(f, false);
    const struct store_value scope = {STORE_VALUE_TEXT, 0, id_str(organization)};
    assert_int_equal(connection->driver->begin(connection, false, &f->why), STATUS_OK);
    assert_int_equal(connection->driver->query(connection,
                                               "SELECT wrapped FROM data_key WHERE scope = $1",
                                               &scope, 1, on_key, remains, &f->why),
                     STATUS_OK);
    connection->driver->rollback(connection);
    connection->driver->close(&connection);
    assert_true(remains->wrapped_len > 32);
}

/* How many of the remains any file of the folder has. */
static unsigned count_remains(struct fixture *f, const struct remains *remains) {
    static const char *const files[] = {"store.db", "store.db-wal"};
    static char bytes[1 << 22];
    unsigned found = 0;
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        fixture_path(f, files[i], path);
        FILE *file = fopen(path, "rb");
        size_t len = file == NULL ? 0 : fread(bytes, 1, sizeof(bytes), file);
        assert_true(len < sizeof(bytes));
        if (file != NULL) {
            fclose(file);
        }
        struct str text = str_make(bytes, len);
        for (size_t at = 0; at < len; at++) {
            struct str rest = str_sub(text, at, SIZE_MAX);
            found += str_starts_with(rest, str_make(remains->wrapped, remains->wrapped_len));
            for (size_t k = 0; bytes[at] == remains->ids[k % 6].text[0] && k < 6; k++) {
                found += str_starts_with(rest, id_str(&remains->ids[k]));
            }
        }
    }
    return found;
}

static void test_nothing_is_left_in_the_files(void **state) {
    struct fixture *f = *state;
    struct remains remains = {.wrapped_len = 0};
    uint8_t sha256[DIGEST_BYTES] = {7};
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant gone = fixture_tenant(f, "Gone", "gone.example.net", 1);
    struct fixture_tenant kept = fixture_tenant(f, "Kept", "kept.example.net", 2);
    struct id member = add_member(f, "only@example.com", &gone.organization, 1);
    struct store_invitation invitation = {
        .object.organization = gone.organization,
        .role = STORE_ROLE_VIEWER,
        .email = STR("ada@example.com"),
    };
    struct store_mail mail = {
        .object.organization = gone.organization,
        .recipient = STR("ada@example.com"),
        .message = STR("hello"),
    };
    assert_int_equal(store_invitation_insert(f->tx, &invitation, sha256), STATUS_OK);
    assert_int_equal(store_outbox_insert(f->tx, &mail), STATUS_OK);
    for (int i = 0; i < 200; i++) {
        struct store_route route = {.object.organization = gone.organization,
                                    .environment = gone.environment,
                                    .match = STR("prefix"),
                                    .path = STR("/some/path"),
                                    .upstream = STR("default")};
        assert_int_equal(store_route_insert(f->tx, &route), STATUS_OK);
    }
    end_at(f, &gone.organization, f->now_ms);
    fixture_commit(f);
    const struct id ids[] = {gone.organization, gone.project, gone.environment,
                             gone.key,          member,       invitation.object.id};
    memcpy(remains.ids, ids, sizeof(ids));
    read_key(f, &gone.organization, &remains);
    assert_true(count_remains(f, &remains) > 6);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_erasure_run(f->tx, &gone.organization), STATUS_OK);
    fixture_commit(f);
    assert_int_equal(store_erasure_scrub(f->store, &f->why), STATUS_OK);
    assert_int_equal(count_remains(f, &remains), 0);
    fixture_begin(f, STORE_READ);
    struct store_project project;
    assert_int_equal(
        store_project_get(f->tx, &kept.organization, &kept.project, &f->arena, &project),
        STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_not_before_its_time, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_rows_people_and_keys, fixture_setup, fixture_teardown),
    };
    const struct CMUnitTest files[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_left_in_the_files, fixture_setup,
                                        fixture_teardown),
    };
    int failed = cmocka_run_group_tests(files, NULL, NULL); /* PostgreSQL's are its own */
    return failed + store_test_database_run(tests);
}
