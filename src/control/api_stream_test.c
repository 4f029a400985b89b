/* api_stream_test.c: how a stream begins, what it does for slow and returning clients, and how it ends. */
#include "control/api_stream_test_kit.h"

#include "control/event_hub.h"

static void publish(struct kit *kit, const struct id *environment, const char *text) {
    event_hub_publish(kit->control->events, "environment", environment, "note",
                      json_pack("{s:s}", "text", text));
}

static void expect_none_left(struct kit *kit) {
    client_idle(kit);
    assert_int_equal(api_stream_count(kit->control->streams), 0);
    assert_true(list_is_empty(&kit->control->exchanges));
}

static void test_events_go_out(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "going-out", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    assert_true(client_holds(&client, "event: ready\ndata: {}\n\n"));
    publish(kit, &env, "first\nline");
    assert_true(client_holds(&client, "event: note\ndata: {\"text\":\"first\\nline\"}\n\n"));
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_silence_is_broken(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "silence", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    kit_skew_ms += API_STREAM_HEARTBEAT_MS - 1000;
    client_run(kit, 400);
    assert_false(client_holds(&client, ": heartbeat\n\n"));
    kit_skew_ms += 1000;
    client_wait(kit, &client, ": heartbeat\n\n");
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_coming_back(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    char id[64];
    char path[160];
    (void)kit_add_project(kit, "coming-back", &env);
    snprintf(path, sizeof(path), "%s", kit_path("environments", &env, "/events"));
    client_open(kit, &client, path, kit->token, NULL);
    publish(kit, &env, "seen");
    client_last_id(&client, id);
    client_close(&client);
    client_fini(&client);
    publish(kit, &env, "missed 1");
    publish(kit, &env, "missed 2");
    client_open(kit, &client, path, kit->token, id);
    assert_true(client_holds(&client, "missed 1") && client_holds(&client, "missed 2"));
    assert_false(client_holds(&client, "seen") || client_holds(&client, "event: re"));
    client_close(&client);
    client_fini(&client);
    for (int i = 0; i < EVENT_HUB_EVENTS_MAX; i++) {
        publish(kit, &env, "more");
    }
    client_open(kit, &client, path, kit->token, id);
    assert_true(client_holds(&client, "event: reset\ndata: {\"reason\":\"too_old\""));
    assert_false(client_holds(&client, "more"));
    client_close(&client);
    client_fini(&client);
    client_open(kit, &client, path, kit->token, "0123456789ab-1");
    assert_true(client_holds(&client, "event: reset\ndata: {\"reason\":\"unknown\""));
    client_close(&client);
    client_fini(&client);
    expect_none_left(kit);
}

static void test_slow_readers(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    char text[1001];
    (void)kit_add_project(kit, "slow-reader", &env);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    client.is_slow = true;
    uint64_t dropped = api_stream_dropped(kit->control->streams);
    for (int i = 0; i < 500; i++) {
        publish(kit, &env, text);
    }
    assert_true(client.stream.unsent <= API_STREAM_UNSENT_MAX);
    assert_true(api_stream_dropped(kit->control->streams) - dropped > 300);
    assert_false(client_holds(&client, "event: reset"));
    client_drain(&client);
    assert_true(client_holds(&client, "event: reset\ndata: {\"reason\":\"behind\",\"dropped\":3"));
    publish(kit, &env, "afterwards");
    assert_true(client_holds(&client, "afterwards"));
    client_drain(&client);
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_who_reads_nothing_is_cut(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "stalled", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    client.is_slow = true;
    publish(kit, &env, "stuck");
    kit_skew_ms += API_STREAM_STALL_MS;
    for (int i = 0; i < 1000 && !client.is_released; i++) {
        client_run(kit, 5);
    }
    assert_true(client.is_released);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_a_session_that_ends(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    char token[64];
    (void)kit_add_project(kit, "ending", &env);
    kit_add_member(kit, "ending@example.com", &kit->organization, STORE_ROLE_VIEWER, token);
    client_open(kit, &client, kit_path("environments", &env, "/events"), token, NULL);
    client_run(kit, 1200); /* it is asked for, and may */
    assert_false(client.is_over);
    struct kit_call call = {.token = token};
    int64_t before_ms = clock_mono_ms(&kit_clock);
    kit_run(kit, "DELETE", "/v1/sessions/current", &call);
    assert_int_equal(call.status, 204);
    client_wait(kit, &client, "event: end\ndata: {\"code\":\"session_invalid\"}\n\n");
    assert_true(clock_mono_ms(&kit_clock) - before_ms < 1500);
    assert_true(client.is_over);
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_a_role_that_is_taken(void **state) {
    struct kit *kit = *state;
    struct client client;
    char token[64];
    struct id member = {.text = ""};
    struct store_tx *tx = NULL;
    struct why why;
    kit_add_member(kit, "admin2@example.com", &kit->organization, STORE_ROLE_ADMIN, token);
    struct kit_call call = {.token = token};
    kit_run(kit, "GET", "/v1/me", &call);
    snprintf(member.text, sizeof(member.text), "%s", kit_text(&call, "id"));
    kit_done(&call);
    client_open(kit, &client, kit_path("organizations", &kit->organization, "/events"), token,
                NULL);
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_member_set_role(tx, &kit->organization, &member, STORE_ROLE_VIEWER),
                     STATUS_OK);
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    client_wait(kit, &client, "event: end\ndata: {\"code\":\"forbidden\"}\n\n");
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_an_object_that_goes(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "short-lived", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    struct kit_call call = {.token = kit->token, .if_match = "*"};
    kit_run(kit, "DELETE", kit_path("environments", &env, ""), &call);
    assert_int_equal(call.status, 204);
    client_wait(kit, &client, "event: end\ndata: {\"code\":\"not_found\"}\n\n");
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_the_client_goes_during_a_check(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "during", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    kit_skew_ms += API_STREAM_CHECK_MS;
    api_stream_tick(kit->control->streams);
    assert_int_equal(kit->control->work_count, 1);
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_bounds(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client clients[API_STREAM_OF_ONE_MAX + 1];
    char path[160];
    (void)kit_add_project(kit, "many", &env);
    snprintf(path, sizeof(path), "%s", kit_path("environments", &env, "/events"));
    for (size_t i = 0; i < API_STREAM_OF_ONE_MAX; i++) {
        client_open(kit, &clients[i], path, kit->token, NULL);
    }
    struct client *last = &clients[API_STREAM_OF_ONE_MAX];
    client_ask(kit, last, path, kit->token, NULL);
    client_wait(kit, last, "streams_too_many");
    assert_int_equal(last->status, 429);
    for (size_t i = 0; i <= API_STREAM_OF_ONE_MAX; i++) {
        client_close(&clients[i]);
        client_fini(&clients[i]);
    }
    expect_none_left(kit);
}

static void test_who_may_not(void **state) {
    struct kit *kit = *state;
    struct client client;
    char token[64];
    kit_add_member(kit, "viewer@example.com", &kit->organization, STORE_ROLE_VIEWER, token);
    client_ask(kit, &client, kit_path("organizations", &kit->organization, "/events"), token, NULL);
    client_wait(kit, &client, "forbidden");
    assert_int_equal(client.status, 403);
    client_close(&client);
    expect_none_left(kit);
    client_fini(&client);
}

static void test_the_control_plane_stops(void **state) {
    struct kit *kit = *state;
    struct id env;
    struct client client;
    (void)kit_add_project(kit, "stopping", &env);
    client_open(kit, &client, kit_path("environments", &env, "/events"), kit->token, NULL);
    api_stream_end_all(kit->control->streams, "stopping");
    assert_true(client_holds(&client, "event: end\ndata: {\"code\":\"stopping\"}\n\n"));
    assert_true(client.is_over);
    kit_skew_ms += API_STREAM_END_MS; /* whoever does not take even that is left */
    for (int i = 0; i < 1000 && !client.is_released; i++) {
        client_run(kit, 5);
    }
    assert_true(client.is_released);
    expect_none_left(kit);
    client_fini(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_go_out),
        cmocka_unit_test(test_silence_is_broken),
        cmocka_unit_test(test_coming_back),
        cmocka_unit_test(test_slow_readers),
        cmocka_unit_test(test_who_reads_nothing_is_cut),
        cmocka_unit_test(test_a_session_that_ends),
        cmocka_unit_test(test_a_role_that_is_taken),
        cmocka_unit_test(test_an_object_that_goes),
        cmocka_unit_test(test_the_client_goes_during_a_check),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_who_may_not),
        cmocka_unit_test(test_the_control_plane_stops),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
