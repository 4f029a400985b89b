#include "control/health_option.h"

#include "control/control_test_kit.h"

/* What the store would keep of this body; NULL: it is refused. */
static const char *take(struct kit *kit, const char *body, const char *before) {
    static char text[512];
    struct api_call call;
    struct why why = {0};
    struct str stored = str_from(before);
    api_call_init(&call, kit->control);
    assert_int_equal(json_parse(str_from(body), &call.input, &why), STATUS_OK);
    health_option_take(&call, call.input, "", &stored);
    bool is_good = call.faults.count == 0;
    snprintf(text, sizeof(text), "%.*s", STR_ARG(stored));
    api_call_fini(&call);
    return is_good ? text : NULL;
}

static void test_what_is_kept(void **state) {
    struct kit *kit = *state;
    assert_string_equal(take(kit, "{}", ""), "");
    assert_string_equal(take(kit, "{}", "[1]"), "[1]");
    assert_string_equal(take(kit, "{\"health_checks\":null}", "[1]"), "");
    assert_string_equal(take(kit, "{\"health_checks\":[]}", "[1]"), "");
    assert_string_equal(take(kit, "{\"health_checks\":[{\"path\":\"/\"}]}", ""),
                        "[{\"upstream\":\"default\",\"path\":\"/\",\"interval_ms\":10000,"
                        "\"timeout_ms\":3000}]");
    assert_null(take(kit, "{\"health_checks\":[{\"path\":\"x\"}]}", ""));
}

static void test_what_is_written(void **state) {
    (void)state;
    json_t *list = health_option_write(STR("[{\"path\":\"/\"}]"));
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    list = health_option_write(STR_EMPTY);
    assert_true(json_is_array(list));
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = health_option_write(STR("nonsense"));
    assert_true(json_is_array(list));
    json_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_what_is_written),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
