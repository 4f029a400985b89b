
#include "http/h2_test_kit.h"

static void check_done(const struct test_owner *owner, enum http_close reason) {
    assert_int_equal(owner->closed_count, 1);
    assert_int_equal(owner->reason, reason);
}

static void check_idle(struct test_pair *pair) {
    assert_int_equal(h2_session_stream_count(pair->client), 0);
    assert_int_equal(h2_session_stream_count(pair->server), 0);
    assert_int_equal(pair->pool.used_count, 0);
}

static void test_request_and_answer(void **state) {
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    struct test_owner get = {0};
    (void)state;
    assert_int_equal(test_phase(pair->server), ENGINE_IDLE);
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    assert_int_equal(pair->settings, 2);
    assert_int_equal(pair->request_count, 1);
    assert_string_equal(pair->owners[0].text, "GET https app.example /a?b=c|accept=*/*|x-one=1");
    assert_int_equal(pair->owners[0].end_count, 1);
    assert_int_equal(test_phase(pair->server), ENGINE_BUSY);
    struct http_field fields[] = {{STR("content-type"), STR("text/plain")},
                                  {STR("content-length"), STR("5")}};
    struct http_head head = test_head(200, fields, 2);
    head.has_content_length = true;
    head.content_length = 5;
    http_stream_send_head(pair->owners[0].stream, &head, false);
    http_stream_send(pair->owners[0].stream, (const uint8_t *)"hello", 5);
    assert_int_equal(pair->owners[0].stream->unsent, 5);
    http_stream_end(pair->owners[0].stream, NULL);
    test_pump(pair);
    assert_int_equal(get.status, 200);
    assert_string_equal(get.text, "|content-type=text/plain|content-length=5");
    assert_int_equal(get.received, 5);
    assert_int_equal(get.end_count, 1);
    assert_int_equal(pair->owners[0].sent, 5);
    check_done(&get, HTTP_CLOSE_DONE);
    check_done(&pair->owners[0], HTTP_CLOSE_DONE);
    check_idle(pair);
    assert_int_equal(test_phase(pair->server), ENGINE_IDLE);
    test_pair_free(pair);
}

#define MANY 50
#define BODY 300000

/* Bodies both ways at once over many streams, in odd chunks: bytes arrive whole and in order, memory stays bounded. */
static void test_bodies_both_ways(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    static struct test_owner owners[MANY];
    static uint8_t body[BODY];
    uint64_t hash = 0;
    (void)state;
    pair->fresh.echoes = true;
    random_fill(&pair->random.random, body, sizeof body);
    hash = test_hash(0, body, sizeof body);
    for (size_t i = 0; i < MANY; i++) {
        owners[i] = (struct test_owner){.consumes = true};
        assert_true(test_open(pair, &owners[i], STR("POST"), false));
    }
    for (size_t at = 0; at < BODY; at += 20000) {
        for (size_t i = 0; i < MANY; i++) {
            http_stream_send(owners[i].stream, body + at, 20000);
        }
        if (at % 60000 == 0) {
            test_pump(pair);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        http_stream_end(owners[i].stream, NULL);
    }
    test_pump(pair);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(owners[i].received, BODY);
        assert_true(owners[i].hash == hash);
        assert_int_equal(owners[i].sent, BODY);
        assert_int_equal(owners[i].end_count, 1);
        check_done(&owners[i], HTTP_CLOSE_DONE);
        check_done(&pair->owners[i], HTTP_CLOSE_DONE);
    }
    check_idle(pair);
    test_pair_free(pair);
}

/* One reader that stands still holds one window and stops nobody else. */
static void test_slow_reader(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner slow = {0};
    struct test_owner quick = {.consumes = true};
    static uint8_t body[1 << 20];
    (void)state;
    assert_true(test_open(pair, &slow, STR("GET"), true));
    assert_true(test_open(pair, &quick, STR("GET"), true));
    test_pump(pair);
    for (size_t i = 0; i < 2; i++) {
        test_answer(&pair->owners[i], 200, false);
        http_stream_send(pair->owners[i].stream, body, sizeof body);
        http_stream_end(pair->owners[i].stream, NULL);
    }
    test_pump(pair);
    assert_int_equal(quick.received, sizeof body);
    check_done(&quick, HTTP_CLOSE_DONE);
    assert_int_equal(slow.received, 64 * 1024);
    assert_int_equal(pair->owners[0].sent, slow.received);
    assert_int_equal(pair->owners[0].stream->unsent, sizeof body - slow.received);
    http_stream_consumed(slow.stream, 50000);
    test_pump(pair);
    assert_int_equal(slow.received, 64 * 1024 + 50000);
    while (slow.closed_count == 0) {
        http_stream_consumed(slow.stream, 50000);
        test_pump(pair);
    }
    assert_int_equal(slow.received, sizeof body);
    check_idle(pair);
    test_pair_free(pair);
}

