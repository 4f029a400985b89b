#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void holds_text(void **state) {
    struct secret secret;
    char text[SECRET_MAX + 1];
    (void)state;
    secret_init(&secret);
    assert_true(secret_is_empty(&secret));
    assert_int_equal(secret_set(&secret, STR("hunter2")), STATUS_OK);
    assert_true(str_eq(secret_str(&secret), STR("hunter2")));
    assert_string_equal(secret.text, "hunter2");
    assert_int_equal(secret_set(&secret, STR("hunt\0r2")), STATUS_INVALID);
    memset(text, 'a', sizeof(text));
    assert_int_equal(secret_set(&secret, str_make(text, SECRET_MAX)), STATUS_TOO_LARGE);
    assert_true(str_eq(secret_str(&secret), STR("hunter2")));
    assert_int_equal(secret_set(&secret, str_make(text, SECRET_MAX - 1)), STATUS_OK);
    assert_int_equal(secret_set(&secret, STR("x")), STATUS_OK);
    assert_int_equal(secret.text[5], 0); /* nothing of the former value is left */
    secret_fini(&secret);
    assert_true(secret_is_empty(&secret));
    for (size_t i = 0; i < sizeof(secret); i++) {
        assert_int_equal(((const char *)&secret)[i], 0);
    }
}

static void compares(void **state) {
    (void)state;
    assert_true(secret_equal("abc", 3, "abc", 3));
    assert_false(secret_equal("abc", 3, "abd", 3));
    assert_false(secret_equal("abc", 3, "Abc", 3));
    assert_false(secret_equal("abc", 3, "abcd", 4));
    assert_true(secret_equal(NULL, 0, "", 0));
}

static void wipes(void **state) {
    char text[8] = "secret!";
    (void)state;
    secret_wipe(text, sizeof(text));
    assert_memory_equal(text, "\0\0\0\0\0\0\0\0", 8);
}

static enum status read_contents(struct secret *secret, const char *contents, size_t len,
                                 struct why *why) {
    char path[] = "/tmp/mez-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, contents, len), len);
    close(fd);
    enum status status = secret_read_file(secret, path, why);
    unlink(path);
    return status;
}

static void reads_files(void **state) {
    struct secret secret;
    struct why why;
    char text[SECRET_MAX + 2];
    (void)state;
    memset(text, 'a', sizeof(text));
    secret_init(&secret);
    assert_int_equal(read_contents(&secret, "key\n", 4, &why), STATUS_OK);
    assert_string_equal(secret.text, "key");
    assert_int_equal(read_contents(&secret, "k2\r\n", 4, &why), STATUS_OK);
    assert_string_equal(secret.text, "k2");
    assert_int_equal(read_contents(&secret, " k3", 3, &why), STATUS_OK);
    assert_string_equal(secret.text, " k3");
    text[SECRET_MAX - 1] = '\n';
    assert_int_equal(read_contents(&secret, text, SECRET_MAX, &why), STATUS_OK);
    assert_int_equal(secret.len, SECRET_MAX - 1);
    secret_fini(&secret);
}

static void refuses_files(void **state) {
    struct secret secret;
    struct why why;
    char text[SECRET_MAX + 2];
    (void)state;
    memset(text, 'a', sizeof(text));
    secret_init(&secret);
    assert_int_equal(read_contents(&secret, text, SECRET_MAX, &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "secret_too_large");
    assert_int_equal(read_contents(&secret, text, SECRET_MAX + 2, &why), STATUS_TOO_LARGE);
    assert_int_equal(read_contents(&secret, "", 0, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "secret_empty");
    assert_int_equal(read_contents(&secret, "\n", 1, &why), STATUS_INVALID);
    assert_int_equal(read_contents(&secret, "hunter\n2\n", 9, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "secret_invalid");
    assert_null(strstr(why.text, "hunter"));
    assert_int_equal(read_contents(&secret, "hun\0ter", 7, &why), STATUS_INVALID);
    assert_int_equal(secret_read_file(&secret, "/nonexistent/key", &why), STATUS_NOT_FOUND);
    assert_string_equal(why.slug, "secret_file_missing");
    assert_int_equal(secret_read_file(&secret, "/", &why), STATUS_FAILED);
    assert_string_equal(why.slug, "secret_file");
    assert_int_equal(secret_read_file(&secret, "/dev/null/x", NULL), STATUS_FAILED);
    assert_true(secret_is_empty(&secret));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_text),  cmocka_unit_test(compares),      cmocka_unit_test(wipes),
        cmocka_unit_test(reads_files), cmocka_unit_test(refuses_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
