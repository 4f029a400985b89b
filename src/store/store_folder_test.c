#include "store/store_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "store/store_test_kit.h"

static void touch(const struct fixture *f, const char *name) {
    char path[512];
    fixture_path(f, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void test_made_with_parents(void **state) {
    (void)state;
    struct fixture f;
    struct store_folder folder;
    struct stat info;
    char path[STORE_FOLDER_PATH_SIZE];
    fixture_make(&f);
    fixture_path(&f, "a/b/", path);
    assert_int_equal(store_folder_open(&folder, path, &f.why), STATUS_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_false(folder.is_ready);
    assert_false(folder.has_database);
    assert_int_equal(store_folder_path(&folder, "x", path, &f.why), STATUS_OK);
    assert_true(str_ends_with(str_from(path), STR("/a/b/x")));
    store_folder_close(&folder);
    store_folder_close(&folder);
    fixture_path(&f, "a/b/mezusphere.lock", path);
    assert_int_equal(unlink(path), 0);
    fixture_path(&f, "a/b", path);
    assert_int_equal(rmdir(path), 0);
    fixture_path(&f, "a", path);
    assert_int_equal(rmdir(path), 0);
    fixture_remove(&f);
}

static void test_ready_is_kept(void **state) {
    (void)state;
    struct fixture f;
    struct store_folder folder;
    fixture_make(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_folder_open(&folder, f.folder, &f.why), STATUS_OK);
        assert_int_equal(folder.is_ready, i == 2);
        if (i == 1) {
            assert_int_equal(store_folder_set_ready(&folder, &f.why), STATUS_OK);
            assert_int_equal(store_folder_set_ready(&folder, &f.why), STATUS_OK);
        }
        store_folder_close(&folder);
    }
    fixture_remove(&f);
}

static void test_in_use_names_the_process(void **state) {
    (void)state;
    struct fixture f;
    struct store_folder first;
    struct store_folder second;
    char pid[32];
    fixture_make(&f);
    assert_int_equal(store_folder_open(&first, f.folder, &f.why), STATUS_OK);
    assert_int_equal(store_folder_open(&second, f.folder, &f.why), STATUS_CONFLICT);
    assert_string_equal(f.why.slug, "data_in_use");
    snprintf(pid, sizeof(pid), "pid %ld)", (long)getpid());
    assert_non_null(strstr(f.why.text, pid));
    assert_int_equal(second.lock, -1);
    store_folder_close(&first);
    fixture_remove(&f);
}

static void test_what_is_there(void **state) {
    (void)state;
    struct fixture f;
    struct store_folder folder;
    char path[512];
    fixture_make(&f);
    touch(&f, "other.txt");
    assert_int_equal(store_folder_open(&folder, f.folder, &f.why), STATUS_CONFLICT);
    assert_string_equal(f.why.slug, "data_not_ours");
    /* A backup that was put back: the database and whatever else, without the mark. */
    touch(&f, "store.db");
    assert_int_equal(store_folder_open(&folder, f.folder, &f.why), STATUS_OK);
    assert_true(folder.has_database);
    store_folder_close(&folder);
    fixture_path(&f, "other.txt", path);
    assert_int_equal(store_folder_open(&folder, path, &f.why), STATUS_CONFLICT);
    assert_string_equal(f.why.slug, "data_not_ours");
    fixture_remove(&f);
}

static void test_bad_paths(void **state) {
    (void)state;
    struct store_folder folder;
    struct why why;
    char path[5000];
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(store_folder_open(&folder, path, &why), STATUS_TOO_LARGE);
    assert_int_equal(store_folder_open(&folder, "", &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "data_path");
    folder = (struct store_folder){.lock = -1};
    assert_int_equal(store_folder_path(&folder, path, folder.path, &why), STATUS_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_with_parents),
        cmocka_unit_test(test_ready_is_kept),
        cmocka_unit_test(test_in_use_names_the_process),
        cmocka_unit_test(test_what_is_there),
        cmocka_unit_test(test_bad_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
