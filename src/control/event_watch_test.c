/* event_watch_test.c: what happens is told to whoever listens: warpgates, bundles, changes. */
#include "control/api_stream_test_kit.h"

#include "control/event_watch.h"

static void test_warpgates(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    char wanted[160];
    struct id project = kit_add_project(kit, "watched", &env);
    struct id warpgate = kit_add_warpgate(kit, &project, &env, "box");
    struct id early = kit_add_warpgate(kit, &project, &env, "early");
    presence_edge_up(kit->control->presence, &kit_edge);
    kit_report(kit, &early, &env, 1, 1, "up");
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    kit_report(kit, &warpgate, &env, 2, 7, "up");
    snprintf(wanted, sizeof(wanted),
             "event: warpgate\ndata: {\"id\":\"%s\",\"status\":\"connected\",\"tunnels\":2,"
             "\"applied_revision\":7,\"refused_code\":null}\n\n",
             warpgate.text);
    client_wait(kit, &client, wanted);
    presence_edge_down(kit->control->presence, &kit_edge);
    snprintf(wanted, sizeof(wanted), "{\"id\":\"%s\",\"status\":\"unknown\"", warpgate.text);
    client_wait(kit, &client, wanted);
    presence_edge_up(kit->control->presence, &kit_edge);
    kit_report(kit, &warpgate, &env, 0, 7, "up");
    snprintf(wanted, sizeof(wanted), "{\"id\":\"%s\",\"status\":\"disconnected\"", warpgate.text);
    client_wait(kit, &client, wanted);
    /* What was so before anybody listened is no event. */
    snprintf(wanted, sizeof(wanted), "{\"id\":\"%s\",\"status\":\"connected\"", early.text);
    assert_false(client_holds(&client, wanted));
    client_close(&client);
    client_idle(kit);
    client_fini(&client);
}

static void test_changes_and_bundles(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct id other;
    struct client client;
    char wanted[160];
    (void)kit_add_project(kit, "changed", &env);
    (void)kit_add_project(kit, "quiet", &other);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    struct id unheard =
        kit_make(kit, kit_path("environments", &other, "/routes"), "{\"path\":\"/unheard\"}");
    struct id route =
        kit_make(kit, kit_path("environments", &env, "/routes"), "{\"path\":\"/heard\"}");
    client_wait(kit, &client, "event: bundle\ndata: {\"state\":\"pushed\"");
    snprintf(wanted, sizeof(wanted), "\"action\":\"route.created\",\"target\":\"%s\"", route.text);
    client_wait(kit, &client, wanted);
    client_run(kit, 3 * EVENT_WATCH_READ_MS);
    assert_false(client_holds(&client, unheard.text));
    assert_false(
        client_holds(&client, "admin@")); /* who: only for those who may read audit events */
    /* Once, although what is read overlaps. */
    size_t len = 0;
    for (struct str rest = buf_str(&client.body); rest.len >= strlen(wanted);
         rest = str_sub(rest, 1, rest.len - 1)) {
        len += str_eq(str_sub(rest, 0, strlen(wanted)), str_from(wanted)) ? 1 : 0;
    }
    assert_int_equal(len, 1);
    client_close(&client);
    client_idle(kit);
    client_fini(&client);
}

static void test_bundles_of_edges(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "bundles", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    event_watch_bundle(kit->control->watch, &env, "refused", 9, &kit_edge, STR("bundle_invalid"),
                       STR("a \"detail\"\n"));
    assert_true(client_holds(
        &client,
        "{\"state\":\"refused\",\"revision\":9,\"edge\":\"edg_00000000000000000000000001\","
        "\"code\":\"bundle_invalid\",\"detail\":\"a \\\"detail\\\"\\n\"}"));
    client_close(&client);
    client_idle(kit);
    client_fini(&client);
}

static void test_audit_events(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    client_open(kit, &client, kit_path("organizations", &kit->organization, "/events"), kit->token,
                NULL);
    struct id project = kit_add_project(kit, "told", &env);
    client_wait(kit, &client, "event: audit_event\n");
    client_wait(kit, &client, project.text);
    client_wait(kit, &client, "\"action\":\"environment.created\"");
    assert_true(client_holds(&client, "\"name\":\"admin@" KIT_DOMAIN "\""));
    client_close(&client);
    client_idle(kit);
    client_fini(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warpgates),
        cmocka_unit_test(test_changes_and_bundles),
        cmocka_unit_test(test_bundles_of_edges),
        cmocka_unit_test(test_audit_events),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
