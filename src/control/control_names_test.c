#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/control_names.h"

#define DOMAIN STR("example.net")

static void test_first_and_other_environments(void **state) {
    char out[CONTROL_NAMES_HOST_SIZE];
    struct why why;
    (void)state;
    assert_int_equal(
        control_names_hostname(DOMAIN, STR("shop"), STR("production"), true, out, &why), STATUS_OK);
    assert_string_equal(out, "shop.example.net");
    assert_int_equal(control_names_hostname(DOMAIN, STR("shop"), STR("staging"), false, out, &why),
                     STATUS_OK);
    assert_string_equal(out, "shop-staging.example.net");
}

static void test_reserved_names(void **state) {
    static const char *const names[] = {"api", "edge",      "console",
                                        "www", "localhost", "xn--bcher-kva"};
    char out[CONTROL_NAMES_HOST_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct why why;
        assert_int_equal(
            control_names_hostname(DOMAIN, str_from(names[i]), STR("x"), true, out, &why),
            STATUS_INVALID);
        assert_string_equal(why.slug, "name_invalid");
    }
    struct why why;
    assert_int_equal(control_names_hostname(DOMAIN, STR("xn"), STR("-x"), false, out, &why),
                     STATUS_INVALID);
    assert_int_equal(control_names_hostname(DOMAIN, STR("api"), STR("x"), false, out, &why),
                     STATUS_OK);
}

static void test_labels_that_are_too_long(void **state) {
    char name[41];
    char out[CONTROL_NAMES_HOST_SIZE];
    struct why why;
    (void)state;
    memset(name, 'a', 40);
    name[40] = '\0';
    assert_int_equal(control_names_hostname(DOMAIN, str_from(name), STR("22-characters-and-more"),
                                            false, out, &why),
                     STATUS_OK);
    assert_int_equal(control_names_hostname(DOMAIN, str_from(name), STR("23-characters-and-morex"),
                                            false, out, &why),
                     STATUS_INVALID);
    assert_string_equal(why.slug, "name_invalid");
}

static void test_domains(void **state) {
    static const char *const good[] = {"mezusphere.localhost", "example.net", "a.b.c.example"};
    static const char *const bad[] = {
        "",     "localhost",    "Example.net",     "example.net.", "127.0.0.1",
        "a..b", "exa mple.net", "example.net:443", "[::1]",        "*.example.net"};
    struct why why;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(control_names_check_domain(str_from(good[i]), &why), STATUS_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(control_names_check_domain(str_from(bad[i]), &why), STATUS_INVALID);
        assert_string_equal(why.slug, "domain_invalid");
    }
}

static void test_urls(void **state) {
    char out[CONTROL_NAMES_URL_SIZE];
    (void)state;
    control_names_url(STR("shop.example.net"), 443, out);
    assert_string_equal(out, "https://shop.example.net");
    control_names_url(STR("shop.example.net"), 8443, out);
    assert_string_equal(out, "https://shop.example.net:8443");
}

static void test_what_the_wildcard_covers(void **state) {
    (void)state;
    assert_true(control_names_is_covered(DOMAIN, STR("shop.example.net")));
    assert_false(control_names_is_covered(DOMAIN, STR("a.shop.example.net")));
    assert_false(control_names_is_covered(DOMAIN, STR("example.net")));
    assert_false(control_names_is_covered(DOMAIN, STR(".example.net")));
    assert_false(control_names_is_covered(DOMAIN, STR("shop.example.org")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_other_environments),
        cmocka_unit_test(test_reserved_names),
        cmocka_unit_test(test_labels_that_are_too_long),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_what_the_wildcard_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
