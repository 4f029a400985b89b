#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli_yaml.h"

static void expect(const char *yaml, const char *json) {
    struct why why = {0};
    json_t *tree = NULL;
    if (cli_yaml_parse(str_from(yaml), &tree, &why) != STATUS_OK) {
        fail_msg("%s: %s", yaml, why.text);
    }
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, json);
    free(text);
    json_decref(tree);
}

static void refuse(const char *yaml, const char *fault) {
    struct why why = {0};
    json_t *tree = NULL;
    assert_int_equal(cli_yaml_parse(str_from(yaml), &tree, &why), STATUS_INVALID);
    assert_null(tree);
    assert_string_equal(why.slug, "yaml_invalid");
    assert_non_null(strstr(why.text, fault));
}

static void test_values(void **state) {
    (void)state;
    expect("a: 1\nb: [true, null, ~, x y]\nc: {d: -2.5}\n",
           "{\"a\":1,\"b\":[true,null,null,\"x y\"],\"c\":{\"d\":-2.5}}");
    expect("a: \"1\"\nb: 'true'\nc: yes\nd: 1.2.3\ne: |\n  two\n  lines\n",
           "{\"a\":\"1\",\"b\":\"true\",\"c\":\"yes\",\"d\":\"1.2.3\",\"e\":\"two\\nlines\\n\"}");
    expect("{\"json\": [1, {\"x\": \"\\u00e9\"}], \"e\": 1e3}",
           "{\"json\":[1,{\"x\":\"\xc3\xa9\"}],\"e\":1000.0}");
    expect("a: 99999999999999999999\nb: 1e999\nc: 0x10\nd: a\n",
           "{\"a\":\"99999999999999999999\",\"b\":\"1e999\",\"c\":\"0x10\",\"d\":\"a\"}");
    expect("1: number\n", "{\"1\":\"number\"}");
    expect("plain", "\"plain\"");
}

static void test_refuses(void **state) {
    (void)state;
    refuse("", "empty");
    refuse("a: 1\na: 2\n", "line 2, column 1: this member stands twice");
    refuse("a: &x 1\nb: *x\n", "anchors");
    refuse("a: !!str 1\n", "tags");
    refuse("b: *x\n", "aliases");
    refuse("a: 1\n---\nb: 2\n", "second document");
    refuse("? [a]\n: 1\n", "has to be text");
    refuse("a: [1\n", "line");
    refuse("a: \"\\0\"\n\"b\\0\": 1\n", "NUL");
    char deep[256];
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    refuse(deep, "too deep");
}

/* A laugh of a billion would need aliases; a flat list is bounded, too. */
static void test_many_values(void **state) {
    size_t len = 3 * ((size_t)CLI_YAML_NODES_MAX + 1);
    char *text = malloc(len + 1);
    (void)state;
    for (size_t i = 0; i < len; i += 3) {
        memcpy(text + i, "- \n", 3);
    }
    text[len] = '\0';
    refuse(text, "more values");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
