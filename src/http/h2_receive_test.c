/* One session against a peer that is made of bytes. */
#include "http/h2_receive_test_kit.h"

static void test_malformed_request(void **state) {
    static const char *const lists[] = {
        GET "|Upper=x",
        GET "|connection=close",
        GET "|content-length=5",
        GET "|:path=/b",
        ":method=GET|:scheme=https",
        GET "|a=b\r\nc: d",
        GET "|host=other",
        GET "|te=gzip",
        GET "|transfer-encoding=chunked",
        GET "|:unknown=yes",
        ":method=CONNECT|:authority=a:1",
        WEBSOCKET, /* with END_STREAM */
        GET "| a=b",
        GET "|content-length=x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct test_pair *pair = new_server(H2_VISITOR);
        add_headers(END_HEADERS | END_STREAM, 1, lists[i]);
        add_request(3, true);
        feed(pair->server);
        struct said said = drain(pair->server);
        if (said.resets != 1 || said.reset_code != 1 || said.goaways != 0) {
            fail_msg("'%s': %zu %u", lists[i], said.resets, said.reset_code);
        }
        assert_int_equal(pair->request_count, 1);
        assert_int_equal(h2_session_stream_count(pair->server), 1);
        test_pair_free(pair);
    }
}

static void test_other_protocols(void **state) {
    (void)state;
    struct test_pair *pair = new_server(H2_VISITOR);
    add_headers(END_HEADERS, 1, CONNECT "|:protocol=connect-udp");
    feed(pair->server);
    struct said said = drain(pair->server);
    assert_int_equal(pair->request_count, 0);
    assert_int_equal(said.status, 501);
    assert_int_equal(said.goaways, 0);
    test_pair_free(pair);
}

/* Inside a WebSocket there are no trailers, whether it is granted or not. */
static void test_trailers_of_websocket(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct test_pair *pair = new_server(H2_VISITOR);
        add_headers(END_HEADERS, 1, WEBSOCKET);
        feed(pair->server);
        assert_int_equal(pair->request_count, 1);
        if (i == 1) {
            test_answer(&pair->owners[0], 101, false);
            assert_int_equal(drain(pair->server).status, 200);
        }
        add_headers(END_HEADERS | END_STREAM, 1, "x-a=b");
        feed(pair->server);
        struct said said = drain(pair->server);
        assert_int_equal(said.resets, 1);
        assert_int_equal(said.reset_code, 1);
        assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_MALFORMED);
        assert_int_equal(pair->owners[0].end_count, 0);
        test_pair_free(pair);
    }
}

static void test_body_against_length(void **state) {
    static const struct {
        size_t len;
        bool is_end;
        bool is_reset;
    } cases[] = {{5, true, false}, {4, true, true}, {6, false, true}, {6, true, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_pair *pair = new_server(H2_VISITOR);
        add_headers(END_HEADERS, 1, GET "|content-length=5");
        add_frame(DATA, cases[i].is_end ? END_STREAM : 0, 1, "abcdefgh", cases[i].len);
        feed(pair->server);
        assert_int_equal(drain(pair->server).resets, cases[i].is_reset);
        assert_int_equal(pair->owners[0].end_count, !cases[i].is_reset);
        assert_int_equal(pair->owners[0].closed_count, cases[i].is_reset);
        if (cases[i].is_reset) {
            assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_MALFORMED);
        }
        test_pair_free(pair);
    }
}

