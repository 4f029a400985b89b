/* handle_environment_test.c: environments through the API: names, host names, health checks, and their end. */
#include "control/control_test_kit.h"

#include <string.h>

static struct id project;
static struct id environment; /* the first */

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "shop", &environment);
    return 0;
}

static const json_t *check_of(const struct kit_call *call, size_t index) {
    return json_array_get(json_object_get(call->answer, "health_checks"), index);
}

static json_int_t number_of(const json_t *object, const char *name) {
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static void test_the_first_has_the_project_s_host(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "production");
    assert_string_equal(kit_text(&call, "hostname"), "shop." KIT_DOMAIN);
    assert_string_equal(kit_text(&call, "url"), "https://shop." KIT_DOMAIN ":8443");
    assert_true(json_is_true(json_object_get(call.answer, "enabled")));
    assert_int_equal(json_array_size(json_object_get(call.answer, "health_checks")), 0);
    assert_string_equal(call.etag, "\"1-1\"");
    kit_done(&call);
}

static void test_another_has_its_own(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token,
                            .body = "{\"name\":\"staging\",\"enabled\":false}"};
    kit_run(kit, "POST", kit_path("projects", &project, "/environments"), &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "hostname"), "shop-staging." KIT_DOMAIN);
    assert_true(json_is_false(json_object_get(call.answer, "enabled")));
    assert_int_equal(call.change_count, 1);
    kit_run(kit, "POST", kit_path("projects", &project, "/environments"), &call);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "name_taken");
    kit_done(&call);
}

static void test_health_checks_are_completed(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {
        .token = kit->token,
        .body = "{\"health_checks\":[{\"path\":\"/healthz?a=b\"},{\"upstream\":\"api\","
                "\"path\":\"/\",\"interval_ms\":1500}]}"};
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 1);
    assert_string_equal(json_string_value(json_object_get(check_of(&call, 0), "upstream")),
                        "default");
    assert_string_equal(json_string_value(json_object_get(check_of(&call, 0), "path")),
                        "/healthz?a=b");
    assert_int_equal(number_of(check_of(&call, 0), "interval_ms"), 10000);
    assert_int_equal(number_of(check_of(&call, 0), "timeout_ms"), 3000);
    assert_int_equal(number_of(check_of(&call, 1), "interval_ms"), 1500);
    assert_int_equal(number_of(check_of(&call, 1), "timeout_ms"), 1500);
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.change_count, 0);
    call.body = "{\"enabled\":true}";
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "health_checks")), 2);
    call.body = "{\"health_checks\":null}";
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 1);
    assert_int_equal(json_array_size(json_object_get(call.answer, "health_checks")), 0);
    kit_done(&call);
}

