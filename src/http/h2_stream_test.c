#include "http/h2_test_kit.h"

static void check_done(const struct test_owner *owner, enum http_close reason) {
    assert_int_equal(owner->closed_count, 1);
    assert_int_equal(owner->reason, reason);
}

static struct test_pair *begin_post(struct test_owner *post) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    assert_true(test_open(pair, post, STR("POST"), false));
    http_stream_send(post->stream, (const uint8_t *)"abc", 3);
    test_pump(pair);
    assert_int_equal(pair->request_count, 1);
    return pair;
}

static void test_client_releases(void **state) {
    struct test_owner post = {0};
    struct test_pair *pair = begin_post(&post);
    (void)state;
    test_answer(&pair->owners[0], 200, false);
    http_stream_send(pair->owners[0].stream, (const uint8_t *)"abc", 3);
    test_release(&post);
    assert_int_equal(h2_session_stream_count(pair->client), 1);
    test_pump(pair);
    check_done(&pair->owners[0], HTTP_CLOSE_CANCELLED);
    assert_int_equal(post.closed_count, 0);
    assert_int_equal(h2_session_stream_count(pair->client), 0);
    test_pair_free(pair);
}

static void test_client_releases_unsent(void **state) {
    struct test_owner get = {0};
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    (void)state;
    test_pump(pair);
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_release(&get);
    test_pump(pair);
    assert_int_equal(pair->request_count, 0);
    assert_int_equal(h2_session_stream_count(pair->client), 0);
    get = (struct test_owner){0};
    pair->fresh.answers = true;
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    check_done(&get, HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

static void test_server_releases(void **state) {
    struct test_owner post = {0};
    struct test_pair *pair = begin_post(&post);
    (void)state;
    test_release(&pair->owners[0]);
    test_pump(pair);
    check_done(&post, HTTP_CLOSE_CANCELLED);
    assert_int_equal(h2_session_stream_count(pair->server), 0);
    test_pair_free(pair);
}

/* A complete answer is still delivered, and the rest of the request refused without an error. */
static void test_server_releases_after_answer(void **state) {
    struct test_owner post = {0};
    struct test_pair *pair = begin_post(&post);
    (void)state;
    test_answer(&pair->owners[0], 413, false);
    http_stream_send(pair->owners[0].stream, (const uint8_t *)"large", 5);
    http_stream_end(pair->owners[0].stream, NULL);
    test_release(&pair->owners[0]);
    test_pump(pair);
    assert_int_equal(post.status, 413);
    assert_int_equal(post.received, 5);
    check_done(&post, HTTP_CLOSE_DONE);
    assert_int_equal(h2_session_stream_count(pair->server), 0);
    test_pair_free(pair);
}

static void test_server_releases_after_written(void **state) {
    struct test_owner post = {0};
    struct test_pair *pair = begin_post(&post);
    (void)state;
    test_answer(&pair->owners[0], 413, true);
    test_pump(pair);
    assert_int_equal(post.status, 413);
    assert_int_equal(post.closed_count, 0);
    test_release(&pair->owners[0]);
    test_pump(pair);
    check_done(&post, HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

/* An answer that the peer does not take is not kept for it. */
static void test_server_releases_stalled(void **state) {
    static uint8_t body[600000];
    struct test_owner get = {0};
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    (void)state;
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    test_answer(&pair->owners[0], 200, false);
    http_stream_send(pair->owners[0].stream, body, sizeof body);
    http_stream_end(pair->owners[0].stream, NULL);
    test_pump(pair);
    test_release(&pair->owners[0]);
    test_pump(pair);
    check_done(&get, HTTP_CLOSE_CANCELLED);
    assert_int_equal(pair->pool.used_count, 0);
    test_pair_free(pair);
}

static void take_output(struct h2_session *session) {
    struct engine *engine = h2_session_engine(session);
    const uint8_t *bytes;
    for (size_t len = engine->ops->peek(engine, &bytes); len > 0;
         len = engine->ops->peek(engine, &bytes)) {
        engine->ops->wrote(engine, len);
    }
}

/* Nor is one that fits its stream's window, when the peer leaves no room on the connection. */
static void test_server_releases_shut_out(void **state) {
    static uint8_t body[100000];
    struct test_owner first = {0};
    struct test_owner second = {0};
    struct test_pair *pair = test_pair_bare();
    struct h2_config client = test_config(pair, H2_CLIENT, H2_TUNNEL);
    struct h2_config server = test_config(pair, H2_SERVER, H2_TUNNEL);
    (void)state;
    client.session_window_bytes = 65535;
    pair->client = h2_session_new(&client);
    pair->server = h2_session_new(&server);
    assert_true(test_open(pair, &first, STR("GET"), true));
    assert_true(test_open(pair, &second, STR("GET"), true));
    test_pump(pair);
    test_answer(&pair->owners[0], 200, false);
    http_stream_send(pair->owners[0].stream, body, sizeof body);
    take_output(pair->server);
    test_answer(&pair->owners[1], 200, false);
    http_stream_send(pair->owners[1].stream, body, 1000);
    http_stream_end(pair->owners[1].stream, NULL);
    take_output(pair->server);
    size_t used_before = pair->pool.used_count;
    test_release(&pair->owners[1]);
    assert_int_equal(pair->pool.used_count, used_before - 1);
    test_pair_free(pair);
}

static void test_releases_inside_events(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner post = {0};
    struct test_owner get = {.releases_head = true};
    (void)state;
    pair->fresh.releases_head = true;
    assert_true(test_open(pair, &post, STR("POST"), false));
    test_pump(pair);
    check_done(&post, HTTP_CLOSE_CANCELLED);
    pair->fresh = (struct test_owner){.releases_data = true};
    post = (struct test_owner){0};
    assert_true(test_open(pair, &post, STR("POST"), false));
    http_stream_send(post.stream, (const uint8_t *)"abc", 3);
    http_stream_end(post.stream, NULL);
    test_pump(pair);
    check_done(&post, HTTP_CLOSE_CANCELLED);
    pair->fresh = (struct test_owner){.answers = true};
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    assert_true(get.is_released);
    assert_int_equal(get.closed_count, 0);
    assert_int_equal(h2_session_stream_count(pair->client), 0);
    test_pair_free(pair);
}

/* Owners whose bytes do not keep to their declared length: the stream dies, the session lives. */
static void test_declared_length(void **state) {
    static const struct {
        const char *bytes;
        bool is_end;
        enum http_close reason;
    } cases[] = {
        {"abcde", true, HTTP_CLOSE_DONE},
        {"abcd", true, HTTP_CLOSE_MALFORMED},
        {"abcdef", false, HTTP_CLOSE_MALFORMED},
    };
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_owner get = {.consumes = true};
        struct http_field field = {STR("content-length"), STR("5")};
        struct http_head head = test_head(200, &field, 1);
        head.has_content_length = true;
        head.content_length = 5;
        assert_true(test_open(pair, &get, STR("GET"), true));
        test_pump(pair);
        struct test_owner *server = &pair->owners[i];
        struct http_stream *stream = server->stream;
        http_stream_send_head(stream, &head, false);
        http_stream_send(stream, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        if (cases[i].is_end) {
            http_stream_end(stream, NULL);
        }
        assert_int_equal(server->closed_count, 0); /* never from inside a call */
        http_stream_send(stream, (const uint8_t *)"more", 4);
        http_stream_end(stream, NULL);
        test_pump(pair);
        check_done(server, cases[i].reason);
        assert_int_equal(get.closed_count, 1);
    }
    test_pair_free(pair);
}

static void test_empty_bodies(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner post = {0};
    (void)state;
    assert_true(test_open(pair, &post, STR("POST"), false));
    http_stream_end(post.stream, NULL);
    test_pump(pair);
    assert_int_equal(pair->owners[0].end_count, 1);
    test_answer(&pair->owners[0], 200, false);
    test_pump(pair);
    assert_int_equal(post.status, 200);
    assert_int_equal(post.end_count, 0);
    http_stream_end(pair->owners[0].stream, NULL);
    test_pump(pair);
    check_done(&post, HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

/* Streams come from the session's own store after the first ones. */
static void test_reuse(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    static struct test_owner owners[100];
    (void)state;
    pair->fresh.answers = true;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++) {
            owners[i] = (struct test_owner){0};
            assert_true(test_open(pair, &owners[i], STR("GET"), true));
        }
        test_pump(pair);
        for (size_t i = 0; i < 100; i++) {
            check_done(&owners[i], HTTP_CLOSE_DONE);
        }
    }
    test_pair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_releases),
        cmocka_unit_test(test_client_releases_unsent),
        cmocka_unit_test(test_server_releases),
        cmocka_unit_test(test_server_releases_after_answer),
        cmocka_unit_test(test_server_releases_after_written),
        cmocka_unit_test(test_server_releases_stalled),
        cmocka_unit_test(test_server_releases_shut_out),
        cmocka_unit_test(test_releases_inside_events),
        cmocka_unit_test(test_declared_length),
        cmocka_unit_test(test_empty_bodies),
        cmocka_unit_test(test_reuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
