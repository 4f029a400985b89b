#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli_table.h"

static const char *const columns[] = {"name", "access.auth", "bytes_in", NULL};

static char *print(void (*show)(FILE *out, const json_t *tree), const char *json) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    json_t *tree = json_loads(json, 0, NULL);
    assert_non_null(tree);
    show(out, tree);
    (void)fclose(out);
    json_decref(tree);
    return text;
}

static void show_list(FILE *out, const json_t *tree) {
    cli_table_list(out, columns, tree);
}

static void show_row(FILE *out, const json_t *tree) {
    cli_table_row(out, columns, tree);
}

static void test_list(void **state) {
    (void)state;
    char *text =
        print(show_list, "[{\"name\":\"web\",\"access\":{\"auth\":\"none\"},\"bytes_in\":12},"
                         "{\"name\":\"caf\\u00e9s\",\"bytes_in\":null}]");
    assert_string_equal(text, "NAME   ACCESS AUTH  BYTES IN\n"
                              "web    none         12\n"
                              "caf\xc3\xa9s  -            -\n");
    free(text);
}

/* What a visitor put into a path does not steer the operator's terminal. */
static void test_hostile_text(void **state) {
    (void)state;
    char *text = print(show_row, "{\"name\":\"\\u001b[2J\\n\\u0085\\u007f\"}");
    assert_string_equal(text, "?[2J???  -  -\n");
    free(text);
}

static void test_object(void **state) {
    (void)state;
    char *text =
        print(cli_table_object,
              "{\"id\":\"x\",\"enabled\":true,\"permissions\":[\"a\",\"b\"],\"o\":{\"p\":1}}");
    assert_string_equal(text, "id           x\n"
                              "enabled      yes\n"
                              "permissions  a, b\n"
                              "o            {\"p\":1}\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