static void test_trailers_of_request(void **state) {
    static const struct {
        const char *list;
        uint8_t flags;
        bool is_reset;
    } cases[] = {
        {"x-sum=1", END_STREAM, false},     {"x-sum=1", 0, true},
        {":path=/b", END_STREAM, true},     {"content-length=3", END_STREAM, true},
        {"connection=x", END_STREAM, true}, {"", END_STREAM, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_pair *pair = new_server(H2_VISITOR);
        add_request(1, false);
        add_frame(DATA, 0, 1, "abc", 3);
        add_headers((uint8_t)(END_HEADERS | cases[i].flags), 1, cases[i].list);
        feed(pair->server);
        assert_int_equal(drain(pair->server).resets, cases[i].is_reset);
        assert_int_equal(pair->owners[0].end_count, !cases[i].is_reset);
        assert_int_equal(pair->owners[0].closed_count, cases[i].is_reset);
        test_pair_free(pair);
    }
}

static void check_oversize(struct http_head *head, unsigned status) {
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    for (size_t i = 0; i < 2; i++) { /* with and without a body to come */
        struct test_owner owner = {0};
        owner.stream = h2_session_open(pair->client, head, i == 0, &test_events, &owner);
        test_pump(pair);
        assert_int_equal(owner.status, status);
        assert_int_equal(owner.reason, HTTP_CLOSE_DONE);
    }
    assert_int_equal(pair->request_count, 0);
    assert_int_equal(test_phase(pair->server), ENGINE_IDLE);
    test_pair_free(pair);
}

static void test_oversize(void **state) {
    static char text[40000];
    struct http_field fields[101];
    (void)state;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    for (size_t i = 0; i < 101; i++) {
        fields[i] = (struct http_field){STR("x"), STR("1")};
    }
    struct http_head head = test_head(0, fields, 101);
    check_oversize(&head, 431);
    fields[0].value = str_make(text, sizeof text);
    head = test_head(0, fields, 1);
    check_oversize(&head, 431);
    head = test_head(0, NULL, 0);
    head.path = str_make(text, HTTP_TARGET_BYTES_MAX + 1);
    check_oversize(&head, 414);
}

/* Opens and resets until the session ends; returns how often. */
static size_t reset_rapidly(struct test_pair *pair, size_t count, struct said *said) {
    size_t done = 0;
    *said = (struct said){0};
    while (done < count && test_phase(pair->server) != ENGINE_DONE) {
        for (size_t i = 0; i < 100; i++, done++) {
            add_request((uint32_t)(2 * done + 1), true);
            add_u32_frame(RST_STREAM, (uint32_t)(2 * done + 1), 8);
        }
        feed(pair->server);
        *said = drain(pair->server);
    }
    return done;
}

static void test_rapid_reset(void **state) {
    struct test_pair *pair = new_server(H2_VISITOR);
    struct said said;
    (void)state;
    assert_true(reset_rapidly(pair, 10000, &said) <= 300);
    assert_int_equal(said.goaway_code, CALM);
    assert_true(pair->request_count <= 200);
    assert_int_equal(pair->owners[0].reason, HTTP_CLOSE_CANCELLED);
    test_pair_free(pair);
}

static void test_rapid_reset_on_tunnel(void **state) {
    struct test_pair *pair = new_server(H2_TUNNEL);
    struct said said;
    (void)state;
    assert_int_equal(reset_rapidly(pair, 10000, &said), 10000);
    assert_int_equal(said.goaways, 0);
    assert_int_equal(pair->request_count, 10000);
    assert_int_equal(h2_session_stream_count(pair->server), 0);
    test_pair_free(pair);
}

/* What a browser does when somebody leaves a page of pictures. */
static void test_browser_cancels(void **state) {
    struct test_pair *pair = new_server(H2_VISITOR);
    (void)state;
    for (uint32_t page = 0; page < 20; page++) {
        for (uint32_t i = 0; i < 100; i++) {
            add_request(200 * page + 2 * i + 1, true);
        }
        feed(pair->server);
        assert_int_equal(h2_session_stream_count(pair->server), 100);
        for (uint32_t i = 0; i < 100; i++) {
            add_u32_frame(RST_STREAM, 200 * page + 2 * i + 1, 8);
        }
        feed(pair->server);
        assert_int_equal(drain(pair->server).goaways, 0);
        pair->now_ms += 1000;
    }
    assert_int_equal(pair->request_count, 2000);
    test_pair_free(pair);
}

/* In one read: cancelled streams hold their places until their owners know. */
static void test_slots_stay_taken(void **state) {
    struct test_pair *pair = new_server(H2_VISITOR);
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        add_request(2 * i + 1, true);
        add_u32_frame(RST_STREAM, 2 * i + 1, 8);
    }
    feed(pair->server);
    assert_int_equal(pair->request_count, 100);
    assert_int_equal(pair->owners[99].closed_count, 1);
    test_pair_free(pair);
}

struct flood {
    const char *what;
    uint8_t type;
    uint8_t flags;
    uint32_t stream_id;
    size_t len;
};

