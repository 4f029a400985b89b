/* h2_websocket_test.c: WebSockets between two sessions (RFC 8441). */
#include "http/h2_test_kit.h"

static struct http_head websocket_head(struct http_field *fields, size_t count) {
    struct http_head head = test_head(0, fields, count);
    head.protocol = STR("websocket");
    return head;
}

static void ask(struct test_pair *pair, struct test_owner *owner) {
    struct http_field field = {STR("sec-websocket-protocol"), STR("chat")};
    struct http_head head = websocket_head(&field, 1);
    owner->stream = h2_session_open(pair->client, &head, true, &test_events, owner);
    assert_non_null(owner->stream);
    test_pump(pair);
}

static struct test_pair *open_pair(enum h2_profile profile) {
    struct test_pair *pair = test_pair_new(profile);
    test_pump(pair);
    assert_true(h2_session_takes_websocket(pair->client));
    return pair;
}

static void say(struct test_owner *owner, const char *text) {
    http_stream_send(owner->stream, (const uint8_t *)text, strlen(text));
}

static void test_both_directions(void **state) {
    (void)state;
    const enum h2_profile profiles[] = {H2_VISITOR, H2_TUNNEL};
    for (size_t i = 0; i < 2; i++) {
        struct test_pair *pair = open_pair(profiles[i]);
        struct test_owner client = {.consumes = true};
        struct test_owner *server = &pair->owners[0];
        pair->fresh.consumes = true;
        ask(pair, &client);
        assert_string_equal(server->text,
                            "GET https app.example /a?b=c|sec-websocket-protocol=chat");
        assert_int_equal(server->end_count, 0);
        test_answer(server, 101, false);
        test_pump(pair);
        assert_int_equal(client.status, 101);
        assert_int_equal(client.end_count, 0);
        say(&client, "hello");
        say(server, "good day");
        test_pump(pair);
        assert_int_equal(server->received, 5);
        assert_int_equal(client.received, 8);
        http_stream_end(client.stream, NULL);
        test_pump(pair);
        assert_int_equal(server->end_count, 1);
        assert_int_equal(client.closed_count, 0);
        say(server, "bye");
        http_stream_end(server->stream, NULL);
        test_pump(pair);
        assert_int_equal(client.received, 11);
        assert_int_equal(client.end_count, 1);
        assert_int_equal(client.reason, HTTP_CLOSE_DONE);
        assert_int_equal(server->reason, HTTP_CLOSE_DONE);
        assert_int_equal(client.closed_count + server->closed_count, 2);
        test_pair_free(pair);
    }
}

static void test_bulk_through_a_websocket(void **state) {
    (void)state;
    static uint8_t bytes[300000];
    struct test_pair *pair = open_pair(H2_TUNNEL);
    struct test_owner client = {.consumes = true};
    random_fill(&pair->random.random, bytes, sizeof bytes);
    ask(pair, &client);
    test_answer(&pair->owners[0], 101, false);
    pair->owners[0].echoes = true;
    test_pump(pair);
    for (unsigned i = 0; i < 10; i++) {
        http_stream_send(client.stream, bytes, sizeof bytes);
        test_pump(pair);
    }
    assert_int_equal(client.received, 10 * sizeof bytes);
    assert_int_equal(client.hash, pair->owners[0].hash);
    http_stream_end(client.stream, NULL);
    test_pump(pair);
    assert_int_equal(client.reason, HTTP_CLOSE_DONE);
    assert_int_equal(client.closed_count, 1);
    test_pair_free(pair);
}

/* A client of its own, that speaks too early: an ordinary stream does what ours must not. */
static struct test_owner *ask_and_say(struct test_pair *pair, struct test_owner *client,
                                      const char *text, bool is_end) {
    struct http_field fields[] = {{STR(":protocol"), STR("websocket")}};
    struct http_head head = test_head(0, fields, 1);
    head.method = STR("CONNECT"); /* packed as it stands */
    client->stream = h2_session_open(pair->client, &head, false, &test_events, client);
    say(client, text);
    if (is_end) {
        http_stream_end(client->stream, NULL);
    }
    test_pump(pair);
    assert_int_equal(pair->request_count, 1);
    assert_int_equal(pair->owners[0].received, 0);
    assert_int_equal(pair->owners[0].end_count, 0);
    return &pair->owners[0];
}

