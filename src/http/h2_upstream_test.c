/* h2_upstream_test.c: a client of a workload that is not to be trusted: it may only hurt itself. */
#include "http/h2_receive_test_kit.h"

static void test_ordinary_answers_cost_nothing(void **state) {
    (void)state;
    static struct test_owner owners[100];
    uint32_t id = 1;
    memset(owners, 0, sizeof owners);
    struct test_pair *pair = new_client(H2_UPSTREAM, owners, 0);
    feed(pair->client);
    for (unsigned round = 0; round < 30; round++) { /* time stands still: nothing is refilled */
        for (size_t i = 0; i < 100; i++) {
            owners[i] = (struct test_owner){.consumes = true};
            assert_true(test_open(pair, &owners[i], STR("POST"), false));
        }
        assert_int_equal(drain(pair->client).goaways, 0);
        for (size_t i = 0; i < 100; i++, id += 2) { /* as gRPC servers do */
            add_headers(END_HEADERS, id, ":status=200");
            add_frame(DATA, 0, id, "\0\0\0\0\1x", 6);
            add_headers(END_HEADERS | END_STREAM, id, "grpc-status=0");
            add_u32_frame(RST_STREAM, id, 0);
        }
        feed(pair->client);
        assert_int_equal(drain(pair->client).goaways, 0);
        for (size_t i = 0; i < 100; i++) {
            assert_int_equal(owners[i].status, 200);
            assert_int_equal(owners[i].reason, HTTP_CLOSE_DONE);
        }
    }
    test_pair_free(pair);
}

static void check_flood(void (*add_flood)(size_t)) {
    struct test_owner owner = {.consumes = true};
    struct test_pair *pair = new_client(H2_UPSTREAM, &owner, 1);
    feed(pair->client);
    struct said said = {0};
    for (size_t i = 0; i < 2000 && said.goaways == 0; i++) {
        add_flood(i);
        feed(pair->client);
        said = drain(pair->client);
    }
    assert_int_equal(said.goaways, 1);
    assert_int_equal(said.goaway_code, CALM);
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    test_lose(pair->client);
    assert_int_equal(owner.closed_count, 1);
    test_pair_free(pair);
}

static void add_ping(size_t i) {
    (void)i;
    add_frame(PING, 0, 0, "12345678", 8);
}

static void add_settings(size_t i) {
    (void)i;
    add_frame(SETTINGS, 0, 0, NULL, 0);
}

static void add_empty_data(size_t i) {
    if (i == 0) {
        add_headers(END_HEADERS, 1, ":status=200");
    }
    add_frame(DATA, 0, 1, NULL, 0);
}

static void add_late_headers(size_t i) {
    if (i == 0) {
        add_headers(END_HEADERS | END_STREAM, 1, ":status=200");
    }
    add_headers(END_HEADERS, 1, ":status=200");
}

static void add_unknown(size_t i) {
    (void)i;
    add_frame(99, 0, 0, "x", 1);
}

static void test_floods(void **state) {
    (void)state;
    check_flood(add_ping);
    check_flood(add_settings);
    check_flood(add_empty_data);
    check_flood(add_unknown);
}

/* HEADERS for what is over: an error of the connection, or out of the budget. */
static void test_late_headers(void **state) {
    (void)state;
    struct test_owner owner = {.consumes = true};
    struct test_pair *pair = new_client(H2_UPSTREAM, &owner, 1);
    feed(pair->client);
    for (size_t i = 0; i < 2000 && test_phase(pair->client) != ENGINE_DONE; i++) {
        add_late_headers(i);
        feed(pair->client);
        (void)drain(pair->client);
    }
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    assert_int_equal(owner.reason, HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

static unsigned room_count;

static void count_room(void *context) {
    (void)context;
    room_count++;
}

static void set_limit(struct test_pair *pair, uint8_t limit) {
    const uint8_t entry[6] = {0, 3, 0, 0, 0, limit};
    add_frame(SETTINGS, 0, 0, entry, sizeof entry);
    feed(pair->client);
}

static void test_streams_wait_for_room(void **state) {
    (void)state;
    static struct test_owner owners[101];
    struct test_pair *pair = test_pair_bare();
    struct h2_config config = test_config(pair, H2_CLIENT, H2_UPSTREAM);
    memset(owners, 0, sizeof owners);
    config.on_room = count_room;
    room_count = 0;
    raw.len = 0;
    pair->client = h2_session_new(&config);
    for (size_t i = 0; i < 100; i++) {
        assert_true(test_open(pair, &owners[i], STR("GET"), true));
    }
    assert_false(h2_session_has_room(pair->client));
    assert_false(test_open(pair, &owners[100], STR("GET"), true));
    set_limit(pair, 200);
    assert_int_equal(room_count, 1);
    assert_true(h2_session_has_room(pair->client));
    set_limit(pair, 1);
    assert_false(h2_session_has_room(pair->client));
    (void)drain(pair->client);
    test_lose(pair->client);
    test_pair_free(pair);
}

static void test_goaway(void **state) {
    (void)state;
    static const uint8_t goaway[8] = {0, 0, 0, 1};
    struct test_owner owners[2] = {{.consumes = true}, {.consumes = true}};
    struct test_pair *pair = new_client(H2_UPSTREAM, owners, 2);
    add_frame(GOAWAY, 0, 0, goaway, sizeof goaway);
    feed(pair->client);
    assert_int_equal(pair->goaways, 1);
    assert_int_equal(owners[1].reason, HTTP_CLOSE_REFUSED); /* may be sent elsewhere */
    assert_int_equal(owners[0].closed_count, 0);
    assert_false(h2_session_has_room(pair->client));
    add_headers(END_HEADERS | END_STREAM, 1, ":status=204");
    feed(pair->client);
    assert_int_equal(owners[0].status, 204);
    assert_int_equal(owners[0].reason, HTTP_CLOSE_DONE);
    test_pair_free(pair);
}

static void test_malformed_answers_cost(void **state) {
    (void)state;
    struct test_pair *pair = new_client(H2_UPSTREAM, NULL, 0);
    struct said said = {0};
    size_t count = 0;
    feed(pair->client);
    for (uint32_t id = 1; count < 1000 && said.goaways == 0; id += 2, count++) {
        struct test_owner owner = {.consumes = true};
        assert_true(test_open(pair, &owner, STR("GET"), true));
        (void)drain(pair->client);
        add_headers(END_HEADERS | END_STREAM, id, ":status=99");
        feed(pair->client);
        said = drain(pair->client);
        if (said.goaways > 0) {
            assert_int_equal(said.goaway_code, CALM);
            test_lose(pair->client);
        } else {
            assert_int_equal(owner.reason, HTTP_CLOSE_MALFORMED);
        }
        assert_int_equal(owner.closed_count, 1);
    }
    assert_int_equal(count, 250);
    test_pair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_answers_cost_nothing),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_late_headers),
        cmocka_unit_test(test_streams_wait_for_room),
        cmocka_unit_test(test_goaway),
        cmocka_unit_test(test_malformed_answers_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
