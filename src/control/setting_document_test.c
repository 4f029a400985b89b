#include "control/setting_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "policy/route_settings.h"

static struct arena arena;

static json_t *parse(const char *text) {
    json_t *tree = NULL;
    assert_int_equal(json_parse(str_from(text), &tree, NULL), STATUS_OK);
    return tree;
}

static void expect_stored(const char *stored, const char *patch, const char *wanted) {
    struct api_faults faults = {.count = 0};
    json_t *tree = parse(patch);
    struct str text =
        setting_document_take(&route_settings_shape, tree, "", ROUTE_SETTINGS_BYTES_MAX, &arena,
                              &faults, str_from(stored));
    json_decref(tree);
    assert_int_equal(faults.count, 0);
    if (!str_eq(text, str_from(wanted))) {
        fail_msg("%.*s is not %s", STR_ARG(text), wanted);
    }
}

static void test_merging(void **state) {
    (void)state;
    const char *stored = "{\"timeouts\":{\"connect_ms\":100,\"idle_ms\":5000},\"sticky\":true}";
    expect_stored("", "{}", "");
    expect_stored("", "{\"sticky\":true,\"timeouts\":{\"idle_ms\":5000,\"connect_ms\":100}}",
                  stored);
    expect_stored(stored, "{}", stored);
    expect_stored(stored, "{\"sticky\":null}",
                  "{\"timeouts\":{\"connect_ms\":100,\"idle_ms\":5000}}");
    expect_stored(stored, "{\"timeouts\":null}", "{\"sticky\":true}");
    expect_stored(stored, "{\"timeouts\":{\"connect_ms\":null,\"idle_ms\":0}}",
                  "{\"sticky\":true}");
    expect_stored(stored, "{\"timeouts\":{\"connect_ms\":5000}}",
                  "{\"timeouts\":{\"idle_ms\":5000},\"sticky\":true}");
    /* What is there with nothing in it says that it is there. */
    expect_stored("", "{\"cache\":{\"enabled\":true}}", "{\"cache\":{}}");
    expect_stored("{\"cache\":{}}", "{\"cache\":null}", "");
    expect_stored("", "{\"access\":{\"accept\":[\"api_key\",\"session\"]}}",
                  "{\"access\":{\"accept\":[\"session\",\"api_key\"]}}");
    expect_stored("",
                  "{\"limits\":{\"rates\":[{\"per\":\"second\",\"requests\":5,\"header\":null}]}}",
                  "{\"limits\":{\"rates\":[{\"requests\":5}]}}");
}

static void test_what_is_complete_is_taken_again(void **state) {
    (void)state;
    const char *stored = "{\"name\":\"n\",\"limits\":{\"rates\":[{\"requests\":5}]},"
                         "\"maintenance\":{\"enabled\":false}}";
    json_t *document = parse(stored);
    json_t *complete = setting_document_complete(&route_settings_shape, document);
    char *text = json_dumps(complete, JSON_COMPACT);
    assert_int_equal(json_object_size(complete), route_settings_shape.count);
    expect_stored("", text, stored);
    free(text);
    json_decref(complete);
    json_t *delivered = setting_document_deliver(&route_settings_shape, document);
    assert_null(json_object_get(delivered, "name"));
    assert_non_null(json_object_get(delivered, "limits"));
    json_decref(delivered);
    json_decref(document);
}

static void test_too_much_is_refused(void **state) {
    (void)state;
    struct api_faults faults = {.count = 0};
    json_t *tree = parse("{\"description\":\"a long one\"}");
    (void)setting_document_take(&route_settings_shape, tree, "/routes/0", 16, &arena, &faults,
                                STR_EMPTY);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.at[0].code, "settings_too_large");
    assert_string_equal(faults.at[0].pointer, "/routes/0");
    json_decref(tree);
}

static void test_what_cannot_be_read_is_the_standard(void **state) {
    (void)state;
    log_set_level(LOG_ERROR);
    json_t *document = setting_document_parse(STR("nonsense"));
    assert_int_equal(json_object_size(document), 0);
    json_decref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_what_is_complete_is_taken_again),
        cmocka_unit_test(test_too_much_is_refused),
        cmocka_unit_test(test_what_cannot_be_read_is_the_standard),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
