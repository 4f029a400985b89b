/* h1_server_upgrade_test.c: a visitor asks for a WebSocket, and gets one or an ordinary answer. */
#include "http/h1_server_test_kit.h"

#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ASK                                                                                        \
    "GET /ws HTTP/1.1\r\n" HOST UPGRADE KEY                                                        \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
#define ASKED "GET a /ws sec-websocket-version=13 sec-websocket-protocol=chat +"

static void grant(struct rig *rig) {
    struct http_field field = {STR("sec-websocket-protocol"), STR("chat")};
    struct http_head head = {.status = 101, .fields = {&field, 1, 1}};
    rig->is_inside = true;
    http_stream_send_head(rig->stream, &head, false);
    rig->is_inside = false;
}

static struct rig *ask(void) {
    struct rig *rig = rig_new(0);
    feed_text(rig, ASK);
    assert_string_equal(rig->log, ASKED);
    assert_true(str_eq(rig->head->protocol, STR("websocket")));
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    return rig;
}

static void a_grant_makes_both_directions_raw(void **state) {
    (void)state;
    struct rig *rig = ask();
    grant(rig);
    drain(rig);
    assert_string_equal(rig->out, "HTTP/1.1 101 Switching Protocols\r\n"
                                  "sec-websocket-protocol: chat\r\n"
                                  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    rig->out_len = 0;
    feed(rig, STR("GET / HTTP/1.1\r\n\r\n\0\x81"), 3);
    send_text(rig, "HTTP/1.1 ");
    send_text(rig, "200\r\n\r\n");
    drain(rig);
    assert_string_equal(rig->out, "HTTP/1.1 200\r\n\r\n");
    assert_int_equal(rig->sent, strlen("HTTP/1.1 200\r\n\r\n"));
    assert_non_null(strstr(rig->log, ASKED " data<GET / HTTP/1.1\r\n\r\n"));
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    rig_free(rig);
}

static void early_bytes_wait_for_the_grant(void **state) {
    (void)state;
    struct rig *rig = ask();
    assert_true(wants_read(rig));
    feed_text(rig, "early");
    drain(rig);
    assert_string_equal(rig->log, ASKED);
    assert_false(wants_read(rig));
    grant(rig);
    assert_string_equal(rig->log, ASKED);
    drain(rig);
    assert_string_equal(rig->log, ASKED " data<early>");
    assert_true(wants_read(rig));
    rig_free(rig);

    rig = rig_new(0); /* in the same read as the request */
    feed_text(rig, ASK "early");
    assert_string_equal(rig->log, ASKED);
    grant(rig);
    feed_text(rig, "late");
    assert_string_equal(rig->log, ASKED " data<earlylate>");
    rig_free(rig);
}

static void raw_bytes_are_held_back_like_a_body(void **state) {
    (void)state;
    struct rig *rig = rig_new(10);
    rig->is_eager = false;
    feed_text(rig, ASK "0123456789");
    grant(rig);
    drain(rig);
    assert_true(wants_read(rig));
    feed_text(rig, "a");
    assert_false(wants_read(rig));
    consume(rig, 11);
    assert_true(wants_read(rig));
    rig_free(rig);
}

static void another_answer_is_an_ordinary_one(void **state) {
    (void)state;
    struct rig *rig = ask();
    answer_text(rig, "no");
    drain(rig);
    assert_non_null(strstr(rig->out, "HTTP/1.1 200 OK\r\n"));
    assert_null(strstr(rig->out, "pgrade"));
    assert_null(strstr(rig->out, "Connection: close"));
    assert_string_equal(rig->log, ASKED " end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(rig->log, ASKED " end closed:done\nGET a / | end");
    rig_free(rig);

    rig = ask(); /* after an interim one */
    answer_head(rig, 103, false, 0, false);
    answer_head(rig, 403, false, 0, true);
    drain(rig);
    assert_non_null(strstr(rig->out, "HTTP/1.1 103 "));
    assert_string_equal(rig->log, ASKED " end closed:done\n");
    rig_free(rig);

    rig = ask(); /* early bytes are nobody's, and not the next request */
    feed_text(rig, "GET /smuggled HTTP/1.1\r\n" HOST "\r\n");
    answer_text(rig, "no");
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, ASKED " end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void each_side_ends_its_own_direction(void **state) {
    (void)state;
    struct rig *rig = ask(); /* the visitor first */
    grant(rig);
    drain(rig);
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, ASKED " end");
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    send_text(rig, "bye");
    send_end(rig, NULL);
    drain(rig);
    assert_non_null(strstr(rig->out, "\r\n\r\nbye"));
    assert_string_equal(rig->log, ASKED " end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = ask(); /* the workload first: what it said is written, then the connection closes */
    grant(rig);
    send_text(rig, "bye");
    send_end(rig, NULL);
    assert_string_equal(rig->log, ASKED);
    drain(rig);
    assert_string_equal(rig->log, ASKED " end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = ask(); /* nobody waits any more */
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, ASKED " closed:cancelled\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = ask(); /* early bytes, and gone */
    feed_text(rig, "early");
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, ASKED " closed:cancelled\n");
    rig_free(rig);

    rig = ask();
    grant(rig);
    drain(rig);
    rig->engine->ops->lost(rig->engine);
    assert_string_equal(rig->log, ASKED " closed:lost\n");
    rig_free(rig);
}

static void owners_may_let_go_at_any_time(void **state) {
    (void)state;
    struct rig *rig = ask();
    release(rig);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = ask();
    grant(rig);
    release(rig);
    drain(rig);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = ask(); /* complete, not yet written */
    grant(rig);
    send_end(rig, NULL);
    release(rig);
    drain(rig);
    assert_non_null(strstr(rig->out, "HTTP/1.1 101 "));
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0); /* from inside the early bytes */
    rig->releases_on_data = true;
    feed_text(rig, ASK "early");
    grant(rig);
    drain(rig);
    assert_string_equal(rig->log, ASKED " data<early>");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void bad_requests_for_an_upgrade(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *start;
        const char *slug;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n",
         "HTTP/1.1 426 Upgrade Required\r\n", "websocket_version"},
        {"GET / HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\n", "websocket_key"},
        {"GET / HTTP/1.1\r\n" HOST UPGRADE KEY
         "Sec-WebSocket-Version: 13\r\nContent-Length: 1\r\n\r\nx",
         "HTTP/1.1 400 Bad Request\r\n", "upgrade_body"},
        {"GET / HTTP/1.1\r\n" HOST UPGRADE KEY
         "Sec-WebSocket-Version: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\n", "upgrade_body"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig *rig = rig_new(0);
        feed_text(rig, cases[i].text);
        drain(rig);
        assert_string_equal(rig->slug, cases[i].slug);
        assert_ptr_equal(strstr(rig->out, cases[i].start), rig->out);
        assert_non_null(strstr(rig->out, "Connection: close"));
        bool is_426 = strstr(rig->slug, "version") != NULL;
        assert_int_equal(strstr(rig->out, "sec-websocket-version: 13\r\n") != NULL, is_426);
        assert_int_equal(strstr(rig->out, "Upgrade: websocket\r\n") != NULL, is_426);
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        assert_int_equal(rig->log_len, 0);
        rig_free(rig);
    }
}

static void other_upgrades_are_ordinary_requests(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY
                   "Content-Length: 1\r\n\r\nx");
    assert_string_equal(rig->log, "POST a / content-length=1 + data<x> end");
    assert_int_equal(rig->head->protocol.len, 0);
    grant(rig); /* means nothing here */
    answer_text(rig, "ok");
    drain(rig);
    assert_ptr_equal(strstr(rig->out, "HTTP/1.1 200 OK\r\n"), rig->out);
    rig_free(rig);
}

static void trailers_may_be_welcome(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "TE: gzip, Trailers\r\nConnection: TE\r\n\r\n");
    assert_string_equal(rig->log, "GET a / | end");
    assert_true(rig->head->takes_trailers);
    answer_text(rig, "ok");
    drain(rig);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "TE: gzip\r\n\r\n");
    assert_false(rig->head->takes_trailers);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_makes_both_directions_raw),
        cmocka_unit_test(early_bytes_wait_for_the_grant),
        cmocka_unit_test(raw_bytes_are_held_back_like_a_body),
        cmocka_unit_test(another_answer_is_an_ordinary_one),
        cmocka_unit_test(each_side_ends_its_own_direction),
        cmocka_unit_test(owners_may_let_go_at_any_time),
        cmocka_unit_test(bad_requests_for_an_upgrade),
        cmocka_unit_test(other_upgrades_are_ordinary_requests),
        cmocka_unit_test(trailers_may_be_welcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
