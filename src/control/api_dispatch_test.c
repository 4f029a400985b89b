/* api_dispatch_test.c: calls from authentication to the answer, and that everybody gets only what is theirs. */
#include "control/control_test_kit.h"

#include <string.h>

#include "control/api_problem.h"

struct objects {
    struct id project, environment, route, account, key;
};

static struct id first_item(struct kit *kit, const char *path) {
    struct id id = {.text = ""};
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    const json_t *item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_non_null(item);
    snprintf(id.text, sizeof(id.text), "%s", json_string_value(json_object_get(item, "id")));
    kit_done(&call);
    return id;
}

static struct objects make_objects(struct kit *kit, const char *name) {
    struct objects made;
    char body[96];
    snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    made.project = kit_make(kit, kit_path("organizations", &kit->organization, "/projects"), body);
    made.environment = first_item(kit, kit_path("projects", &made.project, "/environments"));
    made.route =
        kit_make(kit, kit_path("environments", &made.environment, "/routes"), "{\"path\":\"/\"}");
    made.account = kit_make(kit, kit_path("projects", &made.project, "/service-accounts"),
                            "{\"name\":\"gate\"}");
    made.key = kit_make(kit, kit_path("service-accounts", &made.account, "/keys"), "{}");
    return made;
}

/* Who */

static void test_signing_in(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.body = "{\"email\":\"ADMIN@" KIT_DOMAIN
                                    "\",\"password\":\"" KIT_PASSWORD "\"}"};
    char token[64];
    kit_run(kit, "POST", "/v1/sessions", &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "token_type"), "Bearer");
    snprintf(token, sizeof(token), "%s", kit_text(&call, "token"));
    call = (struct kit_call){.token = token, .answer = call.answer};
    kit_run(kit, "GET", "/v1/me", &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "email"), "admin@" KIT_DOMAIN);
    kit_run(kit, "DELETE", "/v1/sessions/current", &call);
    assert_int_equal(call.status, 204);
    assert_null(call.answer);
    kit_run(kit, "GET", "/v1/me", &call);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "session_invalid");
    kit_done(&call);
}

static void test_wrong_credentials_are_one_answer(void **state) {
    static const char *const bodies[] = {
        "{\"email\":\"admin@" KIT_DOMAIN "\",\"password\":\"something else\"}",
        "{\"email\":\"nobody@" KIT_DOMAIN "\",\"password\":\"" KIT_PASSWORD "\"}",
        "{\"email\":\"no address\",\"password\":\"" KIT_PASSWORD "\"}",
    };
    struct kit *kit = *state;
    char first[256] = "";
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct kit_call call = {.body = bodies[i]};
        kit_run(kit, "POST", "/v1/sessions", &call);
        assert_int_equal(call.status, 401);
        assert_string_equal(call.code, "credentials_wrong");
        if (i == 0) {
            snprintf(first, sizeof(first), "%s", kit_text(&call, "detail"));
        }
        assert_string_equal(kit_text(&call, "detail"), first);
        kit_done(&call);
    }
}

static void test_tokens_that_are_none(void **state) {
    static const char *const tokens[] = {NULL, "", "x", "Bearer", "not-a-token"};
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct kit_call call = {.token = tokens[i]};
        kit_run(kit, "GET", "/v1/me", &call);
        assert_int_equal(call.status, 401);
        kit_done(&call);
    }
}

/* Bodies */

