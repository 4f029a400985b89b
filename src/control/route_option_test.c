#include "control/route_option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"

static struct arena arena;

static struct route_option patched(struct str stored, const char *body) {
    struct route_option option = route_option_parse(stored);
    json_t *tree = NULL;
    assert_int_equal(json_parse(str_from(body), &tree, NULL), STATUS_OK);
    route_option_patch(&option, tree);
    json_decref(tree);
    return option;
}

static void expect_stored(struct str stored, const char *body, const char *wanted) {
    struct route_option option = patched(stored, body);
    struct str text = route_option_format(&option, &arena);
    if (!str_eq(text, str_from(wanted))) {
        fail_msg("%.*s is not %s", STR_ARG(text), wanted);
    }
}

static void test_the_standard(void **state) {
    (void)state;
    struct route_option option = route_option_parse(STR_EMPTY);
    assert_int_equal(option.timeouts.connect_ms, 5000);
    assert_int_equal(option.timeouts.first_byte_ms, 60000);
    assert_int_equal(option.timeouts.idle_ms, 0);
    assert_false(option.is_sticky);
    assert_int_equal(route_option_format(&option, &arena).len, 0);
}

static void test_merging(void **state) {
    (void)state;
    struct str stored = STR("{\"timeouts\":{\"connect_ms\":100,\"idle_ms\":5000},\"sticky\":true}");
    expect_stored(STR_EMPTY, "{}", "");
    expect_stored(STR_EMPTY, "{\"timeouts\":{\"idle_ms\":5000,\"connect_ms\":100},\"sticky\":true}",
                  stored.at);
    expect_stored(stored, "{}", stored.at);
    expect_stored(stored, "{\"sticky\":false}",
                  "{\"timeouts\":{\"connect_ms\":100,\"idle_ms\":5000}}");
    expect_stored(stored, "{\"sticky\":null}",
                  "{\"timeouts\":{\"connect_ms\":100,\"idle_ms\":5000}}");
    expect_stored(stored, "{\"timeouts\":null}", "{\"sticky\":true}");
    expect_stored(stored, "{\"timeouts\":{\"connect_ms\":null,\"idle_ms\":0}}",
                  "{\"sticky\":true}");
    expect_stored(stored, "{\"timeouts\":{\"first_byte_ms\":200,\"connect_ms\":5000}}",
                  "{\"timeouts\":{\"first_byte_ms\":200,\"idle_ms\":5000},\"sticky\":true}");
}

static void test_what_is_written(void **state) {
    (void)state;
    struct route_option option = patched(STR_EMPTY, "{\"timeouts\":{\"connect_ms\":100}}");
    json_t *answer = json_object();
    json_t *bundle = json_object();
    json_t *wanted = json_pack("{s:{s:i,s:i,s:i},s:b}", "timeouts", "connect_ms", 100,
                               "first_byte_ms", 60000, "idle_ms", 0, "sticky", 0);
    route_option_write(&option, answer);
    assert_true(json_equal(answer, wanted));
    json_decref(wanted);
    wanted = json_pack("{s:{s:i}}", "timeouts", "connect_ms", 100);
    route_option_write_bundle(&option, bundle);
    assert_true(json_equal(bundle, wanted));
    json_decref(wanted);
    json_decref(answer);
    json_decref(bundle);
}

static void test_what_cannot_be_read_is_the_standard(void **state) {
    (void)state;
    log_set_level(LOG_ERROR);
    struct route_option option = route_option_parse(STR("nonsense"));
    assert_int_equal(option.timeouts.connect_ms, 5000);
    assert_false(option.is_sticky);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_standard),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_what_cannot_be_read_is_the_standard),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
