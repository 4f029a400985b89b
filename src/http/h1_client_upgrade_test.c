/* h1_client_upgrade_test.c: asking a workload for a WebSocket, and what it may answer. */
#include "http/h1_client.h"

#include "http/h1_test_kit.h"

static void on_head(void *owner, const struct http_head *head, bool is_end) {
    struct rig *rig = owner;
    note(rig, "%u", head->status);
    note_head_fields(rig, head, is_end);
    if (rig->releases_on_head) {
        release(rig);
    }
}

static void on_end(void *owner, const struct http_fields *trailers) {
    note_end(owner, trailers);
}

static void on_closed(void *owner, enum http_close reason) {
    struct rig *rig = owner;
    note_closed(rig, reason);
    rig->was_reusable = h1_client_is_reusable(rig->client);
}

static const struct http_stream_events events = {.on_head = on_head,
                                                 .on_data = on_data,
                                                 .on_end = on_end,
                                                 .on_sent = on_sent,
                                                 .on_closed = on_closed};

/* The seeded key is the same in every test. */
#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"                      \
    "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define ACCEPT "TD+elGEb+v1rQIHFELKn93dNaro="

static struct rig *ask_with(struct random_seeded *seeded) {
    struct rig *rig = rig_make();
    random_seeded_init(seeded, 7);
    struct h1_client_config config = {.pool = &rig->pool, .random = &seeded->random};
    rig->client = h1_client_new(&config);
    rig_take_engine(rig, h1_client_engine(rig->client));
    struct http_field fields[] = {{STR("sec-websocket-protocol"), STR("a, b")},
                                  {STR("sec-websocket-extensions"), STR("x; y=1")},
                                  {STR("sec-websocket-key"), STR("the visitor's")}};
    struct http_head head = {.method = STR("GET"),
                             .authority = STR("a"),
                             .path = STR("/ws"),
                             .protocol = STR("websocket"),
                             .fields = {fields, 3, 3}};
    rig->is_inside = true;
    rig->stream = h1_client_open(rig->client, &head, true, &events, rig);
    rig->is_inside = false;
    assert_non_null(rig->stream);
    drain(rig);
    return rig;
}

static struct rig *ask(void) {
    static struct random_seeded seeded;
    return ask_with(&seeded);
}

static struct rig *switched(void) {
    struct rig *rig = ask();
    feed_text(rig, SWITCH "\r\n");
    assert_string_equal(rig->log, "101 +");
    rig->log_len = 0;
    rig->log[0] = '\0';
    rig->out_len = 0;
    return rig;
}

static void the_request_is_an_upgrade(void **state) {
    (void)state;
    struct rig *rig = ask();
    assert_string_equal(rig->out, "GET /ws HTTP/1.1\r\nHost: a\r\n"
                                  "sec-websocket-protocol: a, b\r\n"
                                  "sec-websocket-extensions: x; y=1\r\n"
                                  "sec-websocket-version: 13\r\n"
                                  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Key: 1w0yWeThy2McZjz01zxMBA==\r\n\r\n");
    rig_free(rig);
}

static void a_grant_makes_both_directions_raw(void **state) {
    (void)state;
    struct rig *rig = ask();
    feed(rig,
         STR(SWITCH "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: x\r\n\r\nHTTP/1.1 "),
         5);
    assert_string_equal(
        rig->log, "101 sec-websocket-protocol=b sec-websocket-extensions=x + data<HTTP/1.1 >");
    rig->out_len = 0;
    send_text(rig, "GET");
    send_text(rig, " /");
    drain(rig);
    assert_string_equal(rig->out, "GET /");
    assert_int_equal(rig->sent, 5);
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    assert_false(h1_client_is_reusable(rig->client));
    rig_free(rig);

    rig = ask(); /* after an interim answer */
    feed_text(rig, "HTTP/1.1 103 Early\r\n\r\n" SWITCH "\r\n");
    assert_string_equal(rig->log, "103 +101 +");
    rig_free(rig);
}

static void wrong_grants_are_malformed(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 x\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
        SWITCH "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
        SWITCH "Upgrade: h2c\r\n\r\n",
        SWITCH "Sec-WebSocket-Protocol: c\r\n\r\n",
        SWITCH "Sec-WebSocket-Extensions: z\r\n\r\n",
        SWITCH "Content-Length: 5\r\n\r\nhello",
        SWITCH "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rig *rig = ask();
        feed_text(rig, wrong[i]);
        assert_string_equal(rig->log, " closed:malformed\n");
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        rig_free(rig);
    }
}

static void another_answer_is_an_ordinary_one(void **state) {
    (void)state;
    struct rig *rig = ask();
    feed_text(rig, "HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno");
    assert_string_equal(rig->log, "426 content-length=2 + data<no> end closed:done\n");
    assert_false(rig->was_reusable);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = ask(); /* a second answer of 101 is none */
    feed_text(rig, "HTTP/1.1 200 Ok\r\nContent-Length: 5\r\n\r\n");
    send_end(rig, NULL); /* means nothing any more */
    feed_text(rig, SWITCH "\r\n");
    assert_string_equal(rig->log, "200 content-length=5 + data<HTTP/> end closed:done\n");
    rig_free(rig);
}

static void each_side_ends_its_own_direction(void **state) {
    (void)state;
    struct rig *rig = switched(); /* the workload first */
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, " end");
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    send_text(rig, "bye");
    send_end(rig, NULL);
    drain(rig);
    assert_string_equal(rig->out, "bye");
    assert_string_equal(rig->log, " end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = switched(); /* the visitor first */
    send_text(rig, "bye");
    send_end(rig, NULL);
    drain(rig);
    assert_string_equal(rig->out, "bye");
    assert_string_equal(rig->log, " end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = switched();
    rig->engine->ops->lost(rig->engine);
    assert_string_equal(rig->log, " closed:lost\n");
    rig_free(rig);

    rig = ask(); /* no answer at all */
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, " closed:lost\n");
    rig_free(rig);

    rig = switched();
    release(rig);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = switched(); /* between the two ends */
    rig->engine->ops->feed_end(rig->engine);
    release(rig);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void nothing_is_sent_before_the_grant(void **state) {
    (void)state;
    struct rig *rig = ask();
    rig->out_len = 0;
    send_text(rig, "early");
    drain(rig);
    assert_int_equal(rig->out_len, 0);
    assert_string_equal(rig->log, " closed:malformed\n");
    rig_free(rig);

    rig = ask();
    send_end(rig, NULL);
    drain(rig);
    assert_string_equal(rig->log, " closed:malformed\n");
    rig_free(rig);
}

static void gone_with_the_grant(void **state) {
    (void)state;
    struct rig *rig = ask();
    rig->releases_on_head = true;
    feed_text(rig, SWITCH "\r\nbytes");
    assert_string_equal(rig->log, "101 +");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_an_upgrade),
        cmocka_unit_test(a_grant_makes_both_directions_raw),
        cmocka_unit_test(wrong_grants_are_malformed),
        cmocka_unit_test(another_answer_is_an_ordinary_one),
        cmocka_unit_test(each_side_ends_its_own_direction),
        cmocka_unit_test(nothing_is_sent_before_the_grant),
        cmocka_unit_test(gone_with_the_grant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
