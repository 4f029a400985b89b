/* api_download_test.c: an answer of any size, a part at a time: as fast as it is taken, and not a part more. */
#include "control/api_stream_test_kit.h"

#include "control/api_download.h"

static const char *export_path(const struct kit *kit, const char *query) {
    static char path[200];
    snprintf(path, sizeof(path), "/v1/organizations/%s/audit-events/export%s",
             kit->organization.text, query);
    return path;
}

static void wait_over(struct kit *kit, const struct client *client) {
    for (int i = 0; i < 2000 && !client->is_over && !client->is_released; i++) {
        client_run(kit, 5);
    }
    assert_true(client->is_over || client->is_released);
}

/* Takes what has come, until it is over. */
static void take_all(struct kit *kit, struct client *client) {
    for (int i = 0; i < 2000 && !client->is_over; i++) {
        client_run(kit, 5);
        if (client->stream.unsent > 0) {
            client_drain(client);
        }
    }
    assert_true(client->is_over);
}

static size_t count_lines(const struct client *client) {
    struct str body = buf_str(&client->body);
    size_t count = 0;
    for (size_t i = 0; i < body.len; i++) {
        count += body.at[i] == '\n' ? 1 : 0;
    }
    return count;
}

static void add_projects(struct kit *kit, const char *prefix, int count) {
    for (int i = 0; i < count; i++) {
        struct id environment;
        char name[40];
        snprintf(name, sizeof(name), "%s-%d", prefix, i);
        (void)kit_add_project(kit, name, &environment); /* two events each */
    }
}

static void test_part_by_part(void **state) {
    struct kit *kit = *state;
    struct client client;
    add_projects(kit, "parts", 210); /* more than two parts of 200 */
    client_ask(kit, &client, export_path(kit, "?action=project.created"), kit->token, NULL);
    client.is_slow = true;
    client_wait(kit, &client, "project.created");
    assert_int_equal(client.status, 200);
    assert_string_equal(client.type, "application/x-ndjson");
    client_run(kit, 100);
    assert_int_equal(count_lines(&client), 200); /* the next only when this one has left */
    take_all(kit, &client);
    assert_int_equal(count_lines(&client), 210);
    client_close(&client);
    client_idle(kit);
    assert_true(list_is_empty(&kit->control->exchanges));
    client_fini(&client);
    client_ask(kit, &client, export_path(kit, "?format=csv&action=project.created"), kit->token,
               NULL);
    client.is_slow = true;
    take_all(kit, &client);
    assert_string_equal(client.type, "text/csv; charset=utf-8");
    assert_int_equal(count_lines(&client), 211);
    client_close(&client);
    client_fini(&client);
}

static void test_nothing_to_tell(void **state) {
    struct kit *kit = *state;
    struct client client;
    client_ask(kit, &client, export_path(kit, "?action=no.such"), kit->token, NULL);
    wait_over(kit, &client);
    assert_int_equal(client.status, 200);
    assert_true(client.is_over);
    assert_int_equal(buf_len(&client.body), 0);
    client_close(&client);
    client_fini(&client);
}

/* Between two parts the session ends: the rest is not sent, and it shows. */
static void test_who_may_no_longer(void **state) {
    struct kit *kit = *state;
    struct client client;
    char token[64];
    kit_add_member(kit, "exporter@example.com", &kit->organization, STORE_ROLE_ADMIN, token);
    client_ask(kit, &client, export_path(kit, ""), token, NULL);
    client.is_slow = true;
    client_wait(kit, &client, "\n");
    struct kit_call call = {.token = token};
    kit_run(kit, "DELETE", "/v1/sessions/current", &call);
    client_drain(&client);
    wait_over(kit, &client);
    assert_true(client.is_released);
    assert_false(client.is_over);
    client_idle(kit);
    assert_true(list_is_empty(&kit->control->exchanges));
    client_fini(&client);
}

static void test_who_takes_nothing(void **state) {
    struct kit *kit = *state;
    struct client client;
    client_ask(kit, &client, export_path(kit, ""), kit->token, NULL);
    client.is_slow = true;
    client_wait(kit, &client, "\n");
    kit_skew_ms += API_DOWNLOAD_STALL_MS;
    wait_over(kit, &client);
    assert_true(client.is_released);
    client_idle(kit);
    client_fini(&client);
}

static void test_bounds(void **state) {
    struct kit *kit = *state;
    struct client clients[API_DOWNLOAD_OF_ONE_MAX + 1];
    for (size_t i = 0; i < API_DOWNLOAD_OF_ONE_MAX; i++) {
        client_ask(kit, &clients[i], export_path(kit, ""), kit->token, NULL);
        clients[i].is_slow = true;
        client_wait(kit, &clients[i], "\n");
    }
    struct client *last = &clients[API_DOWNLOAD_OF_ONE_MAX];
    client_ask(kit, last, export_path(kit, ""), kit->token, NULL);
    client_wait(kit, last, "downloads_too_many");
    assert_int_equal(last->status, 429);
    for (size_t i = 0; i <= API_DOWNLOAD_OF_ONE_MAX; i++) {
        client_close(&clients[i]);
        client_fini(&clients[i]);
    }
    client_idle(kit);
    assert_true(list_is_empty(&kit->control->exchanges));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_by_part),
        cmocka_unit_test(test_nothing_to_tell),
        cmocka_unit_test(test_who_may_no_longer),
        cmocka_unit_test(test_who_takes_nothing),
        cmocka_unit_test(test_bounds),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
