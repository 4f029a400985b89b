#include "http/http_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void each_byte_is_judged(void **state) {
    (void)state;
    static const char tchars[] = "!#$%&'*+-.^_`|~";
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        struct str one = str_make(&byte, 1);
        bool is_upper = c >= 'A' && c <= 'Z';
        bool is_token = (c != 0 && strchr(tchars, (int)c) != NULL) || (c >= '0' && c <= '9') ||
                        is_upper || (c >= 'a' && c <= 'z');
        assert_int_equal(http_check_token(one), is_token);
        assert_int_equal(http_check_lower_token(one), is_token && !is_upper);
        char text[20] = "/2345678?234567";
        for (size_t at = 1; at < 15; at++) {
            char kept = text[at];
            text[at] = byte;
            assert_int_equal(http_check_target(str_make(text, 15)),
                             c > 0x20 && c < 0x7f && c != '#');
            bool is_edge = at == 14 && (c == ' ' || c == '\t');
            assert_int_equal(http_check_value(str_make(text, 15)),
                             ((c >= 0x20 && c != 0x7f) || c == '\t') && !is_edge);
            text[at] = kept;
        }
    }
}

/* A bad byte is found wherever it stands, however long the text is, and its neighbours count for nothing. */
static void finds_one_byte_at_every_place(void **state) {
    (void)state;
    for (size_t len = 1; len <= 70; len++) {
        char text[72];
        memset(text, '\n', sizeof(text));
        memset(text + 1, 'a', len);
        assert_true(http_check_value(str_make(text + 1, len)));
        assert_true(http_check_lower_token(str_make(text + 1, len)));
        for (size_t at = 1; at <= len; at++) {
            static const char bad[] = {'\0', '\n', '\x1f', '\x7f'};
            for (size_t i = 0; i < sizeof(bad); i++) {
                text[at] = bad[i];
                assert_false(http_check_value(str_make(text + 1, len)));
                assert_false(http_check_lower_token(str_make(text + 1, len)));
            }
            text[at] = 'A';
            assert_false(http_check_lower_token(str_make(text + 1, len)));
            text[at] = '~';
            assert_true(http_check_lower_token(str_make(text + 1, len)));
            text[at] = '\x80';
            assert_true(http_check_value(str_make(text + 1, len)));
            assert_false(http_check_lower_token(str_make(text + 1, len)));
            text[at] = 'a';
        }
    }
}

static void edges(void **state) {
    (void)state;
    assert_false(http_check_token(STR("")));
    assert_false(http_check_lower_token(STR("")));
    assert_true(http_check_value(STR("")));
    assert_false(http_check_value(STR(" a")));
    assert_false(http_check_value(STR("\ta")));
    assert_false(http_check_value(STR(" ")));
    assert_true(http_check_value(STR("a\t b, c\t\td and more of it")));
    assert_false(http_check_value(STR("a\t b, c\t\td and\nmore of it")));
    assert_true(http_check_target(STR("*")));
    assert_true(http_check_target(STR("/")));
    assert_false(http_check_target(STR("")));
    assert_false(http_check_target(STR("x")));
    assert_false(http_check_target(STR("**")));
    assert_false(http_check_target(STR("?x")));
}

static void authorities(void **state) {
    (void)state;
    static const char *const good[] = {"a",        "A.example",   "a.example:8443",  "127.0.0.1:80",
                                       "[::1]",    "[::1]:443",   "[fe80::1.2.3.4]", "a%20b",
                                       "xn--p1ai", "a_b.example", "a.example.",      "a:0"};
    static const char *const bad[] = {
        "",     "u@a", "u:p@a", "a b",   "a:",     "a:x",    "a:70000",  "a:1:2", ":80",
        "[::1", "[]",  "[1]",   "::1",   "[::1]x", "[::1]:", "a/b",      "a?b",   "a#b",
        "a\\b", "a%2", "a%zz",  "[::g]", "a,b\n",  "a:+80",  "a:000080", "a\x80"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!http_check_authority(str_from(good[i]))) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (http_check_authority(str_from(bad[i]))) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    assert_true(http_check_authority(str_make(longest, HTTP_AUTHORITY_BYTES_MAX)));
    assert_false(http_check_authority(str_make(longest, HTTP_AUTHORITY_BYTES_MAX + 1)));
}

static void lengths(void **state) {
    (void)state;
    uint64_t length = 1;
    assert_int_equal(http_check_length(STR("0"), &length), STATUS_OK);
    assert_int_equal(length, 0);
    assert_int_equal(http_check_length(STR("9223372036854775807"), &length), STATUS_OK);
    assert_true(length == (uint64_t)INT64_MAX);
    static const char *const bad[] = {
        "",  "+1", "-1", "0x10", "1,1", "1 ", " 1", "9223372036854775808", "18446744073709551617",
        "1a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(http_check_length(str_from(bad[i]), &length), STATUS_INVALID);
    }
}

