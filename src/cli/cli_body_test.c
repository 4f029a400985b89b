#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli_body.h"

static struct cli cli;
static struct why why;

static enum status make(json_t **body, size_t count, const char *const *members) {
    struct option_list list = {.count = count};
    memcpy(list.values, members, count * sizeof(*members));
    return cli_body_make(&cli, NULL, &list, 0, body, &why);
}

static int begin(void **state) {
    (void)state;
    arena_init(&cli.arena);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_fini(&cli.arena);
    return 0;
}

static void test_members(void **state) {
    static const char *const members[] = {"name=web",
                                          "enabled:=false",
                                          "access.auth=required",
                                          "access.require:={any_role: [admin]}",
                                          "path=/a=b",
                                          "note:=null"};
    json_t *body = NULL;
    (void)state;
    assert_int_equal(make(&body, 6, members), STATUS_OK);
    char *text = json_dumps(body, JSON_COMPACT);
    assert_string_equal(
        text, "{\"name\":\"web\",\"enabled\":false,\"access\":{\"auth\":\"required\",\"require\":"
              "{\"any_role\":[\"admin\"]}},\"path\":\"/a=b\",\"note\":null}");
    free(text);
    json_decref(body);
}

static void test_refuses(void **state) {
    static const char *const malformed[] = {"name", "=x", ":=1", "a:=[1"};
    static const char *const clash[] = {"a=text", "a.b=1"};
    json_t *body = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        assert_int_equal(make(&body, 1, &malformed[i]), STATUS_INVALID);
        assert_null(body);
    }
    assert_int_equal(make(&body, 2, clash), STATUS_INVALID);
    assert_string_equal(why.slug, "member_malformed");
    assert_null(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
