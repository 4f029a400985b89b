#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "edge/edge_answer.h"

static struct arena arena;

static struct edge_answer make(enum edge_code code, struct str accept, struct str detail) {
    struct edge_answer answer;
    edge_answer_make(&answer, &arena, code, accept, STR("req_x"), detail);
    return answer;
}

static bool contains(struct str text, const char *part) {
    for (size_t i = 0; i + strlen(part) <= text.len; i++) {
        if (str_starts_with(str_sub(text, i, text.len), str_from(part))) {
            return true;
        }
    }
    return false;
}

static struct str field(const struct edge_answer *answer, struct str name) {
    const struct http_field *found = http_fields_get(&answer->head.fields, name);
    return found != NULL ? found->value : STR_EMPTY;
}

static void test_every_code_has_a_row(void **state) {
    (void)state;
    for (enum edge_code code = EDGE_CODE_NONE + 1; code < EDGE_CODE_COUNT; code++) {
        assert_true(edge_answer_status(code) >= 400 && edge_answer_status(code) < 600);
        assert_true(strlen(edge_answer_slug(code)) > 0);
        for (enum edge_code other = code + 1; other < EDGE_CODE_COUNT; other++) {
            assert_string_not_equal(edge_answer_slug(code), edge_answer_slug(other));
        }
    }
}

static void test_tools_get_problem_json(void **state) {
    (void)state;
    const struct str accepts[] = {STR_INIT(""), STR_INIT("*/*"),
                                  STR_INIT("application/json, text/html"), STR_INIT("image/png"),
                                  STR_INIT(",,;,")};
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        struct edge_answer answer = make(EDGE_CODE_NO_ROUTE, accepts[i], STR_EMPTY);
        json_t *tree;
        struct str code;
        assert_true(str_eq(field(&answer, STR("content-type")), STR("application/problem+json")));
        assert_int_equal(json_parse(answer.body, &tree, NULL), STATUS_OK);
        assert_int_equal(json_get_str(tree, "code", &code, NULL), STATUS_OK);
        assert_true(str_eq(code, STR("no_route")));
        json_decref(tree);
    }
}

static void test_browsers_get_a_page(void **state) {
    (void)state;
    struct edge_answer answer =
        make(EDGE_CODE_NO_WARPGATE, STR("text/html,application/xhtml+xml,*/*;q=0.8"),
             STR("<script>\"&"));
    assert_int_equal(answer.head.status, 503);
    assert_true(str_eq(field(&answer, STR("content-type")), STR("text/html; charset=utf-8")));
    assert_true(str_eq(field(&answer, STR("retry-after")), STR("5")));
    assert_true(contains(answer.body, "&lt;script&gt;&quot;&amp;"));
    assert_false(contains(answer.body, "<script>"));
    assert_false(contains(answer.body, "{{"));
    assert_true(contains(answer.body, "req_x"));
    assert_true(contains(answer.body, "no_warpgate"));
    assert_int_equal(answer.head.content_length, answer.body.len);
}

static void test_a_detail_cannot_break_the_json(void **state) {
    (void)state;
    struct edge_answer answer = make(EDGE_CODE_BAD_PATH, STR_EMPTY, STR("\"},\n\x01\xff"));
    json_t *tree;
    assert_int_equal(json_parse(answer.body, &tree, NULL), STATUS_OK);
    json_decref(tree);
}

static void test_slugs_from_the_tunnel(void **state) {
    (void)state;
    assert_int_equal(edge_answer_from_tunnel(STR("upstream_refused")), EDGE_CODE_UPSTREAM_REFUSED);
    assert_int_equal(edge_answer_from_tunnel(STR("environment_mismatch")),
                     EDGE_CODE_SECOND_LINE_REFUSED);
    assert_int_equal(edge_answer_from_tunnel(STR("no_such_slug")), EDGE_CODE_WARPGATE_LOST);
    assert_int_equal(edge_answer_from_tunnel(STR_EMPTY), EDGE_CODE_WARPGATE_LOST);
}

static void test_malformed_messages(void **state) {
    (void)state;
    struct str type;
    struct str body;
    struct why why = {0};
    json_t *tree;
    (void)why_set(&why, STATUS_INVALID, "host_missing", "no Host");
    edge_answer_malformed(400, &why, &type, &body);
    assert_int_equal(json_parse(body, &tree, NULL), STATUS_OK);
    json_decref(tree);
    assert_true(contains(body, "host_missing"));
    edge_answer_malformed(431, NULL, &type, &body);
    assert_true(contains(body, "431"));
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_a_row),
        cmocka_unit_test(test_tools_get_problem_json),
        cmocka_unit_test(test_browsers_get_a_page),
        cmocka_unit_test(test_a_detail_cannot_break_the_json),
        cmocka_unit_test(test_slugs_from_the_tunnel),
        cmocka_unit_test(test_malformed_messages),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
