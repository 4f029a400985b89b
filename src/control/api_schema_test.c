#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "control/api_schema.h"

static struct api_faults check(const struct api_schema *schema, const char *text) {
    struct api_faults faults = {.count = 0};
    struct why why;
    json_t *body = NULL;
    assert_int_equal(json_parse(str_from(text), &body, &why), STATUS_OK);
    api_schema_check(schema, body, &faults);
    json_decref(body);
    return faults;
}

static void expect(const struct api_schema *schema, const char *text, const char *pointer,
                   const char *code) {
    struct api_faults faults = check(schema, text);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.at[0].pointer, pointer);
    assert_string_equal(faults.at[0].code, code);
    assert_int_equal(faults.at[0].position, -1);
}

static void test_what_is_accepted(void **state) {
    (void)state;
    assert_int_equal(check(&api_schema_project_new, "{\"name\":\"shop\"}").count, 0);
    assert_int_equal(check(&api_schema_project_patch, "{}").count, 0);
    assert_int_equal(check(&api_schema_environment_patch, "{\"enabled\":false}").count, 0);
    assert_int_equal(
        check(&api_schema_route_patch, "{\"match\":\"exact\",\"path\":\"/\",\"position\":3}").count,
        0);
    assert_int_equal(check(&api_schema_account_key_new, "{}").count, 0);
}

static void test_times_and_words(void **state) {
    const struct api_schema *schema = &api_schema_account_patch;
    (void)state;
    assert_int_equal(
        check(schema, "{\"expires_at\":\"2030-01-31T12:00:00Z\",\"permissions\":[]}").count, 0);
    assert_int_equal(
        check(schema, "{\"expires_at\":null,\"permissions\":null,\"enabled\":null}").count, 0);
    assert_int_equal(check(schema, "{\"permissions\":[\"config:read\",\"audit:read\"]}").count, 0);
    expect(schema, "{\"expires_at\":\"tomorrow\"}", "/expires_at", "member_value");
    expect(schema, "{\"expires_at\":1893456000}", "/expires_at", "member_value");
    expect(schema, "{\"permissions\":\"config:read\"}", "/permissions", "member_type");
    expect(schema, "{\"permissions\":[\"config:read\",\"organization:own\"]}", "/permissions/1",
           "member_value");
    expect(schema, "{\"permissions\":[\"audit:read\",7]}", "/permissions/1", "member_value");
    expect(schema, "{\"permissions\":[\"audit:read\",\"audit:read\"]}", "/permissions/1",
           "member_repeated");
}

static void test_what_is_refused(void **state) {
    (void)state;
    expect(&api_schema_project_new, "{}", "/name", "member_missing");
    expect(&api_schema_project_new, "[]", "", "member_type");
    expect(&api_schema_project_new, "{\"name\":7}", "/name", "member_type");
    expect(&api_schema_project_new, "{\"name\":null}", "/name", "member_type");
    expect(&api_schema_project_new, "{\"name\":\"\"}", "/name", "too_short");
    expect(&api_schema_project_new, "{\"name\":\"Shop\"}", "/name", "name_invalid");
    expect(&api_schema_project_new, "{\"name\":\"-shop\"}", "/name", "name_invalid");
    expect(&api_schema_project_new, "{\"name\":\"shop\",\"x\":1}", "/x", "unknown_member");
    expect(&api_schema_project_new, "{\"name\":\"shop\",\"a/b~\":1}", "/a~1b~0", "unknown_member");
    expect(&api_schema_environment_patch, "{\"enabled\":1}", "/enabled", "member_type");
    expect(&api_schema_route_patch, "{\"match\":\"glob\"}", "/match", "member_value");
    expect(&api_schema_route_patch, "{\"match\":7}", "/match", "member_value");
    expect(&api_schema_route_patch, "{\"position\":-1}", "/position", "member_value");
    expect(&api_schema_route_patch, "{\"position\":2147483648}", "/position", "member_value");
    expect(&api_schema_route_patch, "{\"position\":1.5}", "/position", "member_value");
    expect(&api_schema_account_new, "{\"name\":\"a\\nb\"}", "/name", "control_character");
    expect(&api_schema_account_key_new, "{\"name\":\"x\"}", "/name", "unknown_member");
}

static void test_what_is_inside(void **state) {
    (void)state;
    /* Settings are known, and the handlers' to judge. */
    assert_int_equal(check(&api_schema_route_patch, "{\"timeouts\":1,\"sticky\":1}").count, 0);
    assert_int_equal(check(&api_schema_environment_patch, "{\"health_checks\":null}").count, 0);
    expect(&api_schema_environment_patch, "{\"health_checks\":{}}", "/health_checks",
           "member_type");
    expect(&api_schema_environment_patch, "{\"health_checks\":[{\"path\":\"/\"},7]}",
           "/health_checks/1", "member_type");
    expect(&api_schema_environment_patch, "{\"health_checks\":[{}]}", "/health_checks/0/path",
           "member_missing");
    /* What comes after it is judged at the top again. */
    struct api_faults faults =
        check(&api_schema_environment_patch, "{\"health_checks\":{},\"hostname\":1}");
    assert_int_equal(faults.count, 2);
    assert_string_equal(faults.at[0].pointer, "/hostname");
    assert_string_equal(faults.at[1].pointer, "/health_checks");
}

static void test_texts_that_are_too_long(void **state) {
    char text[256];
    (void)state;
    snprintf(text, sizeof(text), "{\"name\":\"%041d\"}", 0);
    expect(&api_schema_project_new, text, "/name", "too_long");
}

static void test_all_faults_are_told_up_to_a_bound(void **state) {
    char text[512] = "{";
    size_t len = 1;
    (void)state;
    struct api_faults faults = check(&api_schema_session_new, "{\"email\":1,\"x\":2}");
    assert_int_equal(faults.count, 3);
    for (int i = 0; i < 30; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s\"m%d\":0", i == 0 ? "" : ",", i);
    }
    snprintf(text + len, sizeof(text) - len, "}");
    assert_int_equal(check(&api_schema_account_key_new, text).count, API_FAULTS_MAX);
}

/* A name of the peer's is cut between two characters. */
static void test_pointers_are_bounded_utf8(void **state) {
    char text[400] = "{\"";
    size_t len = 2;
    (void)state;
    for (int i = 0; i < 90; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\u00e9");
    }
    snprintf(text + len, sizeof(text) - len, "\":0}");
    struct api_faults faults = check(&api_schema_account_key_new, text);
    assert_int_equal(faults.count, 1);
    json_t *node = json_string(faults.at[0].pointer);
    assert_non_null(node);
    json_decref(node);
    assert_true(strlen(faults.at[0].pointer) < API_POINTER_SIZE);
}

static void test_which_bodies_may_be_absent(void **state) {
    (void)state;
    assert_true(api_schema_may_be_absent(&api_schema_account_key_new));
    assert_true(api_schema_may_be_absent(&api_schema_route_patch));
    assert_false(api_schema_may_be_absent(&api_schema_route_new));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_accepted),
        cmocka_unit_test(test_times_and_words),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_inside),
        cmocka_unit_test(test_texts_that_are_too_long),
        cmocka_unit_test(test_all_faults_are_told_up_to_a_bound),
        cmocka_unit_test(test_pointers_are_bounded_utf8),
        cmocka_unit_test(test_which_bodies_may_be_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
