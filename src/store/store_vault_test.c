#include "store/store_vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_state.h"
#include "store/store_test_kit.h"

#define PLACE(scope_text, table_text, row_text, column_text)                                       \
    { STR(scope_text), table_text, STR(row_text), column_text }

static enum status seal(struct fixture *f, const struct store_vault_place *place, struct str text,
                        struct str *sealed) {
    return store_vault_seal(f->store->vault, f->store->writer, place, text, &f->arena, sealed,
                            &f->why);
}

static enum status unseal(struct fixture *f, const struct store_vault_place *place,
                          struct str sealed, struct str *text) {
    return store_vault_unseal(f->store->vault, f->store->writer, place, sealed, &f->arena, text,
                              &f->why);
}

static void add_scope(struct fixture *f, struct str scope) {
    assert_int_equal(store_vault_add_scope(f->store->vault, f->store->writer, scope, &f->why),
                     STATUS_OK);
}

static void test_round_trip(void **state) {
    struct fixture *f = *state;
    const struct store_vault_place place = PLACE("system", "member", "mem_1", "email");
    static const char *const texts[] = {"", "a", "ada@example.com"};
    for (size_t i = 0; i < 3; i++) {
        struct str sealed;
        struct str again;
        struct str text;
        assert_int_equal(seal(f, &place, str_from(texts[i]), &sealed), STATUS_OK);
        assert_int_equal(sealed.len, strlen(texts[i]) + STORE_SEAL_OVERHEAD);
        assert_int_equal(seal(f, &place, str_from(texts[i]), &again), STATUS_OK);
        assert_false(str_eq(sealed, again));
        assert_int_equal(unseal(f, &place, sealed, &text), STATUS_OK);
        assert_true(str_eq(text, str_from(texts[i])));
    }
}

static void test_bound_to_its_place(void **state) {
    struct fixture *f = *state;
    const struct store_vault_place place = PLACE("org_a", "route", "rt_1", "path");
    static const struct store_vault_place others[] = {
        PLACE("org_b", "route", "rt_1", "path"),     PLACE("system", "route", "rt_1", "path"),
        PLACE("org_a", "routes", "rt_1", "path"),    PLACE("org_a", "route", "rt_2", "path"),
        PLACE("org_a", "route", "rt_1", "upstream"), PLACE("org_none", "route", "rt_1", "path"),
    };
    struct str sealed;
    struct str text;
    add_scope(f, STR("org_a"));
    add_scope(f, STR("org_b"));
    assert_int_equal(seal(f, &place, STR("/secret"), &sealed), STATUS_OK);
    assert_int_equal(unseal(f, &place, sealed, &text), STATUS_OK);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(unseal(f, &others[i], sealed, &text), STATUS_FAILED);
        assert_string_equal(f->why.slug, "seal_broken");
    }
    char *bytes = (char *)(uintptr_t)sealed.at;
    for (size_t i = 0; i < sealed.len; i++) {
        bytes[i] ^= 1;
        assert_int_equal(unseal(f, &place, sealed, &text), STATUS_FAILED);
        bytes[i] ^= 1;
    }
    assert_int_equal(unseal(f, &place, str_sub(sealed, 0, STORE_SEAL_OVERHEAD - 1), &text),
                     STATUS_FAILED);
    assert_int_equal(unseal(f, &place, STR_EMPTY, &text), STATUS_FAILED);
    const struct store_vault_place nowhere = PLACE("org_none", "route", "rt_1", "path");
    assert_int_equal(seal(f, &nowhere, STR("x"), &sealed), STATUS_FAILED);
    assert_string_equal(f->why.slug, "seal_broken");
}

/* Without the data key, nothing of an organization opens any more. */
static void test_deleting_the_key_destroys(void **state) {
    struct fixture *f = *state;
    const struct store_vault_place place = PLACE("org_a", "route", "rt_1", "path");
    struct str sealed;
    struct str text;
    add_scope(f, STR("org_a"));
    assert_int_equal(seal(f, &place, STR("/secret"), &sealed), STATUS_OK);
    assert_int_equal(f->store->driver->script(
                         f->store->writer, "DELETE FROM data_key WHERE scope = 'org_a'", &f->why),
                     STATUS_OK);
    store_close(&f->store);
    assert_int_equal(fixture_open(f), STATUS_OK);
    assert_int_equal(unseal(f, &place, sealed, &text), STATUS_FAILED);
}

static void test_lookups(void **state) {
    struct fixture *f = *state;
    const struct store_vault *vault = f->store->vault;
    uint8_t a[DIGEST_BYTES];
    uint8_t b[DIGEST_BYTES];
    store_vault_lookup(vault, "member", "email_hash", STR_EMPTY, STR("Ada@Example.com"), a);
    store_vault_lookup(vault, "member", "email_hash", STR_EMPTY, STR("ada@example.com"), b);
    assert_memory_equal(a, b, sizeof(a));
    static const struct {
        const char *table, *column, *scope, *text;
    } others[] = {
        {"member", "email_hash", "", "ada@example.co"},
        {"member", "email_hash", "org_a", "ada@example.com"},
        {"member", "name_hash", "", "ada@example.com"},
        {"session", "email_hash", "", "ada@example.com"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        store_vault_lookup(vault, others[i].table, others[i].column, str_from(others[i].scope),
                           str_from(others[i].text), b);
        assert_memory_not_equal(a, b, sizeof(a));
    }
    store_vault_lookup_bytes(vault, "key", "secret_hash", STR("ABC"), a);
    store_vault_lookup_bytes(vault, "key", "secret_hash", STR("abc"), b);
    assert_memory_not_equal(a, b, sizeof(a));
    /* The same after a restart, since they are in the database. */
    store_close(&f->store);
    assert_int_equal(fixture_open(f), STATUS_OK);
    store_vault_lookup_bytes(f->store->vault, "key", "secret_hash", STR("abc"), a);
    assert_memory_equal(a, b, sizeof(a));
}

static void test_damaged_data_key(void **state) {
    struct fixture *f = *state;
    assert_int_equal(
        f->store->driver->script(
            f->store->writer,
            "UPDATE data_key SET wrapped = substr(wrapped, 1, 60) || substr(wrapped, 1, 5) "
            "WHERE scope = 'system'",
            &f->why),
        STATUS_OK);
    store_close(&f->store);
    assert_int_equal(fixture_open(f), STATUS_INVALID);
    assert_string_equal(f->why.slug, "data_corrupt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bound_to_its_place, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_deleting_the_key_destroys, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lookups, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_data_key, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