static void test_floods(void **state) {
    static const struct flood floods[] = {
        {"ping", PING, 0, 0, 8},          {"settings", SETTINGS, 0, 0, 0},
        {"empty data", DATA, 0, 1, 0},    {"priority", PRIORITY, 0, 7, 5},
        {"unknown", 99, 0, 0, 20},        {"continuation", CONTINUATION, 0, 3, 0},
        {"priority update", 16, 0, 0, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        struct test_pair *pair = new_server(H2_VISITOR);
        const struct flood *flood = &floods[i];
        struct engine *engine = h2_session_engine(pair->server);
        size_t count = 0;
        add_request(1, false);
        if (flood->type == CONTINUATION) {
            add_frame(HEADERS, 0, 3, NULL, 0);
        }
        while (engine->ops->wants_read(engine) && count < 100000) { /* never reading the answers */
            for (size_t j = 0; j < 100; j++, count++) {
                add_frame(flood->type, flood->flags, flood->stream_id,
                          "\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", flood->len);
            }
            feed(pair->server);
        }
        struct said said = drain(pair->server);
        if (count > 1100 || said.goaway_code != CALM) {
            fail_msg("%s: %zu %u", flood->what, count, said.goaway_code);
        }
        assert_int_equal(test_phase(pair->server), ENGINE_DONE);
        test_pair_free(pair);
    }
}

/* Frames that make us reset a stream count like resets of the peer's own (CVE-2025-8671). */
static void add_provocation(size_t kind, uint32_t stream_id) {
    switch (kind) {
    case 0: /* a window over 2^31 - 1 */
        add_request(stream_id, true);
        add_u32_frame(WINDOW_UPDATE, stream_id, 0x7fffffff);
        return;
    case 1: /* more than declared */
        add_headers(END_HEADERS, stream_id, GET "|content-length=1");
        add_frame(DATA, 0, stream_id, "ab", 2);
        return;
    case 2: /* malformed trailers */
        add_request(stream_id, false);
        add_headers(END_HEADERS | END_STREAM, stream_id, ":path=/");
        return;
    case 3: /* malformed at once */
        add_headers(END_HEADERS | END_STREAM, stream_id, GET "|:path=/");
        return;
    default: /* less than declared */
        add_headers(END_HEADERS, stream_id, GET "|content-length=3");
        add_frame(DATA, END_STREAM, stream_id, "ab", 2);
    }
}

static void test_provoked_resets(void **state) {
    (void)state;
    for (size_t kind = 0; kind < 5; kind++) {
        struct test_pair *pair = new_server(H2_VISITOR);
        struct said said = {0};
        uint32_t stream_id = 1;
        while (test_phase(pair->server) != ENGINE_DONE && stream_id < 20000) {
            for (size_t i = 0; i < 50; i++, stream_id += 2) {
                add_provocation(kind, stream_id);
            }
            feed(pair->server);
            said = drain(pair->server);
        }
        if (said.goaway_code != CALM || stream_id > 2 * 400) {
            fail_msg("kind %zu: %u %u", kind, stream_id, said.goaway_code);
        }
        test_pair_free(pair);
    }
}

/* On a tunnel, too, what waits to be written is bounded. */
static void test_unread_answers(void **state) {
    struct test_pair *pair = new_server(H2_TUNNEL);
    struct engine *engine = h2_session_engine(pair->server);
    size_t count = 0;
    (void)state;
    while (engine->ops->wants_read(engine) && count < 10000) {
        add_frame(PING, 0, 0, "abcdefgh", 8);
        feed(pair->server);
        count++;
    }
    assert_true(count < 1000);
    test_pair_free(pair);
}

static void test_not_http2(void **state) {
    struct test_pair *pair = new_server(H2_VISITOR);
    (void)state;
    raw.len = 0;
    add("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    feed(pair->server);
    assert_int_equal(drain(pair->server).goaway_code, 1);
    assert_int_equal(test_phase(pair->server), ENGINE_DONE);
    test_pair_free(pair);
}

static void test_phase_of_begun_head(void **state) {
    struct test_pair *pair = new_server(H2_VISITOR);
    (void)state;
    feed(pair->server);
    assert_int_equal(test_phase(pair->server), ENGINE_IDLE);
    add_request(1, true);
    raw.len -= 5;
    feed(pair->server);
    assert_int_equal(test_phase(pair->server), ENGINE_HEAD);
    test_pair_free(pair);
}

static void test_answers(void **state) {
    static const struct {
        const char *list;
        uint8_t flags;
        unsigned status;
        unsigned closed;
        enum http_close reason;
    } cases[] = {
        {":status=204", END_STREAM, 204, 1, HTTP_CLOSE_DONE},
        {":status=200", 0, 200, 0, 0},
        {":status=103", 0, 0, 0, 0},
        {":status=103", END_STREAM, 0, 1, HTTP_CLOSE_MALFORMED},
        {":status=101", 0, 0, 1, HTTP_CLOSE_MALFORMED},
        {":status=20", 0, 0, 1, HTTP_CLOSE_MALFORMED},
        {"a=b", 0, 0, 1, HTTP_CLOSE_MALFORMED},
        {":status=200|content-length=3", END_STREAM, 0, 1, HTTP_CLOSE_MALFORMED},
        {":status=304|content-length=3", END_STREAM, 304, 1, HTTP_CLOSE_DONE},
        {":status=200|set-cookie=a\nb", 0, 0, 1, HTTP_CLOSE_MALFORMED},
        {":status=200|connection=close", 0, 0, 1, HTTP_CLOSE_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_owner owner = {0};
        struct test_pair *pair = new_client(H2_TUNNEL, &owner, 1);
        add_headers((uint8_t)(END_HEADERS | cases[i].flags), 1, cases[i].list);
        feed(pair->client);
        (void)drain(pair->client);
        if (owner.status != cases[i].status || owner.closed_count != cases[i].closed ||
            (owner.closed_count > 0 && owner.reason != cases[i].reason)) {
            fail_msg("'%s': %u %u %d", cases[i].list, owner.status, owner.closed_count,
                     (int)owner.reason);
        }
        test_pair_free(pair);
    }
}

static void test_interims_are_bounded(void **state) {
    struct test_owner owner = {0};
    struct test_pair *pair = new_client(H2_TUNNEL, &owner, 1);
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        add_headers(END_HEADERS, 1, ":status=103|a=b");
    }
    feed(pair->client);
    (void)drain(pair->client);
    assert_int_equal(owner.interim_count, 16);
    assert_int_equal(owner.reason, HTTP_CLOSE_MALFORMED);
    test_pair_free(pair);
}

/* A few bytes of HPACK are a large head, and each of the sixteen would stay. */
static void test_large_interims_are_bounded(void **state) {
    enum { FIELDS = 80, BYTES = FIELDS * (2 + 32) + 10 + 32 };
    char list[16 + 4 * FIELDS] = ":status=103";
    size_t len = strlen(list);
    struct test_owner owner = {0};
    struct test_pair *pair = new_client(H2_TUNNEL, &owner, 1);
    (void)state;
    for (size_t i = 0; i < FIELDS; i++) {
        memcpy(list + len, "|a=b", 5);
        len += 4;
    }
    for (size_t i = 0; i < 14; i++) {
        add_headers(END_HEADERS, 1, list);
    }
    feed(pair->client);
    (void)drain(pair->client);
    assert_int_equal(owner.interim_count, HTTP_HEAD_BYTES_MAX / BYTES);
    assert_int_equal(owner.reason, HTTP_CLOSE_MALFORMED);
    test_pair_free(pair);
}

static void test_body_of_no_body(void **state) {
    struct test_owner owner = {0};
    struct test_pair *pair = new_client(H2_TUNNEL, &owner, 1);
    (void)state;
    add_headers(END_HEADERS, 1, ":status=304");
    add_frame(DATA, 0, 1, "a", 1);
    feed(pair->client);
    (void)drain(pair->client);
    assert_int_equal(owner.received, 0);
    assert_int_equal(owner.reason, HTTP_CLOSE_MALFORMED);
    test_pair_free(pair);
}

static void test_body_before_head(void **state) {
    struct test_owner owner = {0};
    struct test_pair *pair = new_client(H2_TUNNEL, &owner, 1);
    (void)state;
    add_headers(END_HEADERS, 1, ":status=100");
    add_frame(DATA, END_STREAM, 1, "a", 1);
    feed(pair->client);
    (void)drain(pair->client);
    assert_int_equal(owner.reason, HTTP_CLOSE_MALFORMED);
    assert_int_equal(owner.end_count, 0);
    test_pair_free(pair);
}

/* What was provably not processed, and what may have been. */
static void test_refused(void **state) {
    static struct test_owner owners[4];
    static const uint8_t goaway[8] = {0, 0, 0, 5, 0, 0, 0, 0};
    (void)state;
    memset(owners, 0, sizeof owners);
    struct test_pair *pair = new_client(H2_TUNNEL, owners, 4);
    add_u32_frame(RST_STREAM, 1, 7);
    add_headers(END_HEADERS, 3, ":status=200");
    add_u32_frame(RST_STREAM, 3, 7);
    add_frame(GOAWAY, 0, 0, goaway, sizeof goaway);
    feed(pair->client);
    assert_int_equal(owners[0].reason, HTTP_CLOSE_REFUSED);
    assert_int_equal(owners[1].reason, HTTP_CLOSE_CANCELLED);
    assert_int_equal(owners[2].closed_count, 0);
    assert_int_equal(owners[3].closed_count, 1);
    assert_int_equal(owners[3].reason, HTTP_CLOSE_REFUSED);
    assert_int_equal(pair->goaways, 1);
    add_u32_frame(RST_STREAM, 5, 8);
    feed(pair->client);
    assert_int_equal(owners[2].reason, HTTP_CLOSE_CANCELLED);
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    test_pair_free(pair);
}

static void test_push_is_an_error(void **state) {
    struct test_owner owner = {0};
    struct test_pair *pair = new_client(H2_TUNNEL, &owner, 1);
    (void)state;
    /* Forbidden once our SETTINGS are acknowledged. */
    add_frame(SETTINGS, 1, 0, NULL, 0);
    add_frame(PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2", 4);
    feed(pair->client);
    assert_int_equal(drain(pair->client).goaways, 1);
    assert_int_equal(test_phase(pair->client), ENGINE_DONE);
    test_lose(pair->client);
    assert_int_equal(owner.reason, HTTP_CLOSE_LOST);
    test_pair_free(pair);
}

/* GET https://a/ with a field of 3,900 bytes eight times: put into HPACK's table by the first one, named by a byte after. */
static void add_bomb(uint32_t stream_id) {
    static const char head[] = "\x82\x87\x84\x01\x01"
                               "a";
    static const char field[] = "\x40\x01x\x7f\xbd\x1d";
    uint8_t block[4096] = {0};
    size_t len = sizeof head - 1;
    memcpy(block, head, len);
    if (stream_id == 1) {
        memcpy(block + len, field, sizeof field - 1);
        len += sizeof field - 1;
        memset(block + len, 'b', 3900);
        len += 3900;
    } else {
        block[len++] = 0xbe;
    }
    memset(block + len, 0xbe, 7);
    add_frame(HEADERS, END_HEADERS | END_STREAM, stream_id, block, len + 7);
}

static void test_heads_of_open_requests(void **state) {
    enum { BOMBS = 20, ROOM = H2_OPEN_HEADS_BYTES_MAX / (8 * 3933) };
    (void)state;
    struct test_pair *pair = new_server(H2_VISITOR);
    for (uint32_t i = 0; i < BOMBS; i++) {
        add_bomb(2 * i + 1);
    }
    feed(pair->server);
    struct said said = drain(pair->server);
    assert_int_equal(pair->request_count, ROOM);
    assert_int_equal(said.resets, BOMBS - ROOM);
    assert_int_equal(said.reset_code, NGHTTP2_REFUSED_STREAM);
    assert_int_equal(said.goaways, 0);

    test_answer(&pair->owners[0], 204, true); /* one is over: one more may come */
    (void)drain(pair->server);
    add_bomb(2 * BOMBS + 1);
    add_bomb(2 * BOMBS + 3);
    feed(pair->server);
    assert_int_equal(pair->request_count, ROOM + 1);
    assert_int_equal(drain(pair->server).resets, 1);
    test_pair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_request),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_trailers_of_websocket),
        cmocka_unit_test(test_body_against_length),
        cmocka_unit_test(test_trailers_of_request),
        cmocka_unit_test(test_oversize),
        cmocka_unit_test(test_rapid_reset),
        cmocka_unit_test(test_rapid_reset_on_tunnel),
        cmocka_unit_test(test_browser_cancels),
        cmocka_unit_test(test_slots_stay_taken),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_provoked_resets),
        cmocka_unit_test(test_unread_answers),
        cmocka_unit_test(test_not_http2),
        cmocka_unit_test(test_phase_of_begun_head),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_interims_are_bounded),
        cmocka_unit_test(test_large_interims_are_bounded),
        cmocka_unit_test(test_body_of_no_body),
        cmocka_unit_test(test_body_before_head),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_heads_of_open_requests),
        cmocka_unit_test(test_push_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
