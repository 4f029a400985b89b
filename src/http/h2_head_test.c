#include "http/h2_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

#define PAIRS_MAX 8

struct list_case {
    const char *what;
    enum h2_head_kind kind;
    enum h2_head_verdict verdict;
    const char *pairs[PAIRS_MAX][2];
};

#define METHOD                                                                                     \
    { ":method", "GET" }
#define SCHEME                                                                                     \
    { ":scheme", "https" }
#define HOST                                                                                       \
    { ":authority", "a.example" }
#define PATH                                                                                       \
    { ":path", "/" }
#define CONNECT                                                                                    \
    { ":method", "CONNECT" }
#define WEBSOCKET                                                                                  \
    { ":protocol", "websocket" }
#define REQUEST METHOD, SCHEME, HOST, PATH
#define BAD H2_HEAD_MALFORMED

static const struct list_case cases[] = {
    {"plain", H2_HEAD_REQUEST, H2_HEAD_OK, {REQUEST}},
    {"any order", H2_HEAD_REQUEST, H2_HEAD_OK, {PATH, HOST, METHOD, SCHEME}},
    {"te trailers", H2_HEAD_REQUEST, H2_HEAD_OK, {REQUEST, {"te", "trailers"}}},
    {"te gzip", H2_HEAD_REQUEST, BAD, {REQUEST, {"te", "gzip"}}},
    {"host alone", H2_HEAD_REQUEST, H2_HEAD_OK, {METHOD, SCHEME, PATH, {"host", "a.example"}}},
    {"same host", H2_HEAD_REQUEST, H2_HEAD_OK, {REQUEST, {"host", "a.example"}}},
    {"other host", H2_HEAD_REQUEST, BAD, {REQUEST, {"host", "b.example"}}},
    {"two hosts", H2_HEAD_REQUEST, BAD, {REQUEST, {"host", "a.example"}, {"host", "a.example"}}},
    {"no host", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, PATH}},
    {"empty authority", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, {":authority", ""}, PATH}},
    {"userinfo", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, {":authority", "u@a.example"}, PATH}},
    {"no method", H2_HEAD_REQUEST, BAD, {SCHEME, HOST, PATH}},
    {"no scheme", H2_HEAD_REQUEST, BAD, {METHOD, HOST, PATH}},
    {"no path", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, HOST}},
    {"empty path", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, HOST, {":path", ""}}},
    {"relative path", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, HOST, {":path", "a"}}},
    {"space in path", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, HOST, {":path", "/ HTTP/1.1"}}},
    {"star", H2_HEAD_REQUEST, H2_HEAD_OK, {{":method", "OPTIONS"}, SCHEME, HOST, {":path", "*"}}},
    {"star with GET", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, HOST, {":path", "*"}}},
    {"ftp", H2_HEAD_REQUEST, BAD, {METHOD, {":scheme", "ftp"}, HOST, PATH}},
    {"method with space", H2_HEAD_REQUEST, BAD, {{":method", "GET /"}, SCHEME, HOST, PATH}},
    {"path twice", H2_HEAD_REQUEST, BAD, {REQUEST, PATH}},
    {"authority twice", H2_HEAD_REQUEST, BAD, {REQUEST, HOST}},
    {"pseudo after field", H2_HEAD_REQUEST, BAD, {METHOD, SCHEME, HOST, {"a", "b"}, PATH}},
    {"unknown pseudo", H2_HEAD_REQUEST, BAD, {REQUEST, {":x", "y"}}},
    {"protocol", H2_HEAD_REQUEST, BAD, {REQUEST, {":protocol", "websocket"}}},
    {"status in request", H2_HEAD_REQUEST, BAD, {REQUEST, {":status", "200"}}},
    {"connect", H2_HEAD_REQUEST, BAD, {{":method", "CONNECT"}, HOST}},
    {"connect in full", H2_HEAD_REQUEST, BAD, {{":method", "CONNECT"}, SCHEME, HOST, PATH}},
    {"websocket", H2_HEAD_REQUEST, H2_HEAD_OK, {CONNECT, SCHEME, HOST, PATH, WEBSOCKET}},
    {"WebSocket",
     H2_HEAD_REQUEST,
     H2_HEAD_OK,
     {CONNECT, SCHEME, HOST, PATH, {":protocol", "WebSocket"}}},
    {"websocket with GET", H2_HEAD_REQUEST, BAD, {REQUEST, WEBSOCKET}},
    {"websocket without path", H2_HEAD_REQUEST, BAD, {CONNECT, SCHEME, HOST, WEBSOCKET}},
    {"websocket without scheme", H2_HEAD_REQUEST, BAD, {CONNECT, HOST, PATH, WEBSOCKET}},
    {"websocket with a body",
     H2_HEAD_REQUEST,
     BAD,
     {CONNECT, SCHEME, HOST, PATH, WEBSOCKET, {"content-length", "1"}}},
    {"two protocols", H2_HEAD_REQUEST, BAD, {CONNECT, SCHEME, HOST, PATH, WEBSOCKET, WEBSOCKET}},
    {"connect-udp",
     H2_HEAD_REQUEST,
     H2_HEAD_UNSUPPORTED,
     {CONNECT, SCHEME, HOST, PATH, {":protocol", "connect-udp"}}},
    {"protocol in answer", H2_HEAD_RESPONSE, BAD, {{":status", "200"}, WEBSOCKET}},
    {"upper case", H2_HEAD_REQUEST, BAD, {REQUEST, {"Accept", "x"}}},
    {"empty name", H2_HEAD_REQUEST, BAD, {REQUEST, {"", "x"}}},
    {"colon in name", H2_HEAD_REQUEST, BAD, {REQUEST, {"a:b", "x"}}},
    {"line break in name", H2_HEAD_REQUEST, BAD, {REQUEST, {"a\r\nb", "x"}}},
    {"line break in value", H2_HEAD_REQUEST, BAD, {REQUEST, {"a", "x\r\nb: y"}}},
    {"leading space", H2_HEAD_REQUEST, BAD, {REQUEST, {"a", " x"}}},
    {"connection", H2_HEAD_REQUEST, BAD, {REQUEST, {"connection", "close"}}},
    {"transfer-encoding", H2_HEAD_REQUEST, BAD, {REQUEST, {"transfer-encoding", "chunked"}}},
    {"upgrade", H2_HEAD_REQUEST, BAD, {REQUEST, {"upgrade", "h2c"}}},
    {"two lengths",
     H2_HEAD_REQUEST,
     BAD,
     {REQUEST, {"content-length", "1"}, {"content-length", "1"}}},
    {"signed length", H2_HEAD_REQUEST, BAD, {REQUEST, {"content-length", "+1"}}},
    {"crumb with space", H2_HEAD_REQUEST, BAD, {REQUEST, {"cookie", "a=1"}, {"cookie", " b=2"}}},
    {"answer", H2_HEAD_RESPONSE, H2_HEAD_OK, {{":status", "200"}, {"a", "b"}}},
    {"no status", H2_HEAD_RESPONSE, BAD, {{"a", "b"}}},
    {"two statuses", H2_HEAD_RESPONSE, BAD, {{":status", "200"}, {":status", "200"}}},
    {"long status", H2_HEAD_RESPONSE, BAD, {{":status", "0200"}}},
    {"status text", H2_HEAD_RESPONSE, BAD, {{":status", "2x0"}}},
    {"status 99", H2_HEAD_RESPONSE, BAD, {{":status", "099"}}},
    {"status 600", H2_HEAD_RESPONSE, BAD, {{":status", "600"}}},
    {"switching", H2_HEAD_RESPONSE, BAD, {{":status", "101"}}},
    {"path in answer", H2_HEAD_RESPONSE, BAD, {{":status", "200"}, PATH}},
    {"te in answer", H2_HEAD_RESPONSE, BAD, {{":status", "200"}, {"te", "trailers"}}},
    {"trailers", H2_HEAD_TRAILERS, H2_HEAD_OK, {{"x-sum", "1"}}},
    {"pseudo in trailers", H2_HEAD_TRAILERS, BAD, {{":path", "/"}}},
    {"length in trailers", H2_HEAD_TRAILERS, BAD, {{"content-length", "1"}}},
    {"host in trailers", H2_HEAD_TRAILERS, BAD, {{"host", "a"}}},
    {"te in trailers", H2_HEAD_TRAILERS, BAD, {{"te", "trailers"}}},
    {"break in trailers", H2_HEAD_TRAILERS, BAD, {{"a", "b\nc"}}},
};