static void names(void **state) {
    (void)state;
    static const char *const hop[] = {
        "connection",     "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
        "http2-settings", "te"};
    for (size_t i = 0; i < sizeof(hop) / sizeof(hop[0]); i++) {
        assert_true(http_check_is_hop_by_hop(str_from(hop[i])));
        assert_false(http_check_may_be_trailer(str_from(hop[i])));
    }
    assert_false(http_check_is_hop_by_hop(STR("host")));
    assert_false(http_check_is_hop_by_hop(STR("content-length")));
    assert_true(http_check_may_be_trailer(STR("grpc-status")));
    assert_true(http_check_may_be_trailer(STR("digest")));
    assert_false(http_check_may_be_trailer(STR("content-length")));
    assert_false(http_check_may_be_trailer(STR("host")));
    assert_false(http_check_may_be_trailer(STR("authorization")));
    assert_false(http_check_may_be_trailer(STR("www-authenticate")));
}

struct head_case {
    const char *slug; /* NULL: accepted */
    const char *method, *scheme, *authority, *path;
    const char *name, *value;
    const char *name2, *value2;
};

static const struct head_case requests[] = {
    {NULL, "GET", "https", "a", "/", "accept", "*/*"},
    {NULL, "QUERY", "https", "a", "/", "content-length", "3"},
    {NULL, "GET", "https", "a", "/", "host", "A"},
    {NULL, "GET", "https", "", "/", "host", "a"},
    {NULL, "OPTIONS", "https", "a", "*", "x", ""},
    {"host", "GET", "https", "a", "/", "host", "b"},
    {"host", "GET", "https", "a", "/", "host", "a", "host", "a"},
    {"host", "GET", "https", "", "/", "x", "y"},
    {"host", "GET", "https", "u@a", "/", "x", "y"},
    {"method", "", "https", "a", "/", "x", "y"},
    {"method", "G ET", "https", "a", "/", "x", "y"},
    {"method", "GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG", "https", "a", "/", "x", "y"},
    {"scheme", "GET", "ftp", "a", "/", "x", "y"},
    {"target", "GET", "https", "a", "", "x", "y"},
    {"target", "GET", "https", "a", "x", "x", "y"},
    {"target", "GET", "https", "a", "*", "x", "y"},
    {"target", "GET", "https", "a", "/ HTTP/1.1", "x", "y"},
    {"field_name", "GET", "https", "a", "/", "Accept", "y"},
    {"field_name", "GET", "https", "a", "/", "", "y"},
    {"field_name", "GET", "https", "a", "/", "x y", "y"},
    {"field_name", "GET", "https", "a", "/", "x:y", "y"},
    {"field_name", "GET", "https", "a", "/", ":x", "y"},
    {"field_value", "GET", "https", "a", "/", "x", "a\r\nb: c"},
    {"field_value", "GET", "https", "a", "/", "x", " a"},
    {"connection_field", "GET", "https", "a", "/", "transfer-encoding", "chunked"},
    {"connection_field", "GET", "https", "a", "/", "connection", "close"},
    {"content_length", "GET", "https", "a", "/", "content-length", "+3"},
    {"content_length", "GET", "https", "a", "/", "content-length", "3", "content-length", "3"},
};

static void request_heads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const struct head_case *c = &requests[i];
        struct arena arena;
        struct why why = {0};
        arena_init(&arena);
        struct http_head head = {.method = str_from(c->method),
                                 .scheme = str_from(c->scheme),
                                 .authority = str_from(c->authority),
                                 .path = str_from(c->path)};
        http_fields_add(&head.fields, &arena, str_from(c->name), str_from(c->value));
        if (c->name2 != NULL) {
            http_fields_add(&head.fields, &arena, str_from(c->name2), str_from(c->value2));
        }
        enum status status = http_check_request(&head, &why);
        if (status != (c->slug == NULL ? STATUS_OK : STATUS_INVALID)) {
            fail_msg("request %zu: %s %s", i, status_name(status), why.slug);
        }
        if (c->slug != NULL) {
            assert_string_equal(why.slug, c->slug);
        } else {
            assert_null(http_fields_get(&head.fields, STR("host")));
            assert_true(head.authority.len > 0);
            assert_int_equal(head.has_content_length, strcmp(c->name, "content-length") == 0);
        }
        arena_fini(&arena);
    }
}

static void response_heads(void **state) {
    (void)state;
    struct why why;
    struct http_head head = {.status = 200};
    assert_int_equal(http_check_response(&head, &why), STATUS_OK);
    static const unsigned bad[] = {0, 99, 101, 600, 1000};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        head.status = bad[i];
        assert_int_equal(http_check_response(&head, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "status");
    }
    struct http_field field = {STR("Set-Cookie"), STR("a=b")};
    head = (struct http_head){.status = 200, .fields = {&field, 1, 1}};
    assert_int_equal(http_check_response(&head, &why), STATUS_INVALID);
    field.name = STR("content-length");
    field.value = STR("12");
    assert_int_equal(http_check_response(&head, NULL), STATUS_OK);
    assert_true(head.has_content_length);
    assert_int_equal(head.content_length, 12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_judged),
        cmocka_unit_test(finds_one_byte_at_every_place),
        cmocka_unit_test(edges),
        cmocka_unit_test(authorities),
        cmocka_unit_test(lengths),
        cmocka_unit_test(names),
        cmocka_unit_test(request_heads),
        cmocka_unit_test(response_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