static void test_early_bytes_are_held(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bool is_end = i == 1;
        struct test_pair *pair = open_pair(H2_VISITOR);
        struct test_owner client = {.consumes = true};
        pair->fresh.consumes = true;
        struct test_owner *server = ask_and_say(pair, &client, "early", is_end);
        test_answer(server, 101, false);
        assert_int_equal(server->received, 0); /* not from inside the owner's call */
        test_pump(pair);
        assert_int_equal(server->received, 5);
        assert_int_equal(server->end_count, is_end);
        http_stream_end(server->stream, NULL);
        if (!is_end) {
            say(&client, "late");
            http_stream_end(client.stream, NULL);
        }
        test_pump(pair);
        assert_int_equal(server->received, is_end ? 5 : 9);
        assert_int_equal(server->end_count, 1);
        assert_int_equal(server->reason, HTTP_CLOSE_DONE);
        test_pair_free(pair);
    }
}

static void test_early_bytes_of_one_who_is_granted_and_ended_at_once(void **state) {
    (void)state;
    struct test_pair *pair = open_pair(H2_VISITOR);
    struct test_owner client = {.consumes = true};
    pair->fresh.consumes = true;
    struct test_owner *server = ask_and_say(pair, &client, "early", true);
    test_answer(server, 101, false);
    http_stream_end(server->stream, NULL);
    test_pump(pair);
    assert_int_equal(server->received, 5);
    assert_int_equal(server->end_count, 1);
    assert_int_equal(server->closed_count, 1);
    assert_int_equal(server->reason, HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

static void test_release_inside_early_bytes(void **state) {
    (void)state;
    struct test_pair *pair = open_pair(H2_VISITOR);
    struct test_owner client = {.consumes = true};
    pair->fresh.releases_data = true;
    struct test_owner *server = ask_and_say(pair, &client, "early", true);
    test_answer(server, 101, false);
    test_pump(pair);
    assert_true(server->is_released);
    assert_int_equal(h2_session_stream_count(pair->server), 0);
    assert_int_equal(client.closed_count, 1);
    test_pair_free(pair);
}

static void test_held_bytes_are_bounded(void **state) {
    (void)state;
    static char text[1 << 20];
    struct test_pair *pair = open_pair(H2_VISITOR);
    struct test_owner client = {.consumes = true};
    memset(text, 'x', sizeof text - 1);
    struct test_owner *server = ask_and_say(pair, &client, text, false);
    size_t at_once = client.sent;
    assert_true(at_once > 0 && at_once <= 64 * 1024);
    test_answer(server, 403, true); /* what is dropped makes no room for more */
    test_pump(pair);
    assert_int_equal(client.sent, at_once);
    assert_int_equal(server->received, 0);
    assert_int_equal(server->end_count, 1);
    assert_int_equal(server->reason, HTTP_CLOSE_DONE);
    assert_int_equal(client.status, 403);
    assert_int_equal(client.closed_count, 1);
    test_pair_free(pair);
}

static void test_refused(void **state) {
    (void)state;
    const unsigned statuses[] = {200, 204, 302, 403, 502};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct test_pair *pair = open_pair(H2_TUNNEL);
        struct test_owner client = {.consumes = true};
        struct test_owner *server = &pair->owners[0];
        ask(pair, &client);
        test_answer(server, statuses[i], statuses[i] == 204);
        if (statuses[i] != 204) {
            say(server, "no");
            http_stream_end(server->stream, NULL);
        }
        assert_int_equal(server->end_count, 0);
        test_pump(pair);
        assert_int_equal(client.status, statuses[i]);
        assert_string_equal(client.text, ""); /* the mark is taken off */
        assert_int_equal(client.received, statuses[i] == 204 ? 0 : 2);
        assert_int_equal(client.end_count, 1);
        assert_int_equal(client.reason, HTTP_CLOSE_DONE);
        assert_int_equal(client.closed_count, 1);
        assert_int_equal(server->end_count, 1);
        assert_int_equal(server->reason, HTTP_CLOSE_DONE);
        assert_int_equal(server->closed_count, 1);
        assert_int_equal(h2_session_stream_count(pair->server), 0);
        test_pair_free(pair);
    }
}

static void test_refused_slowly(void **state) {
    (void)state;
    struct test_pair *pair = open_pair(H2_TUNNEL);
    struct test_owner client = {.consumes = true};
    struct test_owner *server = &pair->owners[0];
    ask(pair, &client);
    test_answer(server, 103, false);
    test_answer(server, 200, false);
    test_pump(pair);
    assert_int_equal(client.interim_count, 1);
    assert_int_equal(server->end_count, 1);
    assert_int_equal(server->closed_count, 0);
    say(server, "no");
    http_stream_end(server->stream, NULL);
    test_pump(pair);
    assert_int_equal(client.received, 2);
    assert_int_equal(client.reason, HTTP_CLOSE_DONE);
    assert_int_equal(server->reason, HTTP_CLOSE_DONE);
    assert_int_equal(client.closed_count + server->closed_count, 2);
    test_pair_free(pair);
}

/* RFC 8441 has no way to say 200 and no. */
static void test_visitors_cannot_be_declined(void **state) {
    (void)state;
    struct test_pair *pair = open_pair(H2_VISITOR);
    struct test_owner client = {.consumes = true};
    ask(pair, &client);
    test_answer(&pair->owners[0], 200, false);
    test_pump(pair);
    assert_int_equal(client.status, 0);
    assert_int_equal(client.reason, HTTP_CLOSE_CANCELLED);
    assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_MALFORMED);
    test_pair_free(pair);
}