static void test_bodies_that_are_refused(void **state) {
    static const struct {
        const char *body;
        const char *type;
        unsigned status;
        const char *code;
    } cases[] = {
        {NULL, NULL, 400, "body_missing"},
        {"{", NULL, 400, "json_invalid"},
        {"{\"name\":\"a\",\"name\":\"b\"}", NULL, 400, "json_invalid"},
        {"\"text\"", NULL, 400, "json_invalid"},
        {"[1]", NULL, 422, "validation_failed"},
        {"name=x", "text/plain", 415, "media_type"},
        {"{\"name\":\"x\"}", "application/jsonx", 415, "media_type"},
        {"{\"name\":\"api\"}", NULL, 422, "name_invalid"},
        {"{\"name\":\"api\"}", "Application/JSON; charset=utf-8", 422, "name_invalid"},
    };
    struct kit *kit = *state;
    char path[160];
    snprintf(path, sizeof(path), "%s", kit_path("organizations", &kit->organization, "/projects"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_call call = {.token = kit->token, .body = cases[i].body, .type = cases[i].type};
        kit_run(kit, "POST", path, &call);
        assert_int_equal(call.status, cases[i].status);
        assert_string_equal(call.code, cases[i].code);
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

/* Projects and environments */

static void test_a_project_brings_its_environment(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token, .body = "{\"name\":\"first\"}"};
    kit_run(kit, "POST", kit_path("organizations", &kit->organization, "/projects"), &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(call.etag, "\"1\"");
    assert_int_equal(call.change_count, 1);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT);
    struct id project = {.text = ""};
    snprintf(project.text, sizeof(project.text), "%s", kit_text(&call, "id"));
    struct id environment = first_item(kit, kit_path("projects", &project, "/environments"));
    call.body = NULL;
    kit_run(kit, "GET", kit_path("environments", &environment, ""), &call);
    assert_string_equal(kit_text(&call, "hostname"), "first." KIT_DOMAIN);
    assert_string_equal(kit_text(&call, "url"), "https://first." KIT_DOMAIN ":8443");
    assert_true(json_is_true(json_object_get(call.answer, "enabled")));
    call.body = "{\"name\":\"staging\"}";
    kit_run(kit, "POST", kit_path("projects", &project, "/environments"), &call);
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "hostname"), "first-staging." KIT_DOMAIN);
    kit_run(kit, "POST", kit_path("projects", &project, "/environments"), &call);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "name_taken");
    assert_string_equal(call.pointer, "/name");
    call.body = "{\"name\":\"first\"}";
    kit_run(kit, "POST", kit_path("organizations", &kit->organization, "/projects"), &call);
    assert_int_equal(call.status, 409);
    kit_done(&call);
}

/* The name of a project's environment may spell another project's host name: one of the two loses, and leaves nothing. */
static void test_host_names_that_collide(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token, .body = "{\"name\":\"b\"}"};
    (void)make_objects(kit, "a-b");
    struct objects other = make_objects(kit, "a");
    kit_run(kit, "POST", kit_path("projects", &other.project, "/environments"), &call);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "hostname_taken");
    assert_string_equal(call.pointer, "/name");
    call.body = NULL;
    kit_run(kit, "GET", kit_path("projects", &other.project, "/environments"), &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 1);
    kit_done(&call);
}

static void test_switching_an_environment(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "switch");
    struct kit_call call = {.token = kit->token, .body = "{\"enabled\":false}"};
    kit_run(kit, "PATCH", kit_path("environments", &made.environment, ""), &call);
    assert_int_equal(call.status, 200);
    assert_true(json_is_false(json_object_get(call.answer, "enabled")));
    assert_int_equal(call.change_count, 1);
    json_int_t revision = json_integer_value(json_object_get(call.answer, "bundle_revision"));
    /* What changes nothing is no change. */
    kit_run(kit, "PATCH", kit_path("environments", &made.environment, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 0);
    assert_int_equal(json_integer_value(json_object_get(call.answer, "bundle_revision")), revision);
    call.body = "{\"hostname\":\"api." KIT_DOMAIN "\"}";
    kit_run(kit, "PATCH", kit_path("environments", &made.environment, ""), &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/hostname");
    kit_done(&call);
}

static void test_entity_tags(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "tags");
    struct kit_call call = {.token = kit->token};
    char path[160];
    char tag[64];
    snprintf(path, sizeof(path), "%s", kit_path("environments", &made.environment, ""));
    kit_run(kit, "GET", path, &call);
    snprintf(tag, sizeof(tag), "%s", call.etag);
    call.if_none_match = tag;
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 304);
    assert_null(call.answer);
    call.if_none_match = "\"x\" , \"y\"";
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    call.if_none_match = NULL;
    /* A new route shows in the environment's representation, so its tag is another. */
    (void)kit_make(kit, kit_path("environments", &made.environment, "/routes"),
                   "{\"path\":\"/b\"}");
    call.if_none_match = tag;
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    call.if_none_match = NULL;
    call.if_match = tag;
    call.body = "{\"enabled\":false}";
    kit_run(kit, "PATCH", path, &call);
    assert_int_equal(call.status, 412);
    assert_string_equal(call.code, "revision_mismatch");
    assert_true(call.etag[0] != '\0');
    call.if_match = "\"1\"";
    kit_run(kit, "PATCH", path, &call);
    assert_int_equal(call.status, 200);
    call.if_match = NULL;
    call.body = NULL;
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 428);
    call.if_match = "*";
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 204);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT_REMOVED);
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

/* Routes */