static void test_interim_and_trailers(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner post = {.consumes = true};
    struct http_field fields[] = {{STR("x-sum"), STR("7")}, {STR("content-length"), STR("9")}};
    struct http_fields trailers = {fields, 2, 2};
    (void)state;
    assert_true(test_open(pair, &post, STR("POST"), false));
    http_stream_send(post.stream, (const uint8_t *)"abc", 3);
    http_stream_end(post.stream, &trailers);
    test_pump(pair);
    assert_int_equal(pair->owners[0].received, 3);
    assert_string_equal(pair->owners[0].trailers, "|x-sum=7"); /* the length may not be there */
    test_answer(&pair->owners[0], 103, false);
    test_answer(&pair->owners[0], 100, false);
    test_pump(pair);
    assert_int_equal(post.interim_count, 2);
    test_answer(&pair->owners[0], 200, false);
    http_stream_end(pair->owners[0].stream, &trailers); /* and no body */
    test_pump(pair);
    assert_int_equal(post.status, 200);
    assert_string_equal(post.trailers, "|x-sum=7");
    check_done(&post, HTTP_CLOSE_DONE);
    check_idle(pair);
    test_pair_free(pair);
}

static void test_head_has_no_body(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner head_request = {0};
    struct http_field length = {STR("content-length"), STR("1000")};
    struct http_head head = test_head(200, &length, 1);
    (void)state;
    head.has_content_length = true;
    head.content_length = 1000;
    assert_true(test_open(pair, &head_request, STR("HEAD"), true));
    test_pump(pair);
    http_stream_send_head(pair->owners[0].stream, &head, true);
    test_pump(pair);
    assert_int_equal(head_request.status, 200);
    check_done(&head_request, HTTP_CLOSE_DONE);
    check_done(&pair->owners[0], HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

static void test_two_stage_drain(void **state) {
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    struct test_owner early = {0};
    struct test_owner crossing = {0};
    struct test_owner late = {0};
    (void)state;
    test_pump(pair);
    assert_true(test_open(pair, &early, STR("GET"), true));
    test_pump(pair);
    h2_session_drain(pair->server);
    assert_true(h2_session_is_draining(pair->server));
    assert_int_equal(test_phase(pair->server), ENGINE_DRAINING);
    assert_true(test_open(pair, &crossing, STR("GET"), true)); /* before the GOAWAY arrives */
    test_pump(pair);
    assert_int_equal(pair->goaways, 1);
    assert_int_equal(pair->request_count, 2);
    assert_false(test_open(pair, &late, STR("GET"), true));
    test_answer(&pair->owners[0], 204, true);
    test_answer(&pair->owners[1], 204, true);
    test_pump(pair);
    check_done(&early, HTTP_CLOSE_DONE);
    check_done(&crossing, HTTP_CLOSE_DONE);
    assert_int_equal(test_phase(pair->server), ENGINE_DONE);
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    test_pair_free(pair);
}

static void test_client_drain(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner get = {0};
    struct test_owner late = {0};
    (void)state;
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    h2_session_drain(pair->client);
    assert_false(test_open(pair, &late, STR("GET"), true));
    test_pump(pair);
    assert_int_equal(test_phase(pair->client), ENGINE_DRAINING);
    test_answer(&pair->owners[0], 204, true);
    test_pump(pair);
    check_done(&get, HTTP_CLOSE_DONE);
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    assert_int_equal(test_phase(pair->server), ENGINE_DONE);
    test_pair_free(pair);
}

static unsigned room_count;

static void count_room(void *context) {
    (void)context;
    room_count++;
}

static void test_peers_stream_limit(void **state) {
    struct test_pair *pair = test_pair_bare();
    struct test_owner owners[4] = {{0}, {0}, {0}, {0}};
    struct h2_config client = test_config(pair, H2_CLIENT, H2_TUNNEL);
    struct h2_config server = test_config(pair, H2_SERVER, H2_TUNNEL);
    (void)state;
    server.max_streams = 2;
    client.on_room = count_room;
    room_count = 0;
    pair->client = h2_session_new(&client);
    pair->server = h2_session_new(&server);
    for (size_t i = 0; i < 3; i++) { /* before the limit is known */
        assert_true(test_open(pair, &owners[i], STR("GET"), true));
    }
    test_pump(pair);
    check_done(&owners[2], HTTP_CLOSE_REFUSED);
    assert_int_equal(pair->request_count, 2);
    assert_false(h2_session_has_room(pair->client));
    assert_false(test_open(pair, &owners[3], STR("GET"), true));
    assert_int_equal(room_count, 2); /* the limit is known, and the refused one is gone */
    test_answer(&pair->owners[0], 204, true);
    test_pump(pair);
    assert_int_equal(room_count, 3);
    assert_true(h2_session_has_room(pair->client));
    assert_true(test_open(pair, &owners[3], STR("GET"), true));
    test_pump(pair);
    assert_int_equal(pair->request_count, 3);
    test_pair_free(pair);
}

static void test_ping(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    (void)state;
    h2_session_ping(pair->client, (const uint8_t *)"12345678");
    h2_session_ping(pair->server, (const uint8_t *)"12345678");
    test_pump(pair);
    assert_int_equal(pair->ping_acks, 2);
    test_pair_free(pair);
}

static void test_lost(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner first = {0};
    struct test_owner second = {0};
    (void)state;
    assert_true(test_open(pair, &first, STR("POST"), false));
    assert_true(test_open(pair, &second, STR("GET"), true));
    http_stream_send(first.stream, (const uint8_t *)"abc", 3);
    test_pump(pair);
    http_stream_send(first.stream, (const uint8_t *)"def", 3);
    test_lose(pair->client);
    check_done(&first, HTTP_CLOSE_LOST);
    check_done(&second, HTTP_CLOSE_LOST);
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    assert_false(test_open(pair, &first, STR("GET"), true));
    h2_session_ping(pair->client, (const uint8_t *)"12345678");
    h2_session_drain(pair->client);
    h2_session_abort(pair->client, 0);
    /* The server's end is freed with its streams open: in silence. */
    test_pair_free(pair);
}

static void test_abort(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner get = {0};
    (void)state;
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    h2_session_abort(pair->server, 11);
    test_pump(pair);
    assert_int_equal(test_phase(pair->server), ENGINE_DONE);
    assert_int_equal(pair->goaways, 1);
    test_lose(pair->client);
    test_lose(pair->server);
    assert_int_equal(get.closed_count, 1);
    check_done(&pair->owners[0], HTTP_CLOSE_LOST);
    test_pair_free(pair);
}

/* From inside a callback: the library is stopped first. */
static void test_abort_inside(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner owners[2] = {{0}, {0}};
    (void)state;
    pair->aborts = true;
    pair->chunk_max = 1;
    test_pump(pair);
    pair->chunk_max = 100000;
    assert_true(test_open(pair, &owners[0], STR("GET"), true));
    assert_true(test_open(pair, &owners[1], STR("GET"), true));
    while (test_move(pair, pair->client, pair->server)) {
    }
    assert_in_range(pair->request_count, 1, 1);
    test_pump(pair);
    assert_int_equal(pair->goaways, 1);
    assert_int_equal(test_phase(pair->server), ENGINE_DONE);
    test_lose(pair->server);
    check_done(&pair->owners[0], HTTP_CLOSE_LOST);
    test_pair_free(pair);
}

static void test_feed_end(void **state) {
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    struct engine *engine = h2_session_engine(pair->server);
    (void)state;
    test_pump(pair);
    engine->ops->feed_end(engine);
    test_pump(pair);
    assert_int_equal(test_phase(pair->server), ENGINE_DONE);
    assert_false(engine->ops->wants_read(engine));
    test_pair_free(pair);
}

static void count_notify(void *context) {
    (*(unsigned *)context)++;
}

static void test_notify_once_per_peek(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct engine *engine = h2_session_engine(pair->client);
    struct test_owner post = {0};
    unsigned count = 0;
    (void)state;
    test_pump(pair);
    engine->notify = count_notify;
    engine->notify_context = &count;
    assert_true(test_open(pair, &post, STR("POST"), false));
    http_stream_send(post.stream, (const uint8_t *)"abc", 3);
    assert_int_equal(count, 1);
    test_pump(pair);
    count = 0;
    http_stream_send(post.stream, (const uint8_t *)"abc", 3);
    assert_int_equal(count, 1);
    engine->notify = NULL;
    test_pair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_and_answer),
        cmocka_unit_test(test_bodies_both_ways),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_interim_and_trailers),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_two_stage_drain),
        cmocka_unit_test(test_client_drain),
        cmocka_unit_test(test_peers_stream_limit),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_abort_inside),
        cmocka_unit_test(test_feed_end),
        cmocka_unit_test(test_notify_once_per_peek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
