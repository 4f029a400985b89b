#include "control/control_test_kit.h"

static struct id environment;
static struct id routes[3];

static int setup(void **state) {
    static const char *const bodies[] = {"{\"path\":\"/0\"}", "{\"path\":\"/1\"}",
                                         "{\"path\":\"/2\"}"};
    kit_setup(state);
    (void)kit_add_project(*state, "order", &environment);
    for (size_t i = 0; i < 3; i++) {
        routes[i] = kit_make(*state, kit_path("environments", &environment, "/routes"), bodies[i]);
    }
    return 0;
}

static void put(struct kit *kit, const char *body, const char *if_match, struct kit_call *call) {
    call->token = kit->token;
    call->body = body;
    call->if_match = if_match;
    kit_run(kit, "PUT", kit_path("environments", &environment, "/routes/order"), call);
}

static const char *order(const struct id *a, const struct id *b, const struct id *c) {
    static char body[160];
    snprintf(body, sizeof(body), "{\"routes\":[\"%s\",\"%s\"%s%s%s]}", a->text, b->text,
             c != NULL ? ",\"" : "", c != NULL ? c->text : "", c != NULL ? "\"" : "");
    return body;
}

static void test_order(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    put(kit, order(&routes[2], &routes[0], &routes[1]), "*", &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 1);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(call.answer, "routes"), 0)),
        routes[2].text);
    /* What changes nothing makes no new bundle. */
    put(kit, order(&routes[2], &routes[0], &routes[1]), "*", &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 0);
    kit_done(&call);
}

static void test_what_is_refused(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    put(kit, order(&routes[2], &routes[0], &routes[1]), NULL, &call);
    assert_int_equal(call.status, 428);
    put(kit, order(&routes[2], &routes[0], NULL), "*", &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/routes");
    put(kit, order(&routes[2], &routes[0], &routes[0]), "*", &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/routes/2");
    put(kit, "{\"routes\":[\"rt_01jd3m8k6vq2x7r9t4w5y6z8ab\"]}", "*", &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/routes/0");
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_what_is_refused),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