static void test_routes_are_judged(void **state) {
    static const struct {
        const char *body;
        const char *pointer;
        json_int_t position; /* least; -1: none is told */
    } cases[] = {
        {"{\"match\":\"regexp\",\"path\":\"/a(b\"}", "/path", 2},
        {"{\"match\":\"regexp\",\"path\":\"/(a)\\\\1\"}", "/path", 4},
        {"{\"match\":\"exact\",\"path\":\"/a/../b\"}", "/path", 0},
        {"{\"match\":\"prefix\",\"path\":\"api\"}", "/path", 0},
        {"{\"path\":\"/\",\"upstream\":\"Default\"}", "/upstream", -1},
        {"{\"path\":\"/\",\"match\":\"glob\"}", "/match", -1},
        {"{\"match\":\"prefix\"}", "/path", -1},
    };
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "judged");
    char path[160];
    snprintf(path, sizeof(path), "%s", kit_path("environments", &made.environment, "/routes"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_call call = {.token = kit->token, .body = cases[i].body};
        kit_run(kit, "POST", path, &call);
        assert_int_equal(call.status, 422);
        assert_string_equal(call.pointer, cases[i].pointer);
        if (cases[i].position >= 0) {
            assert_true(call.position >= cases[i].position);
        }
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

static void test_changing_a_route(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "changing");
    struct kit_call call = {.token = kit->token, .body = "{\"match\":\"exact\",\"path\":\"/x\"}"};
    char path[160];
    snprintf(path, sizeof(path), "%s", kit_path("routes", &made.route, ""));
    kit_run(kit, "PATCH", path, &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "match"), "exact");
    assert_string_equal(kit_text(&call, "upstream"), "default");
    assert_string_equal(call.etag, "\"2\"");
    assert_int_equal(call.change_count, 1);
    /* Alone each is right, together they are not. */
    call.body = "{\"match\":\"regexp\",\"path\":\"/(\"}";
    kit_run(kit, "PATCH", path, &call);
    assert_int_equal(call.status, 422);
    call.body = "{}";
    kit_run(kit, "PATCH", path, &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 0);
    call.body = NULL;
    call.if_match = "\"1\"";
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 412);
    call.if_match = "\"2\"";
    kit_run(kit, "DELETE", path, &call);
    assert_int_equal(call.status, 204);
    assert_int_equal(call.change_kind, CHANGE_ENVIRONMENT);
    kit_done(&call);
}

static void test_lists_in_pages(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "pages");
    struct kit_call call = {.token = kit->token};
    char path[160];
    char next[400];
    size_t seen = 0;
    for (int i = 0; i < 4; i++) {
        char body[64];
        snprintf(body, sizeof(body), "{\"path\":\"/%d\"}", i);
        (void)kit_make(kit, kit_path("environments", &made.environment, "/routes"), body);
    }
    snprintf(path, sizeof(path), "%s", kit_path("environments", &made.environment, "/routes"));
    snprintf(next, sizeof(next), "%s?limit=2", path);
    json_int_t last = -1;
    while (next[0] != '\0') {
        size_t i;
        json_t *item;
        kit_run(kit, "GET", next, &call);
        assert_int_equal(call.status, 200);
        assert_int_equal(json_object_size(call.answer), 2);
        json_array_foreach(json_object_get(call.answer, "items"), i, item) {
            json_int_t position = json_integer_value(json_object_get(item, "position"));
            assert_true(position > last);
            last = position;
            seen++;
        }
        const char *cursor = kit_text(&call, "next_cursor");
        next[0] = '\0';
        if (cursor[0] != '\0') {
            snprintf(next, sizeof(next), "%s?limit=2&cursor=%s", path, cursor);
        }
    }
    assert_int_equal(seen, 5);
    kit_done(&call);
}

/* Keys */

static void test_keys_are_shown_once(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "once");
    struct kit_call call = {.token = kit->token};
    char key[64];
    kit_run(kit, "POST", kit_path("service-accounts", &made.account, "/keys"), &call);
    assert_int_equal(call.status, 201);
    snprintf(key, sizeof(key), "%s", kit_text(&call, "key"));
    assert_int_equal(strlen(key), 50);
    assert_true(strncmp(key, kit_text(&call, "prefix"), 8) == 0);
    kit_run(kit, "POST", kit_path("service-accounts", &made.account, "/keys"), &call);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "keys_too_many");
    kit_run(kit, "GET", kit_path("service-accounts", &made.account, "/keys"), &call);
    char *text = json_dumps(call.answer, 0);
    assert_null(strstr(text, key));
    free(text);
    kit_run(kit, "DELETE", kit_path("keys", &made.key, ""), &call);
    assert_int_equal(call.status, 204);
    kit_run(kit, "DELETE", kit_path("keys", &made.key, ""), &call);
    assert_int_equal(call.status, 204);
    kit_done(&call);
}

