/* audit_test.c: what the API changes is in the audit events, with who and from where, and without secrets. */
#include "control/audit.h"

#include <string.h>

#include "control/audit_access.h"
#include "control/control_test_kit.h"

static struct store_audit *list(struct kit *kit, const struct id *organization, struct arena *arena,
                                size_t *count) {
    static const struct store_audit_filter all = {.since_ms = 0};
    struct store_tx *tx = NULL;
    struct why why;
    struct store_audit *rows = NULL;
    struct store_page page = {.limit = 100, .order = STORE_DESCENDING};
    assert_int_equal(store_tx_begin(kit->control->store, STORE_READ, &why, &tx), STATUS_OK);
    assert_int_equal(organization != NULL
                         ? store_audit_list(tx, organization, &all, &page, arena, &rows, count)
                         : store_audit_list_free(tx, &all, &page, arena, &rows, count),
                     STATUS_OK);
    store_tx_rollback(&tx);
    return rows;
}

/* The newest of this action; it has to be there. */
static const struct store_audit *find(const struct store_audit *rows, size_t count,
                                      const char *action) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(rows[i].action, str_from(action))) {
            return &rows[i];
        }
    }
    fail_msg("no %s among %zu events", action, count);
    return NULL;
}

static bool has(struct str text, const char *part) {
    for (size_t i = 0; i + strlen(part) <= text.len; i++) {
        if (str_eq(str_sub(text, i, strlen(part)), str_from(part))) {
            return true;
        }
    }
    return false;
}

static void test_a_first_start(void **state) {
    struct kit *kit = *state;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena);
    const struct store_audit *rows = list(kit, NULL, &arena, &count);
    const struct store_audit *event = find(rows, count, "installation.started_first");
    assert_true(has(event->after, KIT_DOMAIN));
    rows = list(kit, &kit->organization, &arena, &count);
    event = find(rows, count, "organization.created");
    assert_true(id_eq(&event->target, &kit->organization));
    assert_true(id_is_none(&event->actor));
    event = find(rows, count, "member.added");
    assert_true(has(event->after, "admin@" KIT_DOMAIN));
    arena_fini(&arena);
}

static void test_what_is_changed(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena);
    struct id project = kit_add_project(kit, "audited", &environment);
    struct id route =
        kit_make(kit, kit_path("environments", &environment, "/routes"), "{\"path\":\"/a\"}");
    struct kit_call call = {.token = kit->token, .body = "{\"path\":\"/b\"}"};
    kit_run(kit, "PATCH", kit_path("routes", &route, ""), &call);
    assert_int_equal(call.status, 200);
    kit_done(&call);
    const struct store_audit *rows = list(kit, &kit->organization, &arena, &count);
    const struct store_audit *event = find(rows, count, "route.updated");
    assert_true(id_eq(&event->target, &route));
    assert_true(id_eq(&event->environment, &environment));
    assert_true(id_eq(&event->project, &project));
    assert_true(str_eq(event->actor_name, STR("admin@" KIT_DOMAIN)));
    assert_true(str_eq(event->ip_address, STR("192.0.2.7")));
    assert_false(id_is_none(&event->request));
    assert_true(str_eq(event->before, STR("{\"path\":\"/a\"}")));
    assert_true(str_eq(event->after, STR("{\"path\":\"/b\"}")));
    assert_true(id_eq(&find(rows, count, "project.created")->project, &project));
    assert_true(id_eq(&find(rows, count, "environment.created")->project, &project));
    arena_fini(&arena);
}

/* A change that changes nothing is no event, and one that is refused is none either. */
static void test_what_is_not_changed(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct arena arena;
    size_t before = 0;
    size_t after = 0;
    arena_init(&arena);
    struct id project = kit_add_project(kit, "quiet", &environment);
    (void)list(kit, &kit->organization, &arena, &before);
    struct kit_call call = {.token = kit->token, .body = "{\"name\":\"quiet\"}"};
    kit_run(kit, "PATCH", kit_path("projects", &project, ""), &call);
    assert_int_equal(call.status, 200);
    call.body = "{\"name\":\"api\"}";
    kit_run(kit, "POST", kit_path("organizations", &kit->organization, "/projects"), &call);
    assert_int_equal(call.status, 422);
    kit_done(&call);
    (void)list(kit, &kit->organization, &arena, &after);
    assert_int_equal(before, after);
    arena_fini(&arena);
}