static void test_lists(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct h2_head_reader reader;
        h2_head_begin(&reader, cases[i].kind, &arena);
        for (size_t j = 0; j < PAIRS_MAX && cases[i].pairs[j][0] != NULL; j++) {
            h2_head_add(&reader, str_from(cases[i].pairs[j][0]), j % 2 == 0,
                        str_from(cases[i].pairs[j][1]));
        }
        if (h2_head_finish(&reader) != cases[i].verdict) {
            fail_msg("case '%s': %d", cases[i].what, (int)reader.verdict);
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void begin_request(struct h2_head_reader *reader, struct arena *arena, struct str path) {
    h2_head_begin(reader, H2_HEAD_REQUEST, arena);
    h2_head_add(reader, STR(":method"), true, STR("GET"));
    h2_head_add(reader, STR(":scheme"), true, STR("http"));
    h2_head_add(reader, STR(":authority"), true, STR("a.example:80"));
    h2_head_add(reader, STR(":path"), true, path);
}

static void test_cookies_are_joined(void **state) {
    struct arena arena;
    struct h2_head_reader reader;
    (void)state;
    arena_init(&arena);
    begin_request(&reader, &arena, STR("/"));
    h2_head_add(&reader, STR("cookie"), true, STR("a=1"));
    h2_head_add(&reader, STR("accept"), true, STR("x"));
    h2_head_add(&reader, STR("cookie"), true, STR(""));
    h2_head_add(&reader, STR("cookie"), true, STR("b=2"));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_OK);
    const struct http_fields *fields = &reader.head->fields;
    assert_int_equal(fields->count, 2);
    assert_true(str_eq(fields->at[0].value, STR("a=1; ; b=2")));
    assert_true(str_eq(fields->at[1].name, STR("accept")));
    assert_int_equal(reader.head->version, HTTP_VERSION_2);
    arena_fini(&arena);
}

static void test_count_limit(void **state) {
    struct arena arena;
    struct h2_head_reader reader;
    (void)state;
    arena_init(&arena);
    begin_request(&reader, &arena, STR("/"));
    for (size_t i = 0; i < HTTP_FIELDS_MAX; i++) { /* crumbs count one by one */
        h2_head_add(&reader, STR("cookie"), true, STR("a"));
    }
    assert_int_equal(reader.verdict, H2_HEAD_OK);
    h2_head_add(&reader, STR("cookie"), true, STR("a"));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_TOO_LARGE);
    arena_fini(&arena);
}