/* Everybody gets only what is theirs: each operation that names an object, called by whom it does not belong to. */

static const char *object_path(const struct objects *made, const struct id *organization,
                               const char *template, char out[160]) {
    static const struct id nobody = {.text = "mem_00000000000000000000000000"};
    const struct {
        const char *name;
        const struct id *id;
    } ids[] = {
        {"{org}", organization}, {"{prj}", &made->project}, {"{env}", &made->environment},
        {"{rt}", &made->route},  {"{sa}", &made->account},  {"{key}", &made->key},
        {"{mem}", &nobody},
    };
    char rest[160];
    snprintf(out, 160, "%s", template);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char *at = strstr(out, ids[i].name);
        if (at != NULL) {
            snprintf(rest, sizeof(rest), "%s", at + strlen(ids[i].name));
            snprintf(at, 160 - (size_t)(at - out), "%s%s", ids[i].id->text, rest);
        }
    }
    return strchr(out, '{') == NULL && strcmp(out, template) != 0 ? out : NULL;
}

/* A body that would be right. */
static const char *right_body(const struct api_operation *operation) {
    if (operation->schema == NULL) {
        return NULL;
    }
    if (operation->schema == &api_schema_route_new ||
        operation->schema == &api_schema_route_patch) {
        return "{\"path\":\"/matrix\"}";
    }
    return operation->schema == &api_schema_account_key_new ? "{}" : "{\"name\":\"matrix\"}";
}

/* Everywhere in an organization but where one of these permissions is enough. */
static void expect_everywhere(struct kit *kit, const struct objects *made, const char *token,
                              uint32_t permissions, unsigned status) {
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        char path[160];
        if (!permission_has_tenant(operation->permission) ||
            (permissions & PERMISSION_BIT(operation->permission)) != 0 ||
            object_path(made, &kit->organization, operation->path, path) == NULL) {
            continue;
        }
        struct kit_call call = {.token = token, .body = right_body(operation), .if_match = "*"};
        kit_run(kit, operation->method, path, &call);
        if (call.status != status) {
            fail_msg("%s %s: %u, not %u", operation->method, operation->path, call.status, status);
        }
        assert_int_equal(call.change_count, 0);
        kit_done(&call);
    }
}

static void test_strangers_find_nothing(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "mine");
    struct id other = kit_add_organization(kit);
    char token[64];
    kit_add_member(kit, "stranger@example.net", &other, STORE_ROLE_OWNER, token);
    expect_everywhere(kit, &made, token, 0, 404);
    expect_everywhere(kit, &made, NULL, 0, 401);
    expect_everywhere(kit, &made, "forged", 0, 401);
    struct kit_call call = {.token = token};
    kit_run(kit, "GET", "/v1/organizations", &call);
    assert_int_equal(json_array_size(json_object_get(call.answer, "items")), 1);
    kit_done(&call);
}

static void test_roles(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "roles");
    char viewer[64];
    char developer[64];
    kit_add_member(kit, "viewer@example.net", &kit->organization, STORE_ROLE_VIEWER, viewer);
    kit_add_member(kit, "developer@example.net", &kit->organization, STORE_ROLE_DEVELOPER,
                   developer);
    expect_everywhere(kit, &made, viewer, permission_of_role(STORE_ROLE_VIEWER), 403);
    expect_everywhere(kit, &made, developer, permission_of_role(STORE_ROLE_DEVELOPER), 403);
    struct kit_call call = {.token = viewer};
    kit_run(kit, "GET", kit_path("environments", &made.environment, "/routes"), &call);
    assert_int_equal(call.status, 200);
    call.token = developer;
    call.body = "{\"path\":\"/dev\"}";
    kit_run(kit, "POST", kit_path("environments", &made.environment, "/routes"), &call);
    assert_int_equal(call.status, 201);
    kit_done(&call);
}

