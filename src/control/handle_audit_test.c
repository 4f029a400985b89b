/* handle_audit_test.c: audit events through the API: who may see which, filters, pages, and the way out of the organization's reach. */
#include "control/control_test_kit.h"

#include <string.h>

#include "control/audit.h"

static struct kit_call ask(struct kit *kit, const char *path, const char *token) {
    struct kit_call call = {.token = token != NULL ? token : kit->token};
    kit_run(kit, "GET", path, &call);
    return call;
}

static const json_t *item(const struct kit_call *call, size_t i) {
    return json_array_get(json_object_get(call->answer, "items"), i);
}

static size_t count_items(const struct kit_call *call) {
    return json_array_size(json_object_get(call->answer, "items"));
}

static const char *list_path(const struct kit *kit, const char *query) {
    static char path[400];
    snprintf(path, sizeof(path), "/v1/organizations/%s/audit-events%s", kit->organization.text,
             query);
    return path;
}

static void test_one_and_many(void **state) {
    struct kit *kit = *state;
    struct id environment;
    char path[160];
    struct id project = kit_add_project(kit, "seen", &environment);
    struct kit_call call = ask(kit, list_path(kit, "?limit=2"), NULL);
    assert_int_equal(call.status, 200);
    assert_int_equal(count_items(&call), 2);
    assert_string_equal(json_string_value(json_object_get(item(&call, 0), "action")),
                        "environment.created");
    assert_string_equal(json_string_value(json_object_get(item(&call, 1), "action")),
                        "project.created");
    assert_string_equal(json_string_value(json_object_get(item(&call, 1), "target")), project.text);
    snprintf(path, sizeof(path), "/v1/audit-events/%s",
             json_string_value(json_object_get(item(&call, 0), "id")));
    json_t *first = json_deep_copy(item(&call, 0));
    char more[300];
    snprintf(more, sizeof(more), "?limit=2&cursor=%s", kit_text(&call, "next_cursor"));
    kit_done(&call);
    call = ask(kit, path, NULL);
    assert_int_equal(call.status, 200);
    assert_true(json_equal(call.answer, first));
    json_decref(first);
    kit_done(&call);
    call = ask(kit, list_path(kit, more), NULL);
    assert_int_equal(call.status, 200);
    assert_string_not_equal(json_string_value(json_object_get(item(&call, 0), "action")),
                            "project.created");
    kit_done(&call);
    call = ask(kit, kit_path("projects", &project, "/audit-events"), NULL);
    assert_int_equal(call.status, 200);
    assert_int_equal(count_items(&call), 2);
    kit_done(&call);
}

static void test_filters(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct id project = kit_add_project(kit, "filtered", &environment);
    char query[200];
    const struct {
        const char *name;
        const char *value;
        size_t count;
    } cases[] = {
        {"target", project.text, 1},
        {"project", project.text, 2},
        {"environment", environment.text, 1},
        {"actor", project.text, 0},
        {"action", "no.such", 0},
        {"until", "2001-01-01T00:00:00Z", 0},
        {"since", "2201-01-01T00:00:00Z", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(query, sizeof(query), "?%s=%s", cases[i].name, cases[i].value);
        struct kit_call call = ask(kit, list_path(kit, query), NULL);
        assert_int_equal(call.status, 200);
        assert_int_equal(count_items(&call), cases[i].count);
        kit_done(&call);
    }
}

static void test_bad_queries(void **state) {
    static const char *const queries[] = {
        "?actor=x", "?since=yesterday", "?until=", "?colour=red", "?target=prj_1", "?project=%00",
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct kit_call call = ask(kit, list_path(kit, queries[i]), NULL);
        assert_int_equal(call.status, 400);
        assert_string_equal(call.code, "query_invalid");
        kit_done(&call);
    }
    struct kit_call call = ask(kit, list_path(kit, "/export?format=xml"), NULL);
    assert_int_equal(call.status, 400);
    kit_done(&call);
}

static void test_who_may(void **state) {
    struct kit *kit = *state;
    char viewer[64];
    char stranger[64];
    char path[160];
    struct id other = kit_add_organization(kit);
    kit_add_member(kit, "auditviewer@example.com", &kit->organization, STORE_ROLE_VIEWER, viewer);
    kit_add_member(kit, "auditowner@example.com", &other, STORE_ROLE_OWNER, stranger);
    struct id event = kit_first(kit, list_path(kit, ""));
    snprintf(path, sizeof(path), "/v1/audit-events/%s", event.text);
    const struct {
        const char *path;
        const char *token;
        unsigned status;
    } cases[] = {
        {path, viewer, 403},
        {path, stranger, 404},
        {path, kit->token, 200},
        {"/v1/audit-events/evt_00000000000000000000000000", kit->token, 404},
        {"/v1/installation/audit-events", kit->token, 200},
        {"/v1/installation/audit-events", viewer, 403},
        {"/v1/installation/audit-events", stranger, 403},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_call call = ask(kit, cases[i].path, cases[i].token);
        assert_int_equal(call.status, cases[i].status);
        kit_done(&call);
    }
    struct kit_call call = ask(kit, list_path(kit, ""), viewer);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = ask(kit, list_path(kit, ""), stranger);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

static void test_nobody_changes_one(void **state) {
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct kit *kit = *state;
    struct id event = kit_first(kit, list_path(kit, ""));
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct kit_call call = {.token = kit->token, .body = "{}"};
        kit_run(kit, methods[i], kit_path("audit-events", &event, ""), &call);
        assert_string_equal(call.code, "method_not_allowed");
        kit_done(&call);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_and_many),       cmocka_unit_test(test_filters),
        cmocka_unit_test(test_bad_queries),        cmocka_unit_test(test_who_may),
        cmocka_unit_test(test_nobody_changes_one),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
