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
    return store_master_key_file(f->folder, random_system(), may_make, key, &f->why);
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
    assert_int_equal(store_master_key_file("/proc/self/nowhere", random_system(), true, key, &why),
                     STATUS_DENIED);
    assert_string_equal(why.slug, "data_not_writable");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once),
        cmocka_unit_test(test_open_to_others_is_closed),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_nowhere_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
