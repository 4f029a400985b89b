/* store_invitation_test.c: an address is invited once, a token opens one invitation, and tenants are apart. */
#include "store/store_invitation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static enum status invite(struct fixture *f, struct id organization, const char *email,
                          uint8_t seed, struct store_invitation *row) {
    uint8_t sha256[DIGEST_BYTES];
    memset(sha256, seed, sizeof(sha256));
    *row = (struct store_invitation){
        .object.organization = organization,
        .role = STORE_ROLE_DEVELOPER,
        .expires_at_ms = f->now_ms + 1000,
        .sent_at_ms = f->now_ms,
        .sent_count = 1,
        .email = str_from(email),
    };
    return store_invitation_insert(f->tx, row, sha256);
}

static enum status find(struct fixture *f, uint8_t seed, struct store_invitation *row) {
    uint8_t sha256[DIGEST_BYTES];
    memset(sha256, seed, sizeof(sha256));
    return store_invitation_find_any(f->tx, sha256, &f->arena, row);
}

static void test_insert_find_update_delete(void **state) {
    struct fixture *f = *state;
    struct store_invitation made;
    struct store_invitation row;
    uint8_t sha256[DIGEST_BYTES];
    int64_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    struct id b = fixture_organization(f, "B");
    assert_int_equal(invite(f, a, "ada@example.com", 1, &made), STATUS_OK);
    assert_int_equal(invite(f, b, "ada@example.com", 2, &row), STATUS_OK);
    assert_int_equal(find(f, 1, &row), STATUS_OK);
    assert_true(id_eq(&row.object.organization, &a));
    assert_true(str_eq(row.email, STR("ada@example.com")));
    assert_int_equal(row.role, STORE_ROLE_DEVELOPER);
    assert_true(id_is_none(&row.mail));
    assert_int_equal(store_invitation_find(f->tx, &a, STR("ADA@example.com"), &f->arena, &row),
                     STATUS_OK);
    assert_int_equal(store_invitation_find(f->tx, &a, STR("eve@example.com"), &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_invitation_get(f->tx, &b, &made.object.id, &f->arena, &row),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_invitation_count(f->tx, &a, &count), STATUS_OK);
    assert_int_equal(count, 1);
    memset(sha256, 3, sizeof(sha256));
    made.sent_count = 2;
    assert_int_equal(store_invitation_update(f->tx, &made, sha256), STATUS_OK);
    assert_int_equal(find(f, 1, &row), STATUS_NOT_FOUND);
    assert_int_equal(find(f, 3, &row), STATUS_OK);
    assert_int_equal(row.sent_count, 2);
    assert_int_equal(store_invitation_delete(f->tx, &a, &made.object.id, 2), STATUS_OK);
    assert_int_equal(find(f, 3, &row), STATUS_NOT_FOUND);
    fixture_commit(f);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_invitation_delete(f->tx, &a, &made.object.id, 2), STATUS_NOT_FOUND);
}

static void test_an_address_once(void **state) {
    struct fixture *f = *state;
    struct store_invitation row;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    assert_int_equal(invite(f, a, "ada@example.com", 1, &row), STATUS_OK);
    assert_int_equal(invite(f, a, "Ada@example.com", 2, &row), STATUS_CONFLICT);
    assert_string_equal(f->why.slug, "invitation_exists");
}

static void test_list_and_prune(void **state) {
    struct fixture *f = *state;
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    struct store_invitation row;
    struct store_invitation *rows = NULL;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct id a = fixture_organization(f, "A");
    assert_int_equal(invite(f, a, "one@example.com", 1, &row), STATUS_OK);
    f->now_ms += 500;
    assert_int_equal(invite(f, a, "two@example.com", 2, &row), STATUS_OK);
    assert_int_equal(store_invitation_list(f->tx, &a, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(rows[0].email, STR("two@example.com")));
    assert_int_equal(store_invitation_prune_any(f->tx, rows[0].expires_at_ms), STATUS_OK);
    assert_int_equal(store_invitation_list(f->tx, &a, &page, &f->arena, &rows, &count), STATUS_OK);
    assert_int_equal(count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_find_update_delete, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_address_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_and_prune, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