static void test_bytes_limit(void **state) {
    static char text[HTTP_HEAD_BYTES_MAX + 1];
    struct arena arena;
    struct h2_head_reader reader;
    (void)state;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    arena_init(&arena);
    begin_request(&reader, &arena, STR("/"));
    size_t left = HTTP_HEAD_BYTES_MAX - reader.bytes - 32 - 1;
    h2_head_add(&reader, STR("x"), true, str_make(text, left));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_OK);
    begin_request(&reader, &arena, STR("/"));
    h2_head_add(&reader, STR("x"), true, str_make(text, left + 1));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_TOO_LARGE);
    begin_request(&reader, &arena, str_make(text, HTTP_TARGET_BYTES_MAX));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_OK);
    begin_request(&reader, &arena, str_make(text, HTTP_TARGET_BYTES_MAX + 1));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_TARGET_TOO_LONG);
    begin_request(&reader, &arena, str_make(text, sizeof text));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_TARGET_TOO_LONG);
    arena_fini(&arena);
}

static void check_nv(const nghttp2_nv *nv, const char *name, const char *value) {
    assert_int_equal(nv->namelen, strlen(name));
    assert_memory_equal(nv->name, name, nv->namelen);
    assert_int_equal(nv->valuelen, strlen(value));
    assert_memory_equal(nv->value, value, nv->valuelen);
}

static void test_pack(void **state) {
    struct arena arena;
    struct http_field fields[] = {{STR("a"), STR("b")}, {STR("content-length"), STR("0")}};
    struct http_head head = {
        .method = STR("GET"), .scheme = STR("https"), .path = STR("/"), .fields = {fields, 2, 2}};
    (void)state;
    arena_init(&arena);
    struct h2_head_nv nv = h2_head_pack(&head, &arena);
    assert_int_equal(nv.count, 5); /* no authority: none is sent */
    check_nv(&nv.at[0], ":method", "GET");
    check_nv(&nv.at[2], ":path", "/");
    check_nv(&nv.at[4], "content-length", "0");
    head.status = 404;
    nv = h2_head_pack(&head, &arena);
    assert_int_equal(nv.count, 3);
    check_nv(&nv.at[0], ":status", "404");
    nv = h2_head_pack_trailers(&head.fields, &arena);
    assert_int_equal(nv.count, 1);
    check_nv(&nv.at[0], "a", "b");
    arena_fini(&arena);
}

static void test_websocket(void **state) {
    struct arena arena;
    struct h2_head_reader reader;
    (void)state;
    arena_init(&arena);
    h2_head_begin(&reader, H2_HEAD_REQUEST, &arena);
    h2_head_add(&reader, STR(":method"), true, STR("CONNECT"));
    h2_head_add(&reader, STR(":protocol"), true, STR("websocket"));
    h2_head_add(&reader, STR(":scheme"), true, STR("https"));
    h2_head_add(&reader, STR(":authority"), true, STR("a"));
    h2_head_add(&reader, STR(":path"), true, STR("/w"));
    h2_head_add(&reader, STR("sec-websocket-key"), true, STR("of no use"));
    h2_head_add(&reader, STR("te"), true, STR("trailers"));
    assert_int_equal(h2_head_finish(&reader), H2_HEAD_OK);
    assert_true(str_eq(reader.head->method, STR("GET")));
    assert_true(str_eq(reader.head->protocol, STR("websocket")));
    assert_true(reader.head->takes_trailers);
    assert_int_equal(reader.head->fields.count, 0);
    struct h2_head_nv nv = h2_head_pack(reader.head, &arena);
    assert_int_equal(nv.count, 6);
    check_nv(&nv.at[0], ":method", "CONNECT");
    check_nv(&nv.at[1], ":protocol", "websocket");
    check_nv(&nv.at[4], ":path", "/w");
    check_nv(&nv.at[5], "te", "trailers");
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),       cmocka_unit_test(test_cookies_are_joined),
        cmocka_unit_test(test_count_limit), cmocka_unit_test(test_bytes_limit),
        cmocka_unit_test(test_pack),        cmocka_unit_test(test_websocket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
