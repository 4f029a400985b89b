#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "warpgate/warpgate_proxy.h"

static void test_urls(void **state) {
    (void)state;
    static const struct {
        const char *url;
        const char *host; /* NULL: refused */
        uint16_t port;
        const char *authorization;
    } cases[] = {
        {"http://proxy.example.net:3128", "proxy.example.net", 3128, ""},
        {"http://proxy.example.net:3128/", "proxy.example.net", 3128, ""},
        {"http://proxy", "proxy", 80, ""},
        {"http://[2001:db8::1]:8080", "2001:db8::1", 8080, ""},
        {"http://me:secret@proxy:1", "proxy", 1, "bWU6c2VjcmV0"},
        {"http://me:p%40ss%3a@proxy:1", "proxy", 1, "bWU6cEBzczo="},
        {"http://me:a@b@proxy:1", "proxy", 1, "bWU6YUBi"},
        {"https://proxy:443", NULL, 0, NULL},
        {"proxy:3128", NULL, 0, NULL},
        {"http://", NULL, 0, NULL},
        {"http://proxy:0", NULL, 0, NULL},
        {"http://proxy:99999", NULL, 0, NULL},
        {"http://proxy:80/path", NULL, 0, NULL},
        {"http://@proxy:80", NULL, 0, NULL},
        {"http://a%zz:b@proxy:80", NULL, 0, NULL},
        {"http://a%0d%0aX:b@proxy:80", NULL, 0, NULL},
        {"http://a%4@proxy:80", NULL, 0, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct warpgate_proxy proxy;
        struct why why = {.text = ""};
        enum status status = warpgate_proxy_parse(str_from(cases[i].url), &proxy, &why);
        assert_int_equal(status, cases[i].host != NULL ? STATUS_OK : STATUS_INVALID);
        if (cases[i].host == NULL) {
            assert_string_equal(why.slug, "proxy_url");
            assert_null(strstr(why.text, "secret"));
            continue;
        }
        assert_string_equal(proxy.host, cases[i].host);
        assert_int_equal(proxy.port, cases[i].port);
        assert_string_equal(proxy.authorization, cases[i].authorization);
        assert_true(warpgate_proxy_serves(&proxy, "localhost")); /* it was asked for */
        warpgate_proxy_fini(&proxy);
        assert_string_equal(proxy.authorization, "");
    }
}

static void test_a_user_that_is_too_long(void **state) {
    (void)state;
    char url[2000] = "http://";
    struct warpgate_proxy proxy;
    memset(url + 7, 'a', 600);
    memcpy(url + 607, ":b@proxy:1", sizeof(":b@proxy:1"));
    assert_int_equal(warpgate_proxy_parse(str_from(url), &proxy, NULL), STATUS_INVALID);
}

static void test_the_environment_has_exceptions(void **state) {
    (void)state;
    struct warpgate_proxy proxy;
    struct why why;
    (void)unsetenv("HTTPS_PROXY");
    (void)unsetenv("NO_PROXY");
    (void)unsetenv("no_proxy");
    (void)unsetenv("https_proxy");
    assert_int_equal(warpgate_proxy_from_environment(&proxy, &why), STATUS_OK);
    assert_false(warpgate_proxy_serves(&proxy, "example.net"));
    assert_false(warpgate_proxy_serves(NULL, "example.net"));
    (void)setenv("https_proxy", "http://proxy:1", 1);
    (void)setenv("NO_PROXY", "internal.example, .lan ,10.1.2.3", 1);
    assert_int_equal(warpgate_proxy_from_environment(&proxy, &why), STATUS_OK);
    static const struct {
        const char *host;
        bool is_served;
    } cases[] = {
        {"example.net", true},         {"internal.example", false},
        {"a.INTERNAL.example", false}, {"notinternal.example", true},
        {"host.lan", false},           {"lan", false},
        {"10.1.2.3", false},           {"10.1.2.30", true},
        {"localhost", false},          {"api.mezusphere.localhost", false},
        {"127.0.0.1", false},          {"::1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(warpgate_proxy_serves(&proxy, cases[i].host), cases[i].is_served);
    }
    (void)setenv("NO_PROXY", "*", 1);
    assert_int_equal(warpgate_proxy_from_environment(&proxy, &why), STATUS_OK);
    assert_false(warpgate_proxy_serves(&proxy, "example.net"));
    (void)setenv("https_proxy", "socks5://u:secret@proxy", 1);
    assert_int_equal(warpgate_proxy_from_environment(&proxy, &why), STATUS_INVALID);
    assert_null(strstr(why.text, "secret"));
}

static void test_answers(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        enum status status;
        const char *slug;
        size_t head_len;
    } cases[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n", STATUS_OK, "", 39},
        {"HTTP/1.0 200\r\nVia: x\r\n\r\nmore", STATUS_OK, "", 24},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", STATUS_OK, "", 44},
        {"HTTP/1.1 200 OK\r\nVia: x\r\n", STATUS_AGAIN, "", 0},
        {"HTT", STATUS_AGAIN, "", 0},
        {"", STATUS_AGAIN, "", 0},
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", STATUS_DENIED, "proxy_auth", 0},
        {"HTTP/1.1 403 Forbidden\r\n\r\n", STATUS_DENIED, "proxy_refused", 0},
        {"HTTP/1.1 302 Found\r\n\r\n", STATUS_DENIED, "proxy_refused", 0},
        {"SSH-2.0-OpenSSH", STATUS_INVALID, "proxy_malformed", 0},
        {"HTTP/2 200 OK\r\n\r\n", STATUS_INVALID, "proxy_malformed", 0},
        {"HTTP/1.1 2x0 OK\r\n\r\n", STATUS_INVALID, "proxy_malformed", 0},
        {"HTTP/1.1 2000 OK\r\n\r\n", STATUS_INVALID, "proxy_malformed", 0},
        {"HTTP/1.1 099 OK\r\n\r\n", STATUS_INVALID, "proxy_malformed", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct why why = {.slug = ""};
        size_t head_len;
        assert_int_equal(warpgate_proxy_judge(str_from(cases[i].answer), &head_len, &why),
                         cases[i].status);
        assert_string_equal(why.slug, cases[i].slug);
        if (cases[i].status == STATUS_OK) {
            assert_int_equal(head_len, cases[i].head_len);
        }
    }
}

static void test_a_hostile_reason_does_not_reach_the_log(void **state) {
    (void)state;
    struct why why = {.slug = ""};
    size_t head_len;
    const char *answer = "HTTP/1.1 403 a\"b\x1b[31m\nlevel=error forged\r\n\r\n";
    assert_int_equal(warpgate_proxy_judge(str_from(answer), &head_len, &why), STATUS_DENIED);
    assert_null(strchr(why.text, '"'));
    assert_null(strchr(why.text, '\n'));
    assert_null(strchr(why.text, '\x1b'));
}

static void test_an_endless_head(void **state) {
    (void)state;
    static char answer[WARPGATE_PROXY_ANSWER_MAX];
    size_t head_len;
    memset(answer, 'a', sizeof(answer));
    memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
    assert_int_equal(warpgate_proxy_judge(str_make(answer, sizeof(answer) - 1), &head_len, NULL),
                     STATUS_AGAIN);
    assert_int_equal(warpgate_proxy_judge(str_make(answer, sizeof(answer)), &head_len, NULL),
                     STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_a_user_that_is_too_long),
        cmocka_unit_test(test_the_environment_has_exceptions),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_a_hostile_reason_does_not_reach_the_log),
        cmocka_unit_test(test_an_endless_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
