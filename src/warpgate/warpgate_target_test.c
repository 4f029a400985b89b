#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "warpgate/warpgate_target.h"

static void test_targets_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *name;
        const char *shown;
    } cases[] = {
        {"localhost:8080", "default", "localhost:8080"},
        {"app:80", "default", "app:80"},
        {"api=127.0.0.1:9000", "api", "127.0.0.1:9000"},
        {"[::1]:8080", "default", "[::1]:8080"},
        {"v6=http://[::1]:8080/", "v6", "[::1]:8080"},
        {"http://app", "default", "app:80"},
        {"http://app:8080/", "default", "app:8080"},
        {"https://app", "default", "https://app:443"},
        {"tls=https://app.example.net:8443/", "tls", "https://app.example.net:8443"},
        {"https://[::1]:8443", "default", "https://[::1]:8443"},
        {"h2c://app", "default", "h2c://app:80"},
        {"grpc=h2c://127.0.0.1:50051", "grpc", "h2c://127.0.0.1:50051"},
        {"unix:/run/app.sock", "default", "unix:/run/app.sock"},
        {"web-2=unix:/run/a=b.sock", "web-2", "unix:/run/a=b.sock"},
        {"unix:/run/a=b.sock", "default", "unix:/run/a=b.sock"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct warpgate_target target;
        assert_int_equal(warpgate_target_parse(str_from(cases[i].text), &target, NULL), STATUS_OK);
        assert_string_equal(target.name, cases[i].name);
        assert_string_equal(target.text, cases[i].shown);
    }
}

static void test_what_a_target_means(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum warpgate_target_kind kind;
        const char *authority;
    } cases[] = {
        {"localhost:8080", WARPGATE_TARGET_HTTP, "localhost:8080"},
        {"http://[::1]", WARPGATE_TARGET_HTTP, "[::1]:80"},
        {"https://app", WARPGATE_TARGET_HTTPS, "app:443"},
        {"h2c://app:50051", WARPGATE_TARGET_H2C, "app:50051"},
        {"unix:/run/app.sock", WARPGATE_TARGET_UNIX, "localhost"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct warpgate_target target;
        assert_int_equal(warpgate_target_parse(str_from(cases[i].text), &target, NULL), STATUS_OK);
        assert_int_equal(target.kind, cases[i].kind);
        assert_string_equal(target.authority, cases[i].authority);
    }
}

static void test_wrong_targets_name_the_fix(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *slug;
    } cases[] = {
        {"", "upstream_target"},
        {"localhost", "upstream_target"},
        {"localhost:0", "upstream_target"},
        {"localhost:99999", "upstream_target"},
        {"localhost:80/path", "upstream_target"},
        {"http://app/path", "upstream_target"},
        {"http://", "upstream_target"},
        {"http://user@app:80", "upstream_target"},
        {"ftp://app:80", "upstream_target"},
        {"unix:run/app.sock", "upstream_target"},
        {"unix:", "upstream_target"},
        {"https://", "upstream_target"},
        {"https://app/path", "upstream_target"},
        {"https://user@app", "upstream_target"},
        {"a=h2c://app:0", "upstream_target"},
        {"h2c://", "upstream_target"},
        {"h2://app", "upstream_target"},
        {"=app:80", "upstream_name"},
        {"A=app:80", "upstream_name"},
        {"a b=app:80", "upstream_name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct warpgate_target target;
        struct why why = {.slug = ""};
        assert_int_equal(warpgate_target_parse(str_from(cases[i].text), &target, &why),
                         STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
        assert_non_null(strstr(why.text, "--upstream"));
    }
}

static void test_a_long_unix_path_is_refused(void **state) {
    (void)state;
    struct warpgate_target target;
    char text[256] = "unix:/";
    memset(text + 6, 'a', WARPGATE_TARGET_PATH_SIZE - 2);
    assert_int_equal(warpgate_target_parse(str_from(text), &target, NULL), STATUS_OK);
    text[strlen(text)] = 'b';
    assert_int_equal(warpgate_target_parse(str_from(text), &target, NULL), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_are_read),
        cmocka_unit_test(test_what_a_target_means),
        cmocka_unit_test(test_wrong_targets_name_the_fix),
        cmocka_unit_test(test_a_long_unix_path_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