static void test_objects_that_are_not_there(void **state) {
    static const struct objects none = {
        .project = {.text = "prj_00000000000000000000000000"},
        .environment = {.text = "env_00000000000000000000000000"},
        .route = {.text = "rt_00000000000000000000000000"},
        .account = {.text = "sa_00000000000000000000000000"},
        .key = {.text = "key_00000000000000000000000000"},
    };
    struct kit *kit = *state;
    struct id organization = kit->organization;
    snprintf(kit->organization.text, sizeof(kit->organization.text),
             "org_00000000000000000000000000");
    expect_everywhere(kit, &none, kit->token, 0, 404);
    kit->organization = organization;
}

static void test_every_answer_has_the_members_that_are_promised(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "shape");
    struct kit_call document = {.token = NULL};
    struct kit_call call = {.token = kit->token};
    const struct {
        const char *path;
        const char *schema;
    } cases[] = {
        {"/v1/me", "Me"},
        {"/v1/projects/{prj}", "Project"},
        {"/v1/environments/{env}", "Environment"},
        {"/v1/routes/{rt}", "Route"},
    };
    kit_run(kit, "GET", "/v1/me", &document);
    extern const unsigned char openapi_json[];
    extern const size_t openapi_json_len;
    struct why why;
    json_t *openapi = NULL;
    kit_done(&document);
    assert_int_equal(json_parse(str_make(openapi_json, openapi_json_len), &openapi, &why),
                     STATUS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[160];
        const char *name;
        json_t *value;
        const char *at = object_path(&made, &kit->organization, cases[i].path, path);
        kit_run(kit, "GET", at != NULL ? at : cases[i].path, &call);
        assert_int_equal(call.status, 200);
        const json_t *properties = json_object_get(
            json_object_get(json_object_get(json_object_get(openapi, "components"), "schemas"),
                            cases[i].schema),
            "properties");
        assert_int_equal(json_object_size(call.answer), json_object_size(properties));
        json_object_foreach(call.answer, name, value) {
            assert_non_null(json_object_get(properties, name));
        }
    }
    json_decref(openapi);
    kit_done(&call);
}

/* A second start finds everything as it was. */
static void test_a_restart(void **state) {
    struct kit *kit = *state;
    struct objects made = make_objects(kit, "restart");
    struct kit_call before = {.token = kit->token};
    struct kit_call after = {.token = kit->token};
    char root[4096];
    snprintf(root, sizeof(root), "%.*s", STR_ARG(control_trust_anchors(kit->control)));
    kit_run(kit, "GET", kit_path("environments", &made.environment, ""), &before);
    control_free(&kit->control);
    kit_open(kit);
    assert_true(str_is_empty(control_first_password(kit->control)));
    assert_true(str_eq(control_trust_anchors(kit->control), str_from(root)));
    kit_run(kit, "GET", kit_path("environments", &made.environment, ""), &after);
    assert_int_equal(after.status, 200);
    assert_true(json_equal(before.answer, after.answer));
    assert_string_equal(before.etag, after.etag);
    kit_done(&before);
    kit_done(&after);
}

static void test_the_demo(void **state) {
    struct kit *kit = *state;
    struct why why = {0};
    struct control_demo first;
    struct control_demo second;
    assert_int_equal(control_make_demo(kit->control, &first, &why), STATUS_OK);
    assert_string_equal(first.url, "https://demo." KIT_DOMAIN ":8443/");
    assert_int_equal(secret_str(&first.token).len, 50);
    assert_int_equal(control_make_demo(kit->control, &second, &why), STATUS_OK);
    assert_string_equal(second.url, first.url);
    assert_false(str_eq(secret_str(&first.token), secret_str(&second.token)));
    assert_int_equal(control_make_demo(kit->control, &second, &why), STATUS_OK);
    secret_fini(&first.token);
    secret_fini(&second.token);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signing_in),
        cmocka_unit_test(test_wrong_credentials_are_one_answer),
        cmocka_unit_test(test_tokens_that_are_none),
        cmocka_unit_test(test_bodies_that_are_refused),
        cmocka_unit_test(test_a_project_brings_its_environment),
        cmocka_unit_test(test_host_names_that_collide),
        cmocka_unit_test(test_switching_an_environment),
        cmocka_unit_test(test_entity_tags),
        cmocka_unit_test(test_routes_are_judged),
        cmocka_unit_test(test_changing_a_route),
        cmocka_unit_test(test_lists_in_pages),
        cmocka_unit_test(test_keys_are_shown_once),
        cmocka_unit_test(test_strangers_find_nothing),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_objects_that_are_not_there),
        cmocka_unit_test(test_every_answer_has_the_members_that_are_promised),
        cmocka_unit_test(test_a_restart),
        cmocka_unit_test(test_the_demo),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
