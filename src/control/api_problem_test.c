#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "control/api_problem.h"

static struct api_call call;

static int set_up(void **state) {
    (void)state;
    call = (struct api_call){.request_id = {.text = "req_00000000000000000000000001"}};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    json_decref(call.answer.body);
    return 0;
}

static const char *text_of(const char *name) {
    return json_string_value(json_object_get(call.answer.body, name));
}

static void test_a_problem(void **state) {
    (void)state;
    (void)!why_set(&call.why, STATUS_CONFLICT, "name_taken", "there is one of this name");
    api_problem_answer(&call, STATUS_CONFLICT);
    assert_int_equal(call.answer.status, 409);
    assert_true(call.answer.is_problem);
    assert_string_equal(text_of("type"), "/v1/openapi.json#/x-problems/name_taken");
    assert_string_equal(text_of("title"), "The name is taken");
    assert_string_equal(text_of("detail"), "there is one of this name");
    assert_string_equal(text_of("code"), "name_taken");
    assert_string_equal(text_of("request_id"), "req_00000000000000000000000001");
    const json_t *fault = json_array_get(json_object_get(call.answer.body, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(fault, "pointer")), "/name");
    assert_null(json_object_get(fault, "position"));
}

static void test_faults_are_told(void **state) {
    (void)state;
    api_schema_add_fault(&call.faults, "path", "regexp_group", 2, "a group is not closed");
    (void)!why_set(&call.why, STATUS_INVALID, "validation_failed", "no");
    api_problem_answer(&call, STATUS_INVALID);
    assert_int_equal(call.answer.status, 422);
    const json_t *fault = json_array_get(json_object_get(call.answer.body, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(fault, "pointer")), "/path");
    assert_string_equal(json_string_value(json_object_get(fault, "code")), "regexp_group");
    assert_int_equal(json_integer_value(json_object_get(fault, "position")), 2);
}

/* What the system says of itself is nobody's business but the operator's. */
static void test_nothing_of_the_inside_is_told(void **state) {
    (void)state;
    (void)!why_set(&call.why, STATUS_FAILED, "store_failed",
                   "sqlite: /data/store.db: disk I/O error");
    api_problem_answer(&call, STATUS_FAILED);
    assert_int_equal(call.answer.status, 500);
    assert_string_equal(text_of("code"), "internal_error");
    assert_null(strstr(text_of("detail"), "sqlite"));
}

static void test_slugs_and_statuses(void **state) {
    static const struct {
        enum status status;
        const char *slug;
        unsigned http;
    } cases[] = {
        {STATUS_UNAVAILABLE, "storage_full", 507},
        {STATUS_UNAVAILABLE, "storage_busy", 503},
        {STATUS_UNAVAILABLE, "storage_unavailable", 503},
        {STATUS_UNAVAILABLE, "what", 503},
        {STATUS_NOT_FOUND, "row_not_found", 404},
        {STATUS_NOT_FOUND, "", 404},
        {STATUS_DENIED, "", 401},
        {STATUS_DENIED, "forbidden", 403},
        {STATUS_INVALID, "strange", 422},
        {STATUS_FAILED, "", 500},
        {STATUS_CONFLICT, "strange", 500},
        {STATUS_UNAVAILABLE, "too_many_attempts", 429},
        {STATUS_INVALID, "precondition_required", 428},
        {STATUS_CONFLICT, "revision_mismatch", 412},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(api_problem_find(cases[i].status, cases[i].slug)->status, cases[i].http);
    }
}

static void test_when_to_try_again(void **state) {
    (void)state;
    (void)!why_set(&call.why, STATUS_UNAVAILABLE, "overloaded", "busy");
    api_problem_answer(&call, STATUS_UNAVAILABLE);
    assert_int_equal(call.answer.retry_after_seconds, 1);
    json_decref(call.answer.body);
    call.answer = (struct api_answer){.retry_after_seconds = 17};
    (void)!why_set(&call.why, STATUS_UNAVAILABLE, "too_many_attempts", "slower");
    api_problem_answer(&call, STATUS_UNAVAILABLE);
    assert_int_equal(call.answer.retry_after_seconds, 17);
}

static void test_errors_of_the_engine(void **state) {
    struct why why;
    json_t *document = NULL;
    (void)state;
    (void)!why_set(&why, STATUS_INVALID, "bare_lf", "no");
    assert_int_equal(json_parse(api_problem_of_engine(400, &why), &document, NULL), STATUS_OK);
    assert_string_equal(json_string_value(json_object_get(document, "code")), "bare_lf");
    assert_int_equal(json_integer_value(json_object_get(document, "status")), 400);
    json_decref(document);
    assert_int_equal(json_parse(api_problem_of_engine(431, NULL), &document, NULL), STATUS_OK);
    json_decref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_problem, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_of_the_inside_is_told, set_up, tear_down),
        cmocka_unit_test(test_slugs_and_statuses),
        cmocka_unit_test_setup_teardown(test_when_to_try_again, set_up, tear_down),
        cmocka_unit_test(test_errors_of_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