static void test_keys_are_told_and_not_shown(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct arena arena;
    size_t count = 0;
    char secret[64];
    arena_init(&arena);
    struct id project = kit_add_project(kit, "keys", &environment);
    struct id account =
        kit_make(kit, kit_path("projects", &project, "/service-accounts"), "{\"name\":\"gate\"}");
    struct kit_call call = {.token = kit->token, .body = "{}"};
    kit_run(kit, "POST", kit_path("service-accounts", &account, "/keys"), &call);
    struct id key = {.text = ""};
    snprintf(key.text, sizeof(key.text), "%s", kit_text(&call, "id"));
    snprintf(secret, sizeof(secret), "%s", kit_text(&call, "key"));
    call.body = NULL;
    kit_run(kit, "DELETE", kit_path("keys", &key, ""), &call);
    assert_int_equal(call.status, 204);
    kit_run(kit, "DELETE", kit_path("keys", &key, ""), &call); /* again: nothing new */
    kit_done(&call);
    const struct store_audit *rows = list(kit, &kit->organization, &arena, &count);
    const struct store_audit *created = find(rows, count, "key.created");
    const struct store_audit *revoked = find(rows, count, "key.revoked");
    assert_true(id_eq(&created->target, &key) && id_eq(&created->project, &project));
    assert_true(id_eq(&revoked->project, &project));
    assert_true(revoked == &rows[0] && created == &rows[1]);
    for (size_t i = 0; i < count; i++) {
        assert_false(has(rows[i].after, secret) || has(rows[i].before, secret));
    }
    arena_fini(&arena);
}

static void test_signing_in(void **state) {
    struct kit *kit = *state;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena);
    const struct store_audit *rows = list(kit, &kit->organization, &arena, &count);
    const struct store_audit *event = find(rows, count, "session.created");
    assert_true(str_eq(event->actor_name, STR("admin@" KIT_DOMAIN)));
    assert_true(str_eq(event->ip_address, STR("192.0.2.7")));
    assert_false(has(event->after, kit->token));
    arena_fini(&arena);
}

/* A member's in the member's organizations, anybody else's in the installation; three alike are one event. */
static void test_who_was_refused(void **state) {
    struct kit *kit = *state;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena);
    struct kit_call call = {.body = "{\"email\":\"admin@" KIT_DOMAIN
                                    "\",\"password\":\"wrong password\"}"};
    for (int i = 0; i < 2; i++) {
        kit_run(kit, "POST", "/v1/sessions", &call);
        assert_int_equal(call.status, 401);
    }
    call.body = "{\"email\":\"nobody@example.com\",\"password\":\"wrong password\"}";
    kit_run(kit, "POST", "/v1/sessions", &call);
    kit_done(&call);
    audit_access_write(kit->control->access, kit->control->store);
    const struct store_audit *rows = list(kit, &kit->organization, &arena, &count);
    const struct store_audit *event = find(rows, count, "session.refused");
    assert_true(has(event->after, "\"count\":2"));
    assert_true(has(event->after, "credentials_wrong"));
    assert_false(has(event->after, "wrong password"));
    assert_int_equal(strncmp(event->target.text, "mem_", 4), 0);
    rows = list(kit, NULL, &arena, &count);
    event = find(rows, count, "session.refused");
    assert_true(has(event->after, "nobody@example.com"));
    arena_fini(&arena);
}

static void test_as_the_api_shows_it(void **state) {
    const struct store_audit event = {
        .object = {.id = {.text = "evt_00000000000000000000000000"}, .created_at_ms = 1000},
        .actor = {.text = "sa_00000000000000000000000000"},
        .action = STR_INIT("route.created"),
        .after = STR_INIT("{\"path\":\"/\\u0000\\n<\"}"),
    };
    (void)state;
    json_t *item = audit_write(&event);
    assert_string_equal(json_string_value(json_object_get(json_object_get(item, "actor"), "kind")),
                        "service_account");
    assert_true(json_is_null(json_object_get(item, "organization")));
    assert_true(json_is_null(json_object_get(item, "before")));
    assert_string_equal(json_string_value(json_object_get(item, "created_at")),
                        "1970-01-01T00:00:01.000Z");
    json_decref(item);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_first_start),
        cmocka_unit_test(test_signing_in),
        cmocka_unit_test(test_what_is_changed),
        cmocka_unit_test(test_what_is_not_changed),
        cmocka_unit_test(test_keys_are_told_and_not_shown),
        cmocka_unit_test(test_who_was_refused),
        cmocka_unit_test(test_as_the_api_shows_it),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
