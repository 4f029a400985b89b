#include "policy/canonical_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-"
#define LABEL_61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61

struct host_case {
    struct str authority;
    const char *host; /* NULL: refused */
    const char *slug;
};

static const struct host_case cases[] = {
    {STR_INIT("example.com"), "example.com", NULL},
    {STR_INIT("EXAMPLE.Com"), "example.com", NULL},
    {STR_INIT("example.com."), "example.com", NULL},
    {STR_INIT("example.com:443"), "example.com", NULL},
    {STR_INIT("example.com.:8443"), "example.com", NULL},
    {STR_INIT("a_b.x-y.localhost:0"), "a_b.x-y.localhost", NULL},
    {STR_INIT("a:65535"), "a", NULL},
    {STR_INIT("127.0.0.1:8443"), "127.0.0.1", NULL},
    {STR_INIT("[::1]"), "[::1]", NULL},
    {STR_INIT("[2001:DB8::1]:443"), "[2001:db8::1]", NULL},
    {STR_INIT("1.example"), "1.example", NULL},
    {STR_INIT("0x.example"), "0x.example", NULL},
    {STR_INIT("a.0xyz"), "a.0xyz", NULL},
    {STR_INIT(LABEL_63), LABEL_63, NULL},
    {STR_INIT(NAME_253), NAME_253, NULL},
    {STR_INIT(NAME_253 "."), NAME_253, NULL},
    {STR_INIT(NAME_253 ".:65535"), NAME_253, NULL},
    {STR_INIT(""), NULL, "host_empty"},
    {STR_INIT(":443"), NULL, "host_empty"},
    {STR_INIT("."), NULL, "host_label"},
    {STR_INIT("a..b"), NULL, "host_label"},
    {STR_INIT("a.."), NULL, "host_label"},
    {STR_INIT(".a"), NULL, "host_label"},
    {STR_INIT("a b"), NULL, "host_label"},
    {STR_INIT("a\0b"), NULL, "host_label"},
    {STR_INIT("user@a"), NULL, "host_label"},
    {STR_INIT("a/b"), NULL, "host_label"},
    {STR_INIT("*.a"), NULL, "host_label"},
    {STR_INIT("caf\xc3\xa9"), NULL, "host_label"},
    {STR_INIT("a%2eb"), NULL, "host_label"},
    {STR_INIT(LABEL_63 "x"), NULL, "host_label"},
    {STR_INIT(NAME_253 "x"), NULL, "host_too_long"},
    {STR_INIT(NAME_253 ".x"), NULL, "host_too_long"},
    {STR_INIT(NAME_253 "." NAME_253), NULL, "host_too_long"},
    {STR_INIT("1.2.3"), NULL, "host_address"},
    {STR_INIT("256.1.1.1"), NULL, "host_address"},
    {STR_INIT("2130706433"), NULL, "host_address"},
    {STR_INIT("0177.0.0.1"), NULL, "host_address"},
    {STR_INIT("a.0x7f"), NULL, "host_address"},
    {STR_INIT("[::1"), NULL, "host_address"},
    {STR_INIT("[]"), NULL, "host_address"},
    {STR_INIT("[1.2.3.4]"), NULL, "host_address"},
    {STR_INIT("[::1%25eth0]"), NULL, "host_address"},
    {STR_INIT("[::1\0]"), NULL, "host_address"},
    {STR_INIT("[::1]x"), NULL, "host_port"},
    {STR_INIT("[::1]:"), NULL, "host_port"},
    {STR_INIT("a:"), NULL, "host_port"},
    {STR_INIT("a:65536"), NULL, "host_port"},
    {STR_INIT("a:000443"), NULL, "host_port"},
    {STR_INIT("a:+1"), NULL, "host_port"},
    {STR_INIT("a:4 "), NULL, "host_port"},
    {STR_INIT("a:1:2"), NULL, "host_port"},
};

static void reads_each_case(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[CANONICAL_HOST_SIZE] = "";
        struct why why = {0};
        enum status status = canonical_host(cases[i].authority, host, &why);
        print_message("%.*s\n", STR_ARG(cases[i].authority));
        assert_int_equal(status, cases[i].host != NULL ? STATUS_OK : STATUS_INVALID);
        if (cases[i].host != NULL) {
            assert_string_equal(host, cases[i].host);
        } else {
            assert_string_equal(why.slug, cases[i].slug);
        }
    }
}

static void checks_names(void **state) {
    static const struct {
        struct str name;
        const char *slug; /* NULL: passes */
    } names[] = {
        {STR_INIT("demo.example.net"), NULL},
        {STR_INIT("localhost"), NULL},
        {STR_INIT("Demo.example.net"), "host_not_canonical"},
        {STR_INIT("demo.example.net."), "host_not_canonical"},
        {STR_INIT("demo.example.net:443"), "host_not_canonical"},
        {STR_INIT("127.0.0.1"), "host_is_address"},
        {STR_INIT("[::1]"), "host_is_address"},
        {STR_INIT("a..b"), "host_label"},
        {STR_INIT(""), "host_empty"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct why why = {0};
        enum status status = canonical_host_check_name(names[i].name, &why);
        assert_int_equal(status, names[i].slug == NULL ? STATUS_OK : STATUS_INVALID);
        assert_string_equal(why.slug, names[i].slug == NULL ? "" : names[i].slug);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_case),
        cmocka_unit_test(checks_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