static void test_a_new_one_may_bring_them(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token,
                            .body =
                                "{\"name\":\"checked\",\"health_checks\":[{\"path\":\"/up\"}]}"};
    kit_run(kit, "POST", kit_path("projects", &project, "/environments"), &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(json_string_value(json_object_get(check_of(&call, 0), "path")), "/up");
    call.body = "{\"name\":\"unchecked\",\"health_checks\":[{\"path\":\"up\"}]}";
    kit_run(kit, "POST", kit_path("projects", &project, "/environments"), &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/health_checks/0/path");
    kit_done(&call);
}

static const struct {
    const char *checks;
    const char *pointer;
    const char *code;
} refusals[] = {
    {"{}", "/health_checks", "member_type"},
    {"[1]", "/health_checks/0", "member_type"},
    {"[{}]", "/health_checks/0/path", "member_missing"},
    {"[{\"path\":\"/\"},{\"path\":\"/\",\"upstream\":\"b\",\"x\":1}]", "/health_checks/1/x",
     "unknown_member"},
    {"[{\"path\":\"/\"},{\"path\":\"/b\"}]", "/health_checks/1/upstream", "upstream_repeated"},
    {"[{\"path\":\"/\",\"upstream\":\"A\"}]", "/health_checks/0/upstream", "upstream_invalid"},
    {"[{\"path\":\"/a b\"}]", "/health_checks/0/path", "path_invalid"},
    {"[{\"path\":\"/\\r\\nHost: x\"}]", "/health_checks/0/path", "path_invalid"},
    {"[{\"path\":\"/\",\"interval_ms\":999}]", "/health_checks/0/interval_ms", "member_value"},
    {"[{\"path\":\"/\",\"timeout_ms\":10001}]", "/health_checks/0/timeout_ms", "member_value"},
    {"[{\"path\":\"/\",\"timeout_ms\":null}]", "/health_checks/0/timeout_ms", "member_value"},
};

static void test_checks_that_are_refused(void **state) {
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char body[256];
        struct kit_call call = {.token = kit->token, .body = body};
        snprintf(body, sizeof(body), "{\"health_checks\":%s}", refusals[i].checks);
        kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
        assert_int_equal(call.status, 422);
        assert_string_equal(call.pointer, refusals[i].pointer);
        const json_t *fault = json_array_get(json_object_get(call.answer, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(fault, "code")), refusals[i].code);
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

static void test_checks_are_counted(void **state) {
    struct kit *kit = *state;
    char body[4096];
    for (size_t count = 32; count <= 33; count++) {
        size_t len = (size_t)snprintf(body, sizeof(body), "{\"health_checks\":[");
        for (size_t i = 0; i < count; i++) {
            len +=
                (size_t)snprintf(body + len, sizeof(body) - len,
                                 "%s{\"path\":\"/\",\"upstream\":\"u%zu\"}", i > 0 ? "," : "", i);
        }
        snprintf(body + len, sizeof(body) - len, "]}");
        struct kit_call call = {.token = kit->token, .body = body};
        kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
        assert_int_equal(call.status, count == 32 ? 200 : 422);
        kit_done(&call);
    }
}

static void test_the_longest_checks_fit(void **state) {
    struct kit *kit = *state;
    size_t room = (size_t)128 << 10;
    char *body = malloc(room);
    char path[2047]; /* 1,023 that have to be escaped */
    assert_non_null(body);
    for (size_t i = 0; i + 1 < sizeof(path); i += 2) {
        path[i] = '\\';
        path[i + 1] = '"';
    }
    path[sizeof(path) - 1] = '\0';
    size_t len = (size_t)snprintf(body, room, "{\"health_checks\":[");
    for (size_t i = 0; i < 32; i++) {
        len += (size_t)snprintf(body + len, room - len,
                                "%s{\"path\":\"/%s\",\"upstream\":\"%063zu\",\"interval_ms\":"
                                "3600000,\"timeout_ms\":60000}",
                                i > 0 ? "," : "", path, i);
    }
    snprintf(body + len, room - len, "]}");
    struct kit_call call = {.token = kit->token, .body = body};
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(json_array_size(json_object_get(call.answer, "health_checks")), 32);
    call.body = "{\"health_checks\":[]}";
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    kit_done(&call);
    free(body);
}

static void test_the_host_stays_when_the_name_changes(void **state) {
    struct kit *kit = *state;
    struct id other =
        kit_make(kit, kit_path("projects", &project, "/environments"), "{\"name\":\"before\"}");
    struct kit_call call = {.token = kit->token, .body = "{\"name\":\"after\"}"};
    kit_run(kit, "PATCH", kit_path("environments", &other, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "after");
    assert_string_equal(kit_text(&call, "hostname"), "shop-before." KIT_DOMAIN);
    kit_done(&call);
}

static void test_deleting(void **state) {
    struct kit *kit = *state;
    struct id other =
        kit_make(kit, kit_path("projects", &project, "/environments"), "{\"name\":\"short\"}");
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "DELETE", kit_path("environments", &other, ""), &call);
    assert_int_equal(call.status, 428);
    call.if_match = "\"1\"";
    kit_run(kit, "DELETE", kit_path("environments", &other, ""), &call);
    assert_int_equal(call.status, 204);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT_REMOVED);
    kit_run(kit, "GET", kit_path("environments", &other, ""), &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_has_the_project_s_host),
        cmocka_unit_test(test_another_has_its_own),
        cmocka_unit_test(test_health_checks_are_completed),
        cmocka_unit_test(test_a_new_one_may_bring_them),
        cmocka_unit_test(test_checks_that_are_refused),
        cmocka_unit_test(test_checks_are_counted),
        cmocka_unit_test(test_the_longest_checks_fit),
        cmocka_unit_test(test_the_host_stays_when_the_name_changes),
        cmocka_unit_test(test_deleting),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
