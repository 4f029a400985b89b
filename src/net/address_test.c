#include "net/address.h"

#include "net/net_test_kit.h"

struct split_case {
    const char *text;
    uint16_t default_port;
    const char *host; /* NULL: refused */
    uint16_t port;
};

static const struct split_case split_cases[] = {
    {"localhost:8080", 0, "localhost", 8080},
    {"10.0.0.1:1", 0, "10.0.0.1", 1},
    {"[::1]:443", 0, "::1", 443},
    {"[2001:db8::1]", 443, "2001:db8::1", 443},
    {"example.com", 443, "example.com", 443},
    {"example.com:65535", 443, "example.com", 65535},
    {"a:0", 0, "a", 0},
    {"example.com", 0, NULL, 0},
    {"", 443, NULL, 0},
    {":80", 0, NULL, 0},
    {"host:", 443, NULL, 0},
    {"host:65536", 0, NULL, 0},
    {"host:-1", 0, NULL, 0},
    {"host:8 0", 0, NULL, 0},
    {"::1:443", 0, NULL, 0},
    {"[::1:443", 0, NULL, 0},
    {"[::1]443", 0, NULL, 0},
    {"[]:443", 0, NULL, 0},
    {"[host]:443", 0, NULL, 0},
    {"http://host:80", 0, NULL, 0},
    {"user@host:80", 0, NULL, 0},
    {"ho st:80", 0, NULL, 0},
    {"host:80:90", 0, NULL, 0},
};

static void test_split(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(split_cases) / sizeof(split_cases[0]); i++) {
        const struct split_case *c = &split_cases[i];
        char host[ADDRESS_HOST_SIZE];
        uint16_t port;
        struct why why = {0};
        enum status status = address_split(str_from(c->text), c->default_port, host, &port, &why);
        if (c->host == NULL) {
            assert_int_equal(status, STATUS_INVALID);
            assert_true(why.slug[0] != '\0' && why.text[0] != '\0');
            continue;
        }
        assert_int_equal(status, STATUS_OK);
        assert_string_equal(host, c->host);
        assert_int_equal(port, c->port);
    }
}

static void test_split_bounds_the_host(void **state) {
    (void)state;
    char text[400];
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    memset(text, 'a', sizeof(text));
    assert_int_equal(address_split(str_make(text, 256), 1, host, &port, NULL), STATUS_INVALID);
    assert_int_equal(address_split(str_make(text, 255), 1, host, &port, NULL), STATUS_OK);
}

static void test_what_to_listen_on(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *wanted; /* NULL: refused */
    } cases[] = {
        {"127.0.0.1:0", "127.0.0.1:0"},
        {"[::1]:8443", "[::1]:8443"},
        {"LocalHost:80", "127.0.0.1:80"},
        {"no.ip.here:80", NULL},
        {"127.0.0.1", NULL},
        {"127.0.0.1:65536", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        struct why why = {0};
        char text[ADDRESS_TEXT_SIZE];
        enum status status = address_parse_listen(str_from(cases[i].text), &address, &why);
        assert_int_equal(status, cases[i].wanted == NULL ? STATUS_INVALID : STATUS_OK);
        if (cases[i].wanted == NULL) {
            assert_true(why.slug[0] != '\0' && why.text[0] != '\0');
            continue;
        }
        address_text(&address, text);
        assert_string_equal(text, cases[i].wanted);
    }
}

static void check_texts(const char *ip, const char *ip_text, const char *text) {
    struct address address;
    char out[ADDRESS_TEXT_SIZE];
    assert_int_equal(address_from_ip(str_from(ip), 443, &address), STATUS_OK);
    address_ip(&address, out);
    assert_string_equal(out, ip_text);
    address_text(&address, out);
    assert_string_equal(out, text);
    assert_int_equal(address_port(&address), 443);
}

static void test_texts(void **state) {
    (void)state;
    struct address address;
    check_texts("192.0.2.1", "192.0.2.1", "192.0.2.1:443");
    check_texts("2001:DB8::1", "2001:db8::1", "[2001:db8::1]:443");
    check_texts("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:443");
    check_texts("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:443");
    assert_int_equal(address_from_ip(STR("localhost"), 1, &address), STATUS_INVALID);
    assert_int_equal(address_from_ip(STR("1.2.3"), 1, &address), STATUS_INVALID);
    assert_int_equal(address_from_ip(STR("1.2.3.4 "), 1, &address), STATUS_INVALID);
    assert_int_equal(address_from_ip(STR(""), 1, &address), STATUS_INVALID);
}

struct answer {
    bool is_there;
    enum status status;
    char texts[ADDRESS_RESULTS_MAX][ADDRESS_TEXT_SIZE];
    size_t count;
    struct why why;
};

static void on_found(void *context, enum status status, const struct address *results, size_t count,
                     const struct why *why) {
    struct answer *answer = context;
    assert_false(answer->is_there);
    answer->is_there = true;
    answer->status = status;
    answer->count = count;
    answer->why = *why;
    for (size_t i = 0; i < count; i++) {
        address_text(&results[i], answer->texts[i]);
    }
}

static struct answer look_up(struct loop *loop, const char *host) {
    struct answer answer = {0};
    address_lookup_start(loop, host, 8443, on_found, &answer);
    assert_false(answer.is_there);
    kit_until_true(loop, &answer.is_there);
    return answer;
}

static void test_localhost_is_loopback_without_a_query(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    const char *names[] = {"localhost", "LocalHost.", "api.localhost", "a.b.LOCALHOST"};
    for (size_t i = 0; i < 4; i++) {
        struct answer answer = look_up(loop, names[i]);
        assert_int_equal(answer.status, STATUS_OK);
        assert_int_equal(answer.count, 2);
        assert_string_equal(answer.texts[0], "127.0.0.1:8443");
        assert_string_equal(answer.texts[1], "[::1]:8443");
    }
    kit_loop_free(loop);
}

static void test_numbers_resolve_to_themselves(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct answer answer = look_up(loop, "192.0.2.1");
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.texts[0], "192.0.2.1:8443");
    answer = look_up(loop, "::1");
    assert_string_equal(answer.texts[0], "[::1]:8443");
    kit_loop_free(loop);
}

static void test_what_cannot_be_a_name_is_said_to_be(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    char name[300];
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    struct answer answer = look_up(loop, name);
    assert_int_equal(answer.status, STATUS_UNAVAILABLE);
    assert_string_equal(answer.why.slug, "name_unresolved");
    kit_loop_free(loop);
}

static void test_cancelled_lookups_stay_silent(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct answer answer = {0};
    address_lookup_cancel(address_lookup_start(loop, "localhost", 1, on_found, &answer));
    address_lookup_cancel(address_lookup_start(loop, "name.invalid", 1, on_found, &answer));
    kit_run_for(loop, 5);
    assert_false(answer.is_there);
    kit_loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_bounds_the_host),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_what_to_listen_on),
        cmocka_unit_test(test_localhost_is_loopback_without_a_query),
        cmocka_unit_test(test_numbers_resolve_to_themselves),
        cmocka_unit_test(test_what_cannot_be_a_name_is_said_to_be),
        cmocka_unit_test(test_cancelled_lookups_stay_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
