#include "http/h1_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The engines' tests hold the tables of what is refused; here is what they cannot see. */

struct rig {
    struct arena arena;
    struct http_head head;
    struct h1_parse parse;
};

static void prepare(struct rig *rig, const char *text) {
    size_t line_count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        line_count++;
    }
    arena_init(&rig->arena);
    rig->parse = (struct h1_parse){.arena = &rig->arena,
                                   .text = arena_str(&rig->arena, str_from(text)),
                                   .line_count = line_count,
                                   .scheme = STR("https"),
                                   .method = STR("GET"),
                                   .head = &rig->head};
}

static void requests_have_framing_and_connection(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum h1_framing framing;
        bool is_keep_alive, expects_continue;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_FRAMING_NONE, true, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", H1_FRAMING_NONE, false, false},
        {"GET / HTTP/1.0\r\n\r\n", H1_FRAMING_NONE, false, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", H1_FRAMING_NONE, true, false},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", H1_FRAMING_LENGTH, true, false},
        {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", H1_FRAMING_CHUNKED,
         true, false},
        {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
         H1_FRAMING_LENGTH, true, true},
        {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", H1_FRAMING_NONE, true, false},
        {"PUT / HTTP/1.0\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n", H1_FRAMING_LENGTH,
         false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        prepare(&rig, cases[i].text);
        assert_int_equal(h1_parse_request(&rig.parse), STATUS_OK);
        assert_int_equal(rig.parse.framing, cases[i].framing);
        assert_int_equal(rig.parse.is_keep_alive, cases[i].is_keep_alive);
        assert_int_equal(rig.parse.expects_continue, cases[i].expects_continue);
        assert_null(http_fields_get(&rig.head.fields, STR("connection")));
        assert_null(http_fields_get(&rig.head.fields, STR("host")));
        assert_true(rig.head.fields.cap >=
                    rig.head.fields.count + 8); /* room for what owners add */
        arena_fini(&rig.arena);
    }
}

static void refusals_have_a_status_and_an_answer(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        unsigned answer;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", STATUS_INVALID, 400},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", STATUS_UNSUPPORTED, 505},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n", STATUS_UNSUPPORTED, 501},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", STATUS_INVALID, 417},
        {"\r\n", STATUS_INVALID, 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        prepare(&rig, cases[i].text);
        assert_int_equal(h1_parse_request(&rig.parse), cases[i].status);
        assert_int_equal(rig.parse.answer, cases[i].answer);
        assert_true(rig.parse.why.slug[0] != '\0' && rig.parse.why.text[0] != '\0');
        arena_fini(&rig.arena);
    }
    struct rig rig;
    char text[4096] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < HTTP_FIELDS_MAX; i++) {
        memcpy(text + strlen(text), "x: y\r\n", 7);
    }
    memcpy(text + strlen(text), "\r\n", 3);
    prepare(&rig, text);
    assert_int_equal(h1_parse_request(&rig.parse), STATUS_TOO_LARGE);
    assert_int_equal(rig.parse.answer, 431);
    arena_fini(&rig.arena);
}

static void responses_have_framing(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum h1_framing framing;
        bool is_keep_alive;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", H1_FRAMING_CLOSE, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", H1_FRAMING_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", H1_FRAMING_CHUNKED, true},
        {"HTTP/1.1 304 OK\r\nContent-Length: 4\r\n\r\n", H1_FRAMING_NONE, true},
        {"HTTP/1.1 204 OK\r\n\r\n", H1_FRAMING_NONE, true},
        {"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n", H1_FRAMING_LENGTH, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        prepare(&rig, cases[i].text);
        assert_int_equal(h1_parse_response(&rig.parse), STATUS_OK);
        assert_int_equal(rig.parse.framing, cases[i].framing);
        assert_int_equal(rig.parse.is_keep_alive, cases[i].is_keep_alive);
        arena_fini(&rig.arena);
    }
}

static void trailers_are_fields(void **state) {
    (void)state;
    struct rig rig;
    prepare(&rig, "A: b \r\nC:\r\n\r\n");
    assert_int_equal(h1_parse_trailers(&rig.parse), STATUS_OK);
    assert_int_equal(rig.head.fields.count, 2);
    assert_true(str_eq(rig.head.fields.at[0].name, STR("a")));
    assert_true(str_eq(rig.head.fields.at[0].value, STR("b")));
    assert_int_equal(rig.head.fields.at[1].value.len, 0);
    arena_fini(&rig.arena);
    static const char *const bad[] = {"Content-Length: 1\r\n\r\n", "HOST: b\r\n\r\n", "x\r\n\r\n",
                                      "a b: c\r\n\r\n", "Set-Cookie: a\r\n\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        prepare(&rig, bad[i]);
        assert_int_equal(h1_parse_trailers(&rig.parse), STATUS_INVALID);
        arena_fini(&rig.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_framing_and_connection),
        cmocka_unit_test(refusals_have_a_status_and_an_answer),
        cmocka_unit_test(responses_have_framing),
        cmocka_unit_test(trailers_are_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
