#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli_profile.h"

static char folder[64];
static struct why why;

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/cli-profile-XXXXXX");
    return mkdtemp(folder) != NULL && setenv("XDG_CONFIG_HOME", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void test_round(void **state) {
    struct cli_profile profile = {.url = STR("https://api.example.net"), .ca_pem = STR("PEM\n")};
    struct cli_profile loaded;
    struct arena arena;
    struct stat stat_of;
    char path[CLI_PROFILE_PATH_SIZE];
    (void)state;
    arena_init(&arena);
    secret_init(&profile.token);
    assert_int_equal(secret_set(&profile.token, STR("s3cret")), STATUS_OK);
    assert_int_equal(cli_profile_load(&loaded, &arena, &why), STATUS_OK);
    assert_int_equal(loaded.url.len, 0);
    assert_int_equal(cli_profile_save(&profile, &why), STATUS_OK);
    assert_int_equal(cli_profile_load(&loaded, &arena, &why), STATUS_OK);
    assert_true(str_eq(loaded.url, profile.url));
    assert_true(str_eq(loaded.ca_pem, profile.ca_pem));
    assert_true(str_eq(secret_str(&loaded.token), STR("s3cret")));
    assert_int_equal(loaded.organization.len, 0);
    assert_int_equal(cli_profile_path(path, &why), STATUS_OK);
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0600);
    assert_int_equal(cli_profile_remove(&why), STATUS_OK);
    assert_int_equal(cli_profile_remove(&why), STATUS_OK);
    assert_int_not_equal(stat(path, &stat_of), 0);
    secret_fini(&loaded.token);
    secret_fini(&profile.token);
    arena_fini(&arena);
}

static void test_malformed(void **state) {
    static const char *const texts[] = {"", "[]", "{\"url\":1}", "{\"other\":\"x\"}",
                                        "{\"url\":\"x\""};
    struct cli_profile empty = {.url = STR("https://x")};
    struct cli_profile loaded;
    struct arena arena;
    char path[CLI_PROFILE_PATH_SIZE];
    (void)state;
    arena_init(&arena);
    assert_int_equal(cli_profile_save(&empty, &why), STATUS_OK);
    assert_int_equal(cli_profile_path(path, &why), STATUS_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(texts[i], file);
        (void)fclose(file);
        assert_int_equal(cli_profile_load(&loaded, &arena, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "profile_malformed");
        secret_fini(&loaded.token);
    }
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
