/* handle_member_test.c: who may do what to whom, and that an organization always keeps an owner. */
#include <pthread.h>

#include "control/control_test_kit.h"

/* A member with a session: whom the tests act as and upon. */
struct person {
    char token[64];
    struct id id;
};

static struct person add(struct kit *kit, const char *email, enum store_role role) {
    struct person person = {.id = {.text = ""}};
    kit_add_member(kit, email, &kit->organization, role, person.token);
    struct kit_call call = {.token = person.token};
    kit_run(kit, "GET", "/v1/me", &call);
    snprintf(person.id.text, sizeof(person.id.text), "%s", kit_text(&call, "id"));
    kit_done(&call);
    return person;
}

static const char *path_of(const struct kit *kit, const struct id *member) {
    static char text[160];
    snprintf(text, sizeof(text), "/v1/organizations/%s/members/%s", kit->organization.text,
             member->text);
    return text;
}

static struct kit_call ask(struct kit *kit, const char *token, const char *method, const char *path,
                           const char *body) {
    struct kit_call call = {.token = token, .body = body};
    kit_run(kit, method, path, &call);
    return call;
}

static void expect(struct kit *kit, const char *token, const char *method, const struct id *whom,
                   const char *body, unsigned status, const char *code) {
    struct kit_call call = ask(kit, token, method, path_of(kit, whom), body);
    if (call.status != status || strcmp(call.code, code) != 0) {
        fail_msg("%s %s: %u %s, not %u %s", method, body == NULL ? "" : body, call.status,
                 call.code, status, code);
    }
    kit_done(&call);
}

static size_t count_items(struct kit *kit, const char *query, const char **first_role) {
    char path[200];
    static char role[16];
    snprintf(path, sizeof(path), "/v1/organizations/%s/members%s", kit->organization.text, query);
    struct kit_call call = ask(kit, kit->token, "GET", path, NULL);
    assert_int_equal(call.status, 200);
    const json_t *items = json_object_get(call.answer, "items");
    size_t count = json_array_size(items);
    if (count > 0) {
        snprintf(role, sizeof(role), "%s",
                 json_string_value(json_object_get(json_array_get(items, 0), "role")));
    }
    *first_role = role;
    kit_done(&call);
    return count;
}

static void test_lists_and_filters(void **state) {
    struct kit *kit = *state;
    const char *role = NULL;
    struct id elsewhere = kit_add_organization(kit);
    char token[64];
    add(kit, "list.one@example.com", STORE_ROLE_BILLING);
    kit_add_member(kit, "list.other@example.com", &elsewhere, STORE_ROLE_BILLING, token);
    assert_int_equal(count_items(kit, "?role=billing", &role), 1);
    assert_string_equal(role, "billing");
    assert_int_equal(count_items(kit, "?email=LIST.one%40example.com", &role), 1);
    assert_int_equal(count_items(kit, "?email=list.one%40example.com&role=owner", &role), 0);
    assert_int_equal(count_items(kit, "?email=list.other%40example.com", &role), 0);
    assert_int_equal(count_items(kit, "?email=nonsense", &role), 0);
    struct kit_call call =
        ask(kit, kit->token, "GET",
            kit_path("organizations", &kit->organization, "/members?role=king"), NULL);
    assert_int_equal(call.status, 400);
    kit_done(&call);
}

static void test_one_of_another_tenant_is_not_there(void **state) {
    struct kit *kit = *state;
    struct id elsewhere = kit_add_organization(kit);
    char token[64];
    kit_add_member(kit, "stranger@example.com", &elsewhere, STORE_ROLE_OWNER, token);
    struct kit_call call = ask(kit, token, "GET", "/v1/me", NULL);
    struct id stranger;
    snprintf(stranger.text, sizeof(stranger.text), "%s", kit_text(&call, "id"));
    kit_done(&call);
    expect(kit, kit->token, "GET", &stranger, NULL, 404, "not_found");
    expect(kit, kit->token, "PATCH", &stranger, "{\"role\":\"viewer\"}", 404, "not_found");
    expect(kit, kit->token, "DELETE", &stranger, NULL, 404, "not_found");
    /* Nor is this organization for them. */
    expect(kit, token, "DELETE", &stranger, NULL, 404, "not_found");
}

