#include "store/store_master_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "store/store_test_kit.h"

static void write_key(const struct fixture *f, const char *text) {
    char path[512];
    fixture_path(f, "master.key", path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static enum status fetch(struct fixture *f, bool may_make, uint8_t key[STORE_MASTER_KEY_BYTES]) {
    char path[512];
    fixture_path(f, "master.key", path);
    return store_master_key_file(path, random_system(), may_make, key, &f->why);
}

static void test_made_once(void **state) {
    (void)state;
    struct fixture f;
    struct stat info;
    char path[512];
    uint8_t first[STORE_MASTER_KEY_BYTES];
    uint8_t second[STORE_MASTER_KEY_BYTES];
    fixture_make(&f);
    assert_int_equal(fetch(&f, false, first), STATUS_NOT_FOUND);
    assert_string_equal(f.why.slug, "master_key_missing");
    assert_int_equal(fetch(&f, true, first), STATUS_OK);
    fixture_path(&f, "master.key", path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 44);
    assert_int_equal(fetch(&f, true, second), STATUS_OK);
    assert_memory_equal(first, second, sizeof(first));
    assert_int_equal(fetch(&f, false, second), STATUS_OK);
    assert_memory_equal(first, second, sizeof(first));
    fixture_remove(&f);
}

static void test_open_to_others_is_closed(void **state) {
    (void)state;
    struct fixture f;
    struct stat info;
    char path[512];
    uint8_t key[STORE_MASTER_KEY_BYTES];
    fixture_make(&f);
    assert_int_equal(fetch(&f, true, key), STATUS_OK);
    fixture_path(&f, "master.key", path);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(fetch(&f, false, key), STATUS_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    fixture_remove(&f);
}

static void test_invalid(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAA\n",
        "not a key at all, but a sentence",
    };
    struct fixture f;
    uint8_t key[STORE_MASTER_KEY_BYTES];
    fixture_make(&f);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_key(&f, texts[i]);
        assert_int_equal(fetch(&f, true, key), STATUS_INVALID);
        assert_string_equal(f.why.slug, "master_key_invalid");
        assert_null(strstr(f.why.text, "AAAA"));
    }
    fixture_remove(&f);
}

static void test_nowhere_to_write(void **state) {
    (void)state;
    uint8_t key[STORE_MASTER_KEY_BYTES];
    struct why why;
    assert_int_equal(
        store_master_key_file("/proc/self/nowhere/master.key", random_system(), true, key, &why),
        STATUS_DENIED);
    assert_string_equal(why.slug, "data_not_writable");
}

static void test_written_in_three_ways(void **state) {
    (void)state;
    static const char *const texts[] = {
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff",
    };
    uint8_t key[STORE_MASTER_KEY_BYTES];
    struct why why;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        memset(key, 0, sizeof(key));
        assert_int_equal(store_master_key_decode(str_from(texts[i]), "x", key, &why), STATUS_OK);
        assert_int_equal(key[1], 1);
        assert_int_equal(key[31], 0xff);
    }
}

static enum status fetch_from(struct store_master_key *from, bool may_make,
                              struct store_master_keys *keys, struct why *why) {
    const struct store_key_source source = store_master_key_source(from);
    *keys = (struct store_master_keys){.count = 0};
    return source.fetch(source.context, may_make, keys, why);
}

static void test_sources(void **state) {
    (void)state;
    struct fixture f;
    struct secret text;
    struct store_master_keys keys;
    char path[512];
    fixture_make(&f);
    secret_init(&text);
    fixture_path(&f, "other.key", path);
    struct store_master_key from = {.folder = f.folder, .file = path};
    assert_int_equal(fetch_from(&from, false, &keys, &f.why), STATUS_NOT_FOUND);
    assert_non_null(strstr(f.why.text, "other.key"));
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_OK);
    assert_int_equal(keys.count, 1);
    assert_int_equal(access(path, F_OK), 0);

    from = (struct store_master_key){.folder = f.folder, .text = &text};
    assert_int_equal(fetch_from(&from, false, &keys, &f.why), STATUS_NOT_FOUND); /* master.key */
    assert_int_equal(secret_set(&text, STR("too short")), STATUS_OK);
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_INVALID);
    assert_non_null(strstr(f.why.text, "MEZUSPHERE_MASTER_KEY"));
    assert_null(strstr(f.why.text, "short"));
    from.command = "true";
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_CONFLICT);
    assert_string_equal(f.why.slug, "master_key_sources");

    from = (struct store_master_key){.folder = f.folder, .command = "echo nonsense"};
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_INVALID);
    assert_string_equal(f.why.slug, "master_key_invalid");
    assert_null(strstr(f.why.text, "nonsense"));
    from.command = "exit 1";
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_FAILED);
    from.command = "echo 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_OK);
    assert_int_equal(keys.at[0][31], 0xff);
    fixture_remove(&f);
}

/* At every moment there is a key under the name. */
static void test_the_next_takes_its_place(void **state) {
    (void)state;
    struct fixture f;
    struct store_master_keys keys;
    struct store_master_keys after;
    char path[512];
    char next[520];
    uint8_t previous[STORE_MASTER_KEY_BYTES];
    fixture_make(&f);
    fixture_path(&f, "master.key", path);
    fixture_path(&f, "master.key.next", next);
    assert_int_equal(store_master_key_file(next, random_system(), true, previous, &f.why),
                     STATUS_OK);
    struct store_master_key from = {.folder = f.folder};
    assert_int_equal(fetch_from(&from, true, &keys, &f.why), STATUS_OK);
    assert_int_equal(keys.count, 2);
    store_master_key_settle(path);
    assert_int_equal(fetch_from(&from, false, &after, &f.why), STATUS_OK);
    assert_int_equal(after.count, 1);
    assert_memory_equal(after.at[0], keys.at[1], STORE_MASTER_KEY_BYTES);
    fixture_path(&f, "master.key.previous", path);
    assert_int_equal(store_master_key_file(path, random_system(), false, previous, &f.why),
                     STATUS_OK);
    assert_memory_equal(previous, keys.at[0], STORE_MASTER_KEY_BYTES);
    fixture_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once),
        cmocka_unit_test(test_open_to_others_is_closed),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_nowhere_to_write),
        cmocka_unit_test(test_written_in_three_ways),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_the_next_takes_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
