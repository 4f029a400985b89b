/* handle_manifest_test.c: a project as one document: out, in again, planned, managed, pruned, all of it or nothing. */
#include "control/control_test_kit.h"

static struct id project;
static struct id environment;

static int setup(void **state) {
    kit_setup(state);
    project = kit_add_project(*state, "shop", &environment);
    return 0;
}

static void put(struct kit *kit, const char *query, const char *body, struct kit_call *call) {
    char path[200];
    snprintf(path, sizeof(path), "%s%s", kit_path("projects", &project, "/manifest"), query);
    call->token = kit->token;
    call->body = body;
    call->if_match = "*";
    kit_run(kit, "PUT", path, call);
    call->if_match = NULL;
    call->body = NULL;
}

static json_int_t count_of(const struct kit_call *call, const char *what) {
    return json_integer_value(json_object_get(json_object_get(call->answer, "summary"), what));
}

static void expect_counts(const struct kit_call *call, int create, int update, int deleted,
                          int unchanged) {
    assert_int_equal(call->status, 200);
    assert_int_equal(count_of(call, "create"), create);
    assert_int_equal(count_of(call, "update"), update);
    assert_int_equal(count_of(call, "delete"), deleted);
    assert_int_equal(count_of(call, "unchanged"), unchanged);
}

static const char first[] =
    "{\"project\":\"shop\",\"environments\":["
    "{\"name\":\"production\",\"settings\":{\"logs\":{\"retention_days\":30}},\"routes\":["
    "{\"path\":\"/a\"},{\"path\":\"/b\",\"match\":\"exact\",\"sticky\":true,"
    "\"cors\":{\"origins\":[\"https://a.example\"],\"credentials\":null}}]},"
    "{\"name\":\"staging\",\"enabled\":false,\"hostnames\":[\"next.example.org\"],"
    "\"routes\":[{\"path\":\"/\"}]}]}";

static size_t route_count(struct kit *kit) {
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", kit_path("environments", &environment, "/routes"), &call);
    size_t count = json_array_size(json_object_get(call.answer, "items"));
    kit_done(&call);
    return count;
}

static void test_a_dry_run_does_nothing(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    put(kit, "?dry_run=true", first, &call);
    expect_counts(&call, 4, 1, 0, 0);
    assert_true(json_is_true(json_object_get(call.answer, "dry_run")));
    assert_int_equal(call.change_count, 0);
    assert_int_equal(route_count(kit), 0);
    const json_t *change = json_array_get(json_object_get(call.answer, "changes"), 1);
    assert_string_equal(json_string_value(json_object_get(change, "pointer")),
                        "/environments/0/routes/0");
    assert_true(json_is_null(json_object_get(change, "before")));
    kit_done(&call);
}

static void test_a_second_time_changes_nothing(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    put(kit, "", first, &call);
    expect_counts(&call, 4, 1, 0, 0);
    assert_int_equal(call.change_count, 2);
    put(kit, "", first, &call);
    expect_counts(&call, 0, 0, 0, 5);
    assert_int_equal(call.change_count, 0);
    /* What is exported is taken again, and changes nothing. */
    call.token = kit->token;
    kit_run(kit, "GET", kit_path("projects", &project, "/manifest"), &call);
    assert_int_equal(call.status, 200);
    char *exported = json_dumps(call.answer, JSON_COMPACT);
    char etag[64];
    snprintf(etag, sizeof(etag), "%s", call.etag);
    call.body = exported;
    call.if_match = etag;
    kit_run(kit, "PUT", kit_path("projects", &project, "/manifest"), &call);
    expect_counts(&call, 0, 0, 0, 5);
    assert_string_equal(call.etag, etag);
    free(exported);
    kit_done(&call);
}

static void test_the_tag_guards(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token, .body = first};
    kit_run(kit, "PUT", kit_path("projects", &project, "/manifest"), &call);
    assert_int_equal(call.status, 428);
    call.if_match = "\"0123\"";
    kit_run(kit, "PUT", kit_path("projects", &project, "/manifest"), &call);
    assert_int_equal(call.status, 412);
    kit_done(&call);
}

static void test_order_follows_the_document(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    put(kit, "",
        "{\"environments\":[{\"name\":\"production\",\"routes\":[{\"path\":\"/b\",\"match\":"
        "\"exact\"},{\"path\":\"/new\"},{\"path\":\"/a\"}]}]}",
        &call);
    assert_int_equal(call.status, 200);
    call.token = kit->token;
    kit_run(kit, "GET", kit_path("environments", &environment, "/routes"), &call);
    const json_t *items = json_object_get(call.answer, "items");
    static const char *const wanted[] = {"/b", "/new", "/a"};
    assert_int_equal(json_array_size(items), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(items, i);
        assert_string_equal(json_string_value(json_object_get(item, "path")), wanted[i]);
        assert_string_equal(json_string_value(json_object_get(item, "managed_by")),
                            "manifest:manifest");
    }
    kit_done(&call);
}