static void test_only_owners_make_and_unmake_owners(void **state) {
    struct kit *kit = *state;
    struct person admin = add(kit, "admin.one@example.com", STORE_ROLE_ADMIN);
    struct person owner = add(kit, "owner.two@example.com", STORE_ROLE_OWNER);
    struct person viewer = add(kit, "viewer.one@example.com", STORE_ROLE_VIEWER);
    expect(kit, viewer.token, "PATCH", &viewer.id, "{\"role\":\"admin\"}", 403, "forbidden");
    expect(kit, admin.token, "PATCH", &viewer.id, "{\"role\":\"developer\"}", 200, "");
    expect(kit, admin.token, "PATCH", &viewer.id, "{\"role\":\"owner\"}", 403, "forbidden");
    expect(kit, admin.token, "PATCH", &admin.id, "{\"role\":\"owner\"}", 403, "forbidden");
    expect(kit, admin.token, "PATCH", &owner.id, "{\"role\":\"viewer\"}", 403, "forbidden");
    expect(kit, admin.token, "DELETE", &owner.id, NULL, 403, "forbidden");
    expect(kit, kit->token, "PATCH", &owner.id, "{\"role\":\"admin\"}", 200, "");
    expect(kit, owner.token, "PATCH", &owner.id, "{\"role\":\"owner\"}", 403, "forbidden");
    expect(kit, kit->token, "PATCH", &viewer.id, "{\"role\":\"king\"}", 422, "validation_failed");
    expect(kit, kit->token, "DELETE", &owner.id, NULL, 204, "");
    expect(kit, admin.token, "DELETE", &viewer.id, NULL, 204, "");
    expect(kit, admin.token, "DELETE", &admin.id, NULL, 204, "");
}

static void test_whoever_is_removed_has_lost_it_at_once(void **state) {
    struct kit *kit = *state;
    struct person viewer = add(kit, "removed@example.com", STORE_ROLE_VIEWER);
    const char *path = kit_path("organizations", &kit->organization, "");
    struct kit_call call = ask(kit, viewer.token, "GET", path, NULL);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "role"), "viewer");
    kit_done(&call);
    expect(kit, kit->token, "DELETE", &viewer.id, NULL, 204, "");
    call = ask(kit, viewer.token, "GET", path, NULL);
    assert_int_equal(call.status, 404);
    kit_done(&call);
    call = ask(kit, viewer.token, "GET", "/v1/me", NULL);
    assert_int_equal(call.status, 200);
    assert_int_equal(json_array_size(json_object_get(call.answer, "memberships")), 0);
    kit_done(&call);
}

/* An organization of its own, with so many owners and no other. */
static struct id make_organization(struct kit *kit, struct person *owners, size_t count) {
    struct id kept = kit->organization;
    struct id made = kit_add_organization(kit);
    kit->organization = made;
    for (size_t i = 0; i < count; i++) {
        char email[64];
        snprintf(email, sizeof(email), "owner.%zu.%s@example.com", i, made.text);
        owners[i] = add(kit, email, STORE_ROLE_OWNER);
    }
    kit->organization = kept;
    return made;
}

