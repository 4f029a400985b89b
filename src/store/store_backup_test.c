#include "store/store_backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_master_key.h"
#include "store/store_migration.h"
#include "store/store_restore.h"
#include "store/store_route.h"
#include "store/store_schema.h"
#include "store/store_session.h"
#include "store/store_test_kit.h"

static struct store_config config_of(const struct fixture *f) {
    return (struct store_config){.data_folder = f->folder, .database = f->url, .clock = &f->clock};
}

/* A backup of a running store, in memory. The caller frees it. */
static size_t back_up(struct fixture *f, char **bytes) {
    struct store_tool tool;
    struct store_backup_result result;
    const struct store_config config = config_of(f);
    size_t len = 0;
    FILE *file = open_memstream(bytes, &len);
    assert_int_equal(store_tool_open(&tool, &config, STORE_TOOL_READ, &f->why), STATUS_OK);
    assert_int_equal(store_backup_write(&tool, file, &result, &f->why), STATUS_OK);
    assert_true(result.row_count > 5);
    store_tool_close(&tool);
    fclose(file);
    return len;
}

static enum status restore(struct fixture *f, const char *bytes, size_t len, bool is_forced) {
    struct store_tool tool;
    struct store_restore_result result;
    const struct store_config config = config_of(f);
    struct store_master_key key = {.folder = f->folder};
    const struct store_key_source source = store_master_key_source(&key);
    FILE *file = fmemopen((void *)(uintptr_t)bytes, len, "rb");
    enum status status = store_tool_open(&tool, &config, STORE_TOOL_MAKE, &f->why);
    if (status == STATUS_OK) {
        status = store_restore_read(&tool, &source, file, is_forced, &result, &f->why);
    }
    store_tool_close(&tool);
    fclose(file);
    return status;
}

static void copy_key(const struct fixture *from, const struct fixture *to) {
    char source[512];
    char target[512];
    char text[128];
    fixture_path(from, "master.key", source);
    fixture_path(to, "master.key", target);
    FILE *in = fopen(source, "rb");
    FILE *out = fopen(target, "wb");
    size_t len = fread(text, 1, sizeof(text), in);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(in);
    fclose(out);
}

static struct fixture_tenant fill(struct fixture *f) {
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "Acme", "shop.example.net", 1);
    struct store_session session = {.member = fixture_member(f, "ada@example.com"),
                                    .expires_at_ms = f->now_ms + 1000000};
    uint8_t sha256[DIGEST_BYTES] = {5};
    assert_int_equal(store_session_insert(f->tx, &session, sha256), STATUS_OK);
    fixture_commit(f);
    return t;
}

static void expect_tenant(struct fixture *f, const struct fixture_tenant *t, uint64_t least) {
    struct store_environment environment;
    struct store_member member;
    struct store_session session;
    uint8_t sha256[DIGEST_BYTES] = {5};
    fixture_begin(f, STORE_READ);
    assert_int_equal(
        store_environment_find_any(f->tx, STR("shop.example.net"), &f->arena, &environment),
        STATUS_OK);
    assert_true(id_eq(&environment.object.id, &t->environment));
    assert_true(environment.bundle_revision >= least);
    assert_int_equal(store_member_find_any(f->tx, STR("ada@example.com"), &f->arena, &member),
                     STATUS_OK);
    assert_int_equal(store_session_find_any(f->tx, sha256, &f->arena, &session), STATUS_NOT_FOUND);
    store_tx_rollback(&f->tx);
}

static void test_into_an_empty_place(void **state) {
    struct fixture *f = *state;
    struct fixture other;
    char *bytes = NULL;
    struct fixture_tenant t = fill(f);
    size_t len = back_up(f, &bytes);
    fixture_make(&other);
    other.now_ms += 5000;
    assert_int_equal(restore(&other, bytes, len, false), STATUS_NOT_FOUND);
    assert_string_equal(other.why.slug, "master_key_missing");
    copy_key(f, &other);
    assert_int_equal(restore(&other, bytes, len, false), STATUS_OK);
    assert_int_equal(restore(&other, bytes, len, false), STATUS_CONFLICT);
    assert_string_equal(other.why.slug, "data_exists");
    assert_int_equal(fixture_open(&other), STATUS_OK);
    expect_tenant(&other, &t, (uint64_t)other.now_ms);
    store_close(&other.store);
    fixture_remove(&other);
    free(bytes);
}