static struct id first_route(struct kit *kit) {
    return kit_first(kit, kit_path("environments", &environment, "/routes"));
}

static void test_what_is_managed_is_left_alone(void **state) {
    struct kit *kit = *state;
    struct id route = first_route(kit);
    struct kit_call call = {.token = kit->token, .body = "{\"sticky\":true}"};
    kit_run(kit, "PATCH", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "managed");
    call.body = NULL;
    call.if_match = "*";
    kit_run(kit, "DELETE", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 409);
    call.body = "{\"enabled\":false}";
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 409);
    /* Another manifest, too, has to say that it means it. */
    put(kit, "?field_manager=other", "{\"environments\":[{\"name\":\"production\"}]}", &call);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "managed");
    assert_string_equal(call.pointer, "/environments/0");
    call.body = "{\"sticky\":true}";
    kit_run(kit, "PATCH", kit_path("routes", &route, "?force=true"), &call);
    assert_int_equal(call.status, 200);
    assert_true(json_is_null(json_object_get(call.answer, "managed_by")));
    kit_done(&call);
}

static void test_what_is_not_named_goes_if_it_is_its_own(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    static const char bare[] = "{\"environments\":[{\"name\":\"production\",\"routes\":[]}]}";
    size_t before = route_count(kit);
    put(kit, "?prune=none", bare, &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(route_count(kit), before);
    /* The one that was taken over stays. */
    put(kit, "", bare, &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(route_count(kit), 1);
    put(kit, "?prune=all", bare, &call);
    expect_counts(&call, 0, 0, 1, 1);
    assert_int_equal(route_count(kit), 0);
    kit_done(&call);
}

static const struct {
    const char *body;
    unsigned status;
    const char *code;
    const char *pointer;
} refusals[] = {
    {"{}", 422, "validation_failed", "/environments"},
    {"{\"environments\":[{}]}", 422, "validation_failed", "/environments/0/name"},
    {"{\"environments\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", 422, "validation_failed",
     "/environments/1/name"},
    {"{\"project\":\"other\",\"environments\":[]}", 422, "validation_failed", "/project"},
    {"{\"environments\":[{\"name\":\"a\",\"routes\":[{\"path\":\"/\"},{\"path\":\"/"
     "x\",\"id\":1}]}]}",
     422, "validation_failed", "/environments/0/routes/1/id"},
    {"{\"environments\":[{\"name\":\"a\",\"routes\":[{\"path\":\"/\",\"cors\":{\"origins\":"
     "[\"*\"],\"credentials\":true}}]}]}",
     422, "validation_failed", "/environments/0/routes/0/cors/origins"},
    {"{\"environments\":[{\"name\":\"a\",\"settings\":{\"logs\":{\"retention_days\":0}}}]}", 422,
     "validation_failed", "/environments/0/settings/logs/retention_days"},
    {"{\"environments\":[{\"name\":\"a\",\"hostname\":\"api." KIT_DOMAIN "\"}]}", 422,
     "validation_failed", "/environments/0/hostname"},
    {"{\"environments\":[{\"name\":\"a\",\"hostnames\":[\"x.example\",\"X.example\"]}]}", 422,
     "validation_failed", "/environments/0/hostnames/1"},
};

static void test_faults_have_their_place_and_nothing_is_done(void **state) {
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct kit_call call = {0};
        put(kit, "", refusals[i].body, &call);
        assert_int_equal(call.status, refusals[i].status);
        assert_string_equal(call.code, refusals[i].code);
        assert_string_equal(call.pointer, refusals[i].pointer);
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

static void test_many_routes_in_one_go(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {0};
    size_t size = 64 * 1024;
    char *body = malloc(size);
    size_t len =
        (size_t)snprintf(body, size, "{\"environments\":[{\"name\":\"production\",\"routes\":[");
    for (size_t i = 0; i < 1000; i++) {
        len += (size_t)snprintf(body + len, size - len, "%s{\"path\":\"/many/%zu\"}",
                                i > 0 ? "," : "", i);
    }
    (void)snprintf(body + len, size - len, "]}]}");
    put(kit, "", body, &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(count_of(&call, "create"), 1000);
    assert_int_equal(call.change_count, 1);
    put(kit, "", body, &call);
    expect_counts(&call, 0, 0, 0, 1001);
    free(body);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dry_run_does_nothing),
        cmocka_unit_test(test_a_second_time_changes_nothing),
        cmocka_unit_test(test_the_tag_guards),
        cmocka_unit_test(test_order_follows_the_document),
        cmocka_unit_test(test_what_is_managed_is_left_alone),
        cmocka_unit_test(test_what_is_not_named_goes_if_it_is_its_own),
        cmocka_unit_test(test_faults_have_their_place_and_nothing_is_done),
        cmocka_unit_test(test_many_routes_in_one_go),
    };
    return store_test_database_run_group(tests, setup, kit_teardown);
}