static void test_the_last_owner_stays(void **state) {
    struct kit *kit = *state;
    struct id kept = kit->organization;
    struct person owners[2];
    char leave[96];
    kit->organization = make_organization(kit, owners, 2);
    snprintf(leave, sizeof(leave), "/v1/me/memberships/%s", kit->organization.text);
    struct kit_call call = ask(kit, owners[0].token, "DELETE", leave, NULL);
    assert_int_equal(call.status, 204);
    kit_done(&call);
    call = ask(kit, owners[1].token, "DELETE", leave, NULL);
    assert_int_equal(call.status, 409);
    assert_string_equal(call.code, "last_owner");
    kit_done(&call);
    expect(kit, owners[1].token, "PATCH", &owners[1].id, "{\"role\":\"admin\"}", 409, "last_owner");
    expect(kit, owners[1].token, "DELETE", &owners[1].id, NULL, 409, "last_owner");
    /* Whoever has left may not do it a second time. */
    call = ask(kit, owners[0].token, "DELETE", leave, NULL);
    assert_int_equal(call.status, 404);
    kit_done(&call);
    kit->organization = kept;
}

static void test_anybody_may_leave(void **state) {
    struct kit *kit = *state;
    static const enum store_role roles[] = {STORE_ROLE_BILLING, STORE_ROLE_VIEWER,
                                            STORE_ROLE_DEVELOPER, STORE_ROLE_ADMIN};
    char leave[96];
    snprintf(leave, sizeof(leave), "/v1/me/memberships/%s", kit->organization.text);
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        char email[64];
        snprintf(email, sizeof(email), "leaver.%zu@example.com", i);
        struct person person = add(kit, email, roles[i]);
        struct kit_call call = ask(kit, person.token, "DELETE", leave, NULL);
        assert_int_equal(call.status, 204);
        kit_done(&call);
    }
}

/* Two owners, each of whom goes at the same time: by themselves or by the other. */
struct racer {
    struct kit *kit;
    const char *token;
    char path[160];
    pthread_barrier_t *start;
    unsigned status;
    char code[48];
};

static void *race(void *context) {
    struct racer *racer = context;
    struct api_call call;
    struct api_match match;
    api_call_init(&call, racer->kit->control);
    call.head.method = STR("DELETE");
    call.head.path = str_from(racer->path);
    snprintf(call.ip_address, sizeof(call.ip_address), "192.0.2.8");
    kit_add_field(&call, "authorization", arena_printf(&call.arena, "Bearer %s", racer->token).at);
    assert_int_equal(
        api_router_find(&api_router_public, call.head.method, call.head.path, &call.arena, &match),
        STATUS_OK);
    call.operation = match.operation;
    call.object = match.object;
    call.part = match.part;
    pthread_barrier_wait(racer->start);
    api_dispatch_run(&call);
    racer->status = call.answer.status;
    snprintf(racer->code, sizeof(racer->code), "%s", call.why.slug);
    api_call_fini(&call);
    return NULL;
}

static void test_two_who_leave_at_once(void **state) {
    struct kit *kit = *state;
    for (int round = 0; round < 10; round++) {
        struct person owners[2];
        struct racer racers[2];
        pthread_t threads[2];
        pthread_barrier_t start;
        struct id organization = make_organization(kit, owners, 2);
        pthread_barrier_init(&start, NULL, 2);
        for (size_t i = 0; i < 2; i++) {
            racers[i] = (struct racer){.kit = kit, .token = owners[i].token, .start = &start};
            snprintf(racers[i].path, sizeof(racers[i].path), "/v1/me/memberships/%s",
                     organization.text);
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (size_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
        }
        pthread_barrier_destroy(&start);
        size_t stayed = racers[0].status == 204 ? 1 : 0;
        assert_int_equal(racers[1 - stayed].status, 204);
        assert_int_equal(racers[stayed].status, 409);
        assert_string_equal(racers[stayed].code, "last_owner");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_and_filters),
        cmocka_unit_test(test_one_of_another_tenant_is_not_there),
        cmocka_unit_test(test_only_owners_make_and_unmake_owners),
        cmocka_unit_test(test_whoever_is_removed_has_lost_it_at_once),
        cmocka_unit_test(test_the_last_owner_stays),
        cmocka_unit_test(test_anybody_may_leave),
        cmocka_unit_test(test_two_who_leave_at_once),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