/* What is open goes on with what the backup says, and seals with its keys. */
static void test_under_a_running_store(void **state) {
    struct fixture *f = *state;
    struct store_environment environment;
    char *bytes = NULL;
    struct fixture_tenant t = fill(f);
    size_t len = back_up(f, &bytes);
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant later = fixture_tenant(f, "Later", "later.example.net", 2);
    (void)later;
    fixture_commit(f);
    assert_int_equal(restore(f, bytes, len, false), STATUS_CONFLICT);
    assert_int_equal(restore(f, bytes, len, true), STATUS_OK);
    expect_tenant(f, &t, (uint64_t)f->now_ms);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        store_environment_find_any(f->tx, STR("later.example.net"), &f->arena, &environment),
        STATUS_NOT_FOUND);
    struct fixture_tenant again = fixture_tenant(f, "Later", "later.example.net", 2);
    (void)again;
    fixture_commit(f);
    /* The clock stands still: revisions grow all the same. */
    assert_int_equal(restore(f, bytes, len, true), STATUS_OK);
    expect_tenant(f, &t, (uint64_t)f->now_ms + 1);
    free(bytes);
}

static void test_nothing_is_in_clear(void **state) {
    struct fixture *f = *state;
    static const char *const texts[] = {"Acme", "shop.example.net", "ada@example.com", "Lovelace"};
    char *bytes = NULL;
    (void)fill(f);
    size_t len = back_up(f, &bytes);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t k = 0; k + strlen(texts[i]) <= len; k++) {
            assert_false(str_eq(str_make(bytes + k, strlen(texts[i])), str_from(texts[i])));
        }
    }
    free(bytes);
}

static void test_damage_is_refused_whole(void **state) {
    struct fixture *f = *state;
    char *bytes = NULL;
    struct fixture_tenant t = fill(f);
    size_t len = back_up(f, &bytes);
    size_t step = len / 40 + 1;
    for (size_t cut = 0; cut < len; cut += step) {
        assert_int_equal(restore(f, bytes, cut == 0 ? 1 : cut, true), STATUS_INVALID);
    }
    for (size_t at = 0; at < len; at += step) {
        bytes[at] = (char)(bytes[at] ^ 0x20);
        assert_true(restore(f, bytes, len, true) != STATUS_OK);
        bytes[at] = (char)(bytes[at] ^ 0x20);
    }
    fixture_begin(f, STORE_READ);
    struct store_project project;
    assert_int_equal(store_project_get(f->tx, &t.organization, &t.project, &f->arena, &project),
                     STATUS_OK);
    store_tx_rollback(&f->tx);
    assert_int_equal(restore(f, bytes, len, true), STATUS_OK);
    free(bytes);
}

static void test_another_master_key(void **state) {
    struct fixture *f = *state;
    struct fixture other;
    char *bytes = NULL;
    (void)fill(f);
    size_t len = back_up(f, &bytes);
    fixture_make(&other);
    assert_int_equal(fixture_open(&other), STATUS_OK);
    fixture_begin(&other, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(&other, "Other", "other.example.net", 2);
    fixture_commit(&other);
    assert_int_equal(restore(&other, bytes, len, true), STATUS_DENIED);
    assert_string_equal(other.why.slug, "master_key_wrong");
    struct store_project project;
    fixture_begin(&other, STORE_READ);
    assert_int_equal(
        store_project_get(other.tx, &t.organization, &t.project, &other.arena, &project),
        STATUS_OK);
    store_tx_rollback(&other.tx);
    store_close(&other.store);
    fixture_remove(&other);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_into_an_empty_place, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_under_a_running_store, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_in_clear, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_refused_whole, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_another_master_key, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
