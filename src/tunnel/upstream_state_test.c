#include "tunnel/upstream_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"

static struct upstream_state states[UPSTREAM_STATE_MAX];
static size_t count;

static enum status read_text(const char *text,
                             enum status (*read)(const json_t *list, struct upstream_state *states,
                                                 size_t *count, struct why *why),
                             json_t **tree) {
    struct why why = {0};
    assert_int_equal(json_parse(str_from(text), tree, NULL), STATUS_OK);
    enum status status = read(*tree, states, &count, &why);
    assert_true(status == STATUS_OK || why.slug[0] != '\0');
    return status;
}

static void test_states_read_and_write_the_same(void **state) {
    (void)state;
    json_t *tree = NULL;
    assert_int_equal(read_text("[{\"name\":\"default\",\"state\":\"up\"},{\"name\":\"b-2\","
                               "\"state\":\"down\"},{\"name\":\"c\",\"state\":\"unknown\"}]",
                               upstream_state_read, &tree),
                     STATUS_OK);
    assert_int_equal(count, 3);
    assert_true(str_eq(states[0].name, STR("default")));
    assert_true(states[0].is_known && states[0].is_up);
    assert_true(states[1].is_known && !states[1].is_up);
    assert_true(!states[2].is_known && !states[2].is_up);
    assert_string_equal(upstream_state_name(&states[2]), "unknown");
    json_t *written = upstream_state_write(states, count);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_names_have_no_state(void **state) {
    (void)state;
    json_t *tree = NULL;
    assert_int_equal(read_text("[\"default\",\"b\"]", upstream_state_read_names, &tree), STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(upstream_state_name(&states[1]), "unknown");
    json_t *written = upstream_state_write_names(states, count);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_what_is_refused(void **state) {
    static const char *const texts[] = {
        "{}",
        "[1]",
        "[{}]",
        "[{\"name\":\"a\"}]",
        "[{\"state\":\"up\"}]",
        "[{\"name\":\"A\",\"state\":\"up\"}]",
        "[{\"name\":\"\",\"state\":\"up\"}]",
        "[{\"name\":\"a\",\"state\":\"UP\"}]",
        "[{\"name\":\"a\",\"state\":true}]",
        "[{\"name\":\"a\",\"state\":\"up\",\"since\":1}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *tree = NULL;
        assert_int_equal(read_text(texts[i], upstream_state_read, &tree), STATUS_INVALID);
        json_decref(tree);
        assert_int_equal(read_text(texts[i], upstream_state_read_names, &tree), STATUS_INVALID);
        json_decref(tree);
    }
}

static void test_lists_are_bounded(void **state) {
    (void)state;
    struct why why = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < UPSTREAM_STATE_MAX; i++) {
        json_array_append_new(list, json_string("a"));
    }
    assert_int_equal(upstream_state_read_names(list, states, &count, &why), STATUS_OK);
    assert_int_equal(count, UPSTREAM_STATE_MAX);
    json_array_append_new(list, json_string("a"));
    assert_int_equal(upstream_state_read_names(list, states, &count, &why), STATUS_INVALID);
    assert_int_equal(count, 0);
    json_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_read_and_write_the_same),
        cmocka_unit_test(test_names_have_no_state),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
