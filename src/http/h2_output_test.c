#include "http/h2_test_kit.h"

static size_t peek(struct h2_session *session, const uint8_t **bytes) {
    struct engine *engine = h2_session_engine(session);
    return engine->ops->peek(engine, bytes);
}

static void wrote(struct h2_session *session, size_t len) {
    struct engine *engine = h2_session_engine(session);
    engine->ops->wrote(engine, len);
}

/* Two long answers share each block, frame by frame, and a block is filled to its end. */
static void check_turns(struct h2_session *session) {
    size_t bytes_of[2] = {0, 0};
    const uint8_t *at;
    size_t len = peek(session, &at);
    assert_int_equal(len, BLOCK_BYTES);
    while (len >= 9) {
        size_t frame = 9 + ((size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]);
        assert_true(frame <= 9 + 16384);
        if (at[3] == 0) {
            bytes_of[at[8] == 1 ? 0 : 1] += frame;
        }
        at += frame;
        len -= frame;
    }
    assert_int_equal(len, 0);
    assert_true(bytes_of[0] > 16384 && bytes_of[1] > 16384);
}

static void test_turns_of_server(void **state) {
    static uint8_t body[200000];
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner owners[2] = {{0}, {0}};
    (void)state;
    assert_true(test_open(pair, &owners[0], STR("GET"), true));
    assert_true(test_open(pair, &owners[1], STR("GET"), true));
    test_pump(pair);
    for (size_t i = 0; i < 2; i++) {
        test_answer(&pair->owners[i], 200, false);
        http_stream_send(pair->owners[i].stream, body, sizeof body);
    }
    check_turns(pair->server);
    test_pair_free(pair);
}

static void test_turns_of_client(void **state) {
    static uint8_t body[200000];
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner owners[2] = {{0}, {0}};
    (void)state;
    test_pump(pair);
    for (size_t i = 0; i < 2; i++) {
        assert_true(test_open(pair, &owners[i], STR("POST"), false));
        http_stream_send(owners[i].stream, body, sizeof body);
    }
    check_turns(pair->client);
    test_pair_free(pair);
}

/* The block is given back when drained, and what is peeked stays until written. */
static void test_block_comes_back(void **state) {
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    const uint8_t *bytes;
    const uint8_t *again;
    (void)state;
    size_t len = peek(pair->client, &bytes);
    assert_memory_equal(bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    assert_int_equal(pair->pool.used_count, 1);
    wrote(pair->client, 10);
    h2_session_ping(pair->client, (const uint8_t *)"12345678");
    assert_int_equal(peek(pair->client, &again), len - 10);
    assert_ptr_equal(again, bytes + 10);
    wrote(pair->client, len - 10);
    assert_int_equal(pair->pool.used_count, 0);
    assert_int_equal(peek(pair->client, &again), 17);
    wrote(pair->client, 17);
    assert_int_equal(peek(pair->client, &again), 0);
    assert_int_equal(pair->pool.used_count, 0);
    test_pair_free(pair);
}

/* Heads that do not fit into what is left of a block are continued in the next. */
static void test_frame_over_two_blocks(void **state) {
    static char text[3000];
    static struct test_owner owners[60];
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct http_field field = {STR("x"), str_make(text, sizeof text)};
    (void)state;
    test_pump(pair);
    for (size_t i = 0; i < 60; i++) {
        memset(text, (int)('0' + i), sizeof text);
        struct http_head head = test_head(0, &field, 1);
        owners[i].stream = h2_session_open(pair->client, &head, true, &test_events, &owners[i]);
        assert_non_null(owners[i].stream);
    }
    pair->chunk_max = 3 * BLOCK_BYTES;
    test_pump(pair);
    assert_int_equal(pair->request_count, 60);
    for (size_t i = 0; i < 60; i++) {
        assert_int_equal(pair->owners[i].text[200], '0' + i);
    }
    test_pair_free(pair);
}

/* A head longer than the library sends ends its stream and nothing else. */
static void test_head_too_long_to_send(void **state) {
    static char text[70000];
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct http_field field = {STR("x"), str_make(text, sizeof text)};
    struct http_head head = test_head(0, &field, 1);
    struct test_owner get = {0};
    (void)state;
    memset(text, 'a', sizeof text);
    test_pump(pair);
    get.stream = h2_session_open(pair->client, &head, true, &test_events, &get);
    test_pump(pair);
    assert_int_equal(get.closed_count, 1);
    assert_int_equal(get.reason, HTTP_CLOSE_MALFORMED);
    get = (struct test_owner){0};
    assert_true(test_open(pair, &get, STR("GET"), true));
    test_pump(pair);
    head = test_head(200, &field, 1);
    http_stream_send_head(pair->owners[0].stream, &head, true);
    test_pump(pair);
    assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_MALFORMED);
    assert_int_equal(get.reason, HTTP_CLOSE_CANCELLED);
    assert_int_equal(test_phase(pair->client), ENGINE_IDLE);
    test_pair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_of_server),       cmocka_unit_test(test_turns_of_client),
        cmocka_unit_test(test_block_comes_back),      cmocka_unit_test(test_frame_over_two_blocks),
        cmocka_unit_test(test_head_too_long_to_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