static void test_too_early(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct test_pair *pair = open_pair(H2_TUNNEL);
        struct test_owner client = {.consumes = true};
        ask(pair, &client);
        if (i == 0) {
            say(&client, "x");
        } else {
            http_stream_end(client.stream, NULL);
        }
        test_pump(pair);
        assert_int_equal(client.reason, HTTP_CLOSE_MALFORMED);
        assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_CANCELLED);
        assert_int_equal(pair->owners[0].received, 0);
        test_pair_free(pair);
    }
}

static void test_only_where_allowed(void **state) {
    (void)state;
    struct test_pair *pair = test_pair_new(H2_TUNNEL); /* no SETTINGS yet */
    struct http_head head = websocket_head(NULL, 0);
    struct test_owner client = {.consumes = true};
    assert_false(h2_session_takes_websocket(pair->client));
    assert_null(h2_session_open(pair->client, &head, false, &test_events, &client));
    test_pump(pair);
    assert_true(h2_session_takes_websocket(pair->client));
    test_pair_free(pair);
}

static void test_lost(void **state) {
    (void)state;
    struct test_pair *pair = open_pair(H2_TUNNEL);
    struct test_owner client = {.consumes = true};
    ask(pair, &client);
    test_answer(&pair->owners[0], 101, false);
    test_pump(pair);
    test_lose(pair->server);
    test_lose(pair->client);
    assert_int_equal(client.reason, HTTP_CLOSE_LOST);
    assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_LOST);
    assert_int_equal(client.end_count + pair->owners[0].end_count, 0);
    test_pair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_directions),
        cmocka_unit_test(test_bulk_through_a_websocket),
        cmocka_unit_test(test_early_bytes_are_held),
        cmocka_unit_test(test_early_bytes_of_one_who_is_granted_and_ended_at_once),
        cmocka_unit_test(test_release_inside_early_bytes),
        cmocka_unit_test(test_held_bytes_are_bounded),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_slowly),
        cmocka_unit_test(test_visitors_cannot_be_declined),
        cmocka_unit_test(test_too_early),
        cmocka_unit_test(test_only_where_allowed),
        cmocka_unit_test(test_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
