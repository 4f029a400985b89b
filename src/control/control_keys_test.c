/* control_keys_test.c: what signs and seals is made once and found again, through starts of a whole control plane. */
#include "control/control_keys.h"

#include <string.h>
#include <sys/stat.h>

#include "control/control_test_kit.h"
#include "store/store_setting.h"

static size_t read_root(struct kit *kit, char *out, size_t size) {
    char path[128];
    snprintf(path, sizeof(path), "%s/ca.pem", kit->folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, size, file);
    fclose(file);
    return len;
}

static void expect_root(struct kit *kit) {
    char pem[8192];
    size_t len = read_root(kit, pem, sizeof(pem));
    assert_true(str_eq(str_make(pem, len), control_trust_anchors(kit->control)));
}

static void restart(struct kit *kit) {
    control_free(&kit->control);
    kit_open(kit);
}

static void test_a_second_start_finds_them(void **state) {
    struct kit *kit = *state;
    uint8_t cursor_key[CONTROL_CURSOR_KEY_BYTES];
    char root[8192];
    char jwks[8192];
    expect_root(kit);
    memcpy(cursor_key, kit->control->cursor_key, sizeof(cursor_key));
    snprintf(root, sizeof(root), "%.*s", STR_ARG(control_trust_anchors(kit->control)));
    snprintf(jwks, sizeof(jwks), "%.*s", STR_ARG(buf_str(&kit->control->bundle_jwks)));
    assert_true(strlen(jwks) > 0);
    restart(kit);
    assert_memory_equal(cursor_key, kit->control->cursor_key, sizeof(cursor_key));
    assert_true(str_eq(control_trust_anchors(kit->control), str_from(root)));
    assert_true(str_eq(buf_str(&kit->control->bundle_jwks), str_from(jwks)));
}

/* Missing, cut or another's: the file is what clients trust, and it is the store that knows. */
static void test_the_root_is_written_anew(void **state) {
    struct kit *kit = *state;
    char path[128];
    struct stat before;
    struct stat after;
    snprintf(path, sizeof(path), "%s/ca.pem", kit->folder);
    assert_int_equal(unlink(path), 0);
    restart(kit);
    expect_root(kit);
    assert_int_equal(truncate(path, 10), 0);
    restart(kit);
    expect_root(kit);
    /* What is right already is left alone. */
    assert_int_equal(stat(path, &before), 0);
    restart(kit);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(after.st_mode & 0777, 0644);
}

/* Last: it leaves no control plane behind that starts. */
static void test_what_cannot_be_read_stops_the_start(void **state) {
    struct kit *kit = *state;
    struct store_tx *tx = NULL;
    struct why why = {0};
    struct control *none = NULL;
    const struct control_config config = {
        .loop = kit->loop,
        .data_folder = kit->folder,
        .domain = KIT_DOMAIN,
        .public_address = "edge." KIT_DOMAIN ":8443",
    };
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_setting_set(tx, STR("cursor_key"), STR("short")), STATUS_OK);
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    control_free(&kit->control);
    assert_int_equal(control_new(&config, &none, &why), STATUS_INVALID);
    assert_null(none);
    assert_string_equal(why.slug, "data_corrupt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_start_finds_them),
        cmocka_unit_test(test_the_root_is_written_anew),
        cmocka_unit_test(test_what_cannot_be_read_stops_the_start),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
