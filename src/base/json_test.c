#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static json_t *parse_ok(const char *text) {
    json_t *tree = NULL;
    struct why why;
    assert_int_equal(json_parse(str_from(text), &tree, &why), STATUS_OK);
    return tree;
}

static void nest(char *text, int depth) {
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    text[2 * depth] = '\0';
}

static void parses_strictly(void **state) {
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("1"),
        STR_INIT("\"x\""),
        STR_INIT("null"),
        STR_INIT("{"),
        STR_INIT("{}x"),
        STR_INIT("{} {}"),
        STR_INIT("{}\0"),
        STR_INIT("{'a':1}"),
        STR_INIT("{\"a\":1,}"),
        STR_INIT("[1,]"),
        STR_INIT("[01]"),
        STR_INIT("[NaN]"),
        STR_INIT("[1e999]"),
        STR_INIT("[99999999999999999999]"),
        STR_INIT("{\"a\":1,\"a\":2}"),
        STR_INIT("{\"a\":1,\"\\u0061\":2}"),
        STR_INIT("[\"\xff\"]"),
        STR_INIT("[\"\xed\xa0\x80\"]"),
        STR_INIT("[\"\\ud800\"]"),
        STR_INIT("[\"\\u0000\"]"),
        STR_INIT("{\"\\u0000\":1}"),
        STR_INIT("[\"a\0b\"]"),
        STR_INIT("[\"a\nb\"]"),
        STR_INIT("\xef\xbb\xbf{}"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *tree = NULL;
        struct why why;
        assert_int_equal(json_parse(bad[i], &tree, &why), STATUS_INVALID);
        assert_null(tree);
        assert_string_equal(why.slug, "json_invalid");
    }
    json_decref(parse_ok(" {\"a\": [1, -2, 3.5, true, null, \"\\u00e4\"]}\n"));
}

static void bounds_nesting(void **state) {
    char text[10001];
    json_t *tree = NULL;
    struct why why;
    (void)state;
    nest(text, 32);
    json_decref(parse_ok(text));
    nest(text, 33);
    assert_int_equal(json_parse(str_from(text), &tree, &why), STATUS_INVALID);
    nest(text, 2000);
    assert_int_equal(json_parse(str_from(text), &tree, &why), STATUS_INVALID);
    assert_string_equal(why.text, "nested deeper than 32");
    nest(text, 5000);
    assert_int_equal(json_parse(str_from(text), &tree, &why), STATUS_INVALID);
    assert_int_equal(json_parse(str_from(text), &tree, NULL), STATUS_INVALID);
}

static void does_not_quote_the_input(void **state) {
    json_t *tree = NULL;
    struct why why;
    (void)state;
    assert_int_equal(json_parse(STR("{\"password\": hunter2}"), &tree, &why), STATUS_INVALID);
    assert_null(strstr(why.text, "hunter2"));
    assert_non_null(strstr(why.text, "line 1"));
}

static void checks_members(void **state) {
    static const char *const names[] = {"a", "b/c~"};
    struct why why;
    (void)state;
    json_t *tree = parse_ok("{\"a\":1,\"b/c~\":2}");
    assert_int_equal(json_object_check(tree, names, 2, &why), STATUS_OK);
    assert_int_equal(json_object_check(tree, names, 1, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "unknown_member");
    assert_string_equal(why.text, "/b~1c~0 is not known here");
    assert_int_equal(json_object_check(tree, NULL, 0, NULL), STATUS_INVALID);
    json_decref(tree);
    tree = parse_ok("[]");
    assert_int_equal(json_object_check(tree, names, 2, &why), STATUS_INVALID);
    assert_int_equal(json_object_check(NULL, names, 2, &why), STATUS_INVALID);
    json_decref(tree);
}

static void gets_members(void **state) {
    struct str text;
    bool flag = false;
    uint64_t number;
    json_t *node;
    (void)state;
    json_t *tree = parse_ok("{\"s\":\"x\\u00e4\",\"b\":true,\"n\":9,\"a\":[],\"o\":{}}");
    assert_int_equal(json_get_str(tree, "s", &text, NULL), STATUS_OK);
    assert_true(str_eq(text, STR("x\xc3\xa4")));
    assert_int_equal(json_get_bool(tree, "b", &flag, NULL), STATUS_OK);
    assert_true(flag);
    assert_int_equal(json_get_u64(tree, "n", 9, &number, NULL), STATUS_OK);
    assert_int_equal(number, 9);
    assert_int_equal(json_get_array(tree, "a", &node, NULL), STATUS_OK);
    assert_true(json_is_array(node));
    assert_int_equal(json_get_object(tree, "o", &node, NULL), STATUS_OK);
    assert_true(json_is_object(node));
    json_decref(tree);
}

/* Every getter on a member that is absent, null, or of a wrong type. */
static void refuses_members(void **state) {
    static const struct {
        const char *text;
        const char *slug;
    } cases[] = {
        {"{}", "member_missing"},        {"[]", "member_missing"},
        {"{\"x\":null}", "member_type"}, {"{\"x\":1.0}", "member_type"},
        {"{\"x\":-1}", "member_type"},
    };
    struct why why;
    struct str text;
    bool flag;
    uint64_t number;
    json_t *node;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *tree = parse_ok(cases[i].text);
        assert_int_equal(json_get_str(tree, "x", &text, &why), STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(json_get_bool(tree, "x", &flag, &why), STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(json_get_u64(tree, "x", 5, &number, &why), STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(json_get_array(tree, "x", &node, &why), STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(json_get_object(tree, "x", &node, &why), STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(strncmp(why.text, "/x ", 3), 0);
        json_decref(tree);
    }
    json_t *tree = parse_ok("{\"x\":6}");
    assert_int_equal(json_get_u64(tree, "x", 5, &number, &why), STATUS_INVALID);
    assert_string_equal(why.text, "/x has to be an integer from 0 to 5");
    json_decref(tree);
}

static void writes_compactly(void **state) {
    struct buf out;
    (void)state;
    json_t *tree = parse_ok("{ \"z\": 1, \"a\": [true, \"\\u00e4\"] }");
    buf_init(&out, 24);
    assert_int_equal(buf_append(&out, ">", 1), STATUS_OK);
    assert_int_equal(json_write(tree, &out), STATUS_OK);
    assert_true(str_eq(buf_str(&out), STR(">{\"z\":1,\"a\":[true,\"\xc3\xa4\"]}")));
    assert_int_equal(json_write(tree, &out), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&out), 24); /* nothing half written */
    buf_fini(&out);
    json_decref(tree);
}

static void repairs_text(void **state) {
    (void)state;
    json_t *node = json_from_str(STR("a\xff\xe4z\xc3"));
    assert_string_equal(json_string_value(node), "a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
    json_decref(node);
    node = json_from_str(STR("gr\xc3\xbc\xc3\x9f"));
    assert_string_equal(json_string_value(node), "gr\xc3\xbc\xc3\x9f");
    json_decref(node);
    node = json_from_str(str_make(NULL, 0));
    assert_string_equal(json_string_value(node), "");
    json_decref(node);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_strictly),
        cmocka_unit_test(bounds_nesting),
        cmocka_unit_test(does_not_quote_the_input),
        cmocka_unit_test(checks_members),
        cmocka_unit_test(gets_members),
        cmocka_unit_test(refuses_members),
        cmocka_unit_test(writes_compactly),
        cmocka_unit_test(repairs_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
