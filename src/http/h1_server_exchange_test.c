/* h1_server_exchange_test.c: answers, their framing and order, and how exchanges and connections end. */
#include "http/h1_server_test_kit.h"

static void answers_are_framed(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_text(rig, "hello");
    assert_int_equal(rig->stream->unsent, 5);
    drain(rig);
    assert_int_equal(rig->sent, 5);
    assert_non_null(strstr(rig->out, "Date: "));
    assert_non_null(strstr(rig->out, " GMT\r\n"));
    strip_dates(rig);
    assert_string_equal(rig->out, "HTTP/1.1 200 OK\r\nx-a: b\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    assert_int_equal(rig->pool.used_count, 0);

    rig->out_len = 0;
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_head(rig, 200, false, 0, false);
    send_text(rig, "0123456789abcdefg");
    send_text(rig, "");
    send_text(rig, "h");
    struct http_field at[] = {
        {STR("x-sum"), STR("1")}, {STR("content-length"), STR("2")}, {STR("bad"), STR("a\nb")}};
    struct http_fields trailers = {at, 3, 3};
    send_end(rig, &trailers);
    drain(rig);
    assert_int_equal(rig->sent, 5 + 18);
    strip_dates(rig);
    assert_string_equal(rig->out, "HTTP/1.1 200 OK\r\nx-a: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "11\r\n0123456789abcdefg\r\n1\r\nh\r\n0\r\nx-sum: 1\r\n\r\n");

    rig->out_len = 0;
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_head(rig, 404, false, 0, true);
    drain(rig);
    strip_dates(rig);
    assert_string_equal(rig->out, "HTTP/1.1 404 Not Found\r\nx-a: b\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    rig_free(rig);
}

static void bodiless_answers_have_none(void **state) {
    (void)state;
    static const struct {
        const char *method;
        unsigned status;
        const char *length;
    } cases[] = {{"HEAD", 200, "Content-Length: 5\r\n"},
                 {"GET", 304, "Content-Length: 5\r\n"},
                 {"GET", 204, ""}};
    for (size_t i = 0; i < 3; i++) {
        struct rig *rig = rig_new(0);
        char text[100];
        snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" HOST "\r\n", cases[i].method);
        feed_text(rig, text);
        answer_head(rig, cases[i].status, true, 5, i == 2);
        if (i != 2) {
            send_text(rig, "hello");
            send_end(rig, NULL);
            drain(rig);
            assert_int_equal(rig->sent, 5);
        }
        drain(rig);
        strip_dates(rig);
        snprintf(text, sizeof(text), "x-a: b\r\n%s\r\n", cases[i].length);
        assert_string_equal(strstr(rig->out, "x-a"), text);
        assert_non_null(strstr(rig->log, "closed:done"));
        assert_int_equal(phase_of(rig), ENGINE_IDLE);
        rig_free(rig);
    }
}

static void owners_faults_end_the_exchange(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct rig *rig = rig_new(0);
        struct http_field field = {STR("x"), STR("a\r\nSet-Cookie: b")};
        struct http_head head = {.status = 200, .fields = {&field, 1, 1}};
        feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
        rig->log_len = 0;
        switch (i) {
        case 0:
            answer_head(rig, 200, true, 2, false);
            send_text(rig, "abc");
            break;
        case 1:
            answer_head(rig, 200, true, 2, false);
            send_end(rig, NULL);
            break;
        case 2:
            answer_head(rig, 200, true, 2, true);
            break;
        case 3:
            http_stream_send_head(rig->stream, &head, false);
            break;
        case 4:
            send_text(rig, "abc");
            break;
        case 5:
            send_end(rig, NULL);
            break;
        case 6:
            answer_head(rig, 200, false, 0, false);
            answer_head(rig, 200, false, 0, false);
            break;
        default:
            answer_head(rig, 600, false, 0, true);
            break;
        }
        send_text(rig, "more");
        send_end(rig, NULL);
        assert_int_equal(rig->log_len, 0);
        assert_true(rig->notify_count > 0);
        drain(rig);
        assert_string_equal(rig->log, " closed:malformed\n");
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        assert_null(strstr(rig->out, "Set-Cookie"));
        rig_free(rig);
    }
}

static void keep_alive_follows_version_and_connection(void **state) {
    (void)state;
    static const struct {
        const char *request;
        const char *connection;
        bool is_kept;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", "", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n", "Connection: close\r\n", false},
        {"GET / HTTP/1.0\r\n" HOST "\r\n", "Connection: close\r\n", false},
        {"GET / HTTP/1.0\r\n" HOST "Connection: Keep-Alive\r\n\r\n", "Connection: keep-alive\r\n",
         true},
        {"GET / HTTP/1.0\r\n" HOST "Connection: keep-alive, close\r\n\r\n", "Connection: close\r\n",
         false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig *rig = rig_new(0);
        char text[100];
        feed_text(rig, cases[i].request);
        answer_text(rig, "x");
        drain(rig);
        strip_dates(rig);
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nx-a: b\r\nContent-Length: 1\r\n%s\r\nx",
                 cases[i].connection);
        assert_string_equal(rig->out, text);
        assert_int_equal(phase_of(rig), cases[i].is_kept ? ENGINE_IDLE : ENGINE_DONE);
        rig_free(rig);
    }
}

static void old_clients_get_a_body_that_ends_by_closing(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n");
    answer_head(rig, 103, false, 0, false);
    answer_head(rig, 200, false, 0, false);
    send_text(rig, "hello");
    send_end(rig, NULL);
    drain(rig);
    strip_dates(rig);
    assert_string_equal(rig->out, "HTTP/1.1 200 OK\r\nx-a: b\r\nConnection: close\r\n\r\nhello");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void expectations_are_met_when_the_owner_goes_on(void **state) {
    (void)state;
    static const char request[] =
        "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    struct rig *rig = rig_new(0);
    feed_text(rig, request);
    assert_string_equal(rig->log, "POST a / expect=100-Continue content-length=2 +");
    drain(rig);
    assert_int_equal(rig->out_len, 0);
    consume(rig, 0);
    consume(rig, 0);
    drain(rig);
    assert_string_equal(rig->out, "HTTP/1.1 100 Continue\r\n\r\n");
    feed_text(rig, "hi");
    answer_text(rig, "x");
    drain(rig);
    assert_int_equal(phase_of(rig), ENGINE_IDLE);

    rig->out_len = 0;
    feed_text(rig, request); /* asked for by the owner, and once only */
    struct http_head head = {.status = 100};
    http_stream_send_head(rig->stream, &head, false);
    http_stream_send_head(rig->stream, &head, false);
    drain(rig);
    assert_string_equal(rig->out, "HTTP/1.1 100 Continue\r\n\r\n");
    feed_text(rig, "hi");
    answer_text(rig, "x");
    drain(rig);

    rig->out_len = 0;
    feed_text(rig, request); /* the body came without waiting */
    feed_text(rig, "h");
    consume(rig, 0);
    drain(rig);
    assert_int_equal(rig->out_len, 0);
    feed_text(rig, "i");
    answer_text(rig, "x");
    drain(rig);
    assert_int_equal(phase_of(rig), ENGINE_IDLE);

    rig->out_len = 0;
    feed_text(rig, request); /* refused: whether the body comes is uncertain */
    answer_head(rig, 413, false, 0, true);
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_null(strstr(rig->out, "100"));
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void pipelined_requests_wait_for_their_turn(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\nGET /3 HT");
    assert_string_equal(rig->log, "GET a /1 | end");
    assert_false(wants_read(rig));
    answer_text(rig, "one");
    assert_string_equal(rig->log, "GET a /1 | end");
    assert_int_equal(write_some(rig, 10), 10);
    assert_string_equal(rig->log, "GET a /1 | end"); /* not before the answer is written */
    drain(rig);
    assert_string_equal(rig->log, "GET a /1 | end closed:done\nGET a /2 | end");
    feed_text(rig, "TP/1.1\r\n");
    answer_text(rig, "two");
    drain(rig);
    assert_int_equal(phase_of(rig), ENGINE_HEAD);
    assert_true(wants_read(rig));
    feed_text(rig, HOST "\r\n");
    answer_text(rig, "three");
    drain(rig);
    assert_string_equal(
        rig->log,
        "GET a /1 | end closed:done\nGET a /2 | end closed:done\nGET a /3 | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    rig_free(rig);
}

/* The visitor has all of the body by its length before the owner says that it ended, and asks for more at once. */
static void the_next_request_may_overtake_the_end(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET /1 HTTP/1.1\r\n" HOST "\r\n");
    answer_head(rig, 200, true, 2, false);
    send_text(rig, "ok");
    drain(rig);
    feed_text(rig, "GET /2 HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(rig->log, "GET a /1 | end");
    send_end(rig, NULL);
    drain(rig); /* nothing is left to write: the look alone brings it on */
    assert_string_equal(rig->log, "GET a /1 | end closed:done\nGET a /2 | end");
    rig_free(rig);
}

static void many_pipelined_requests_are_answered_at_once(void **state) {
    (void)state;
    static char text[60000];
    struct rig *rig = rig_new(0);
    size_t at = 0;
    for (int i = 0; i < 1500; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "GET / HTTP/1.1\r\n" HOST "\r\n");
    }
    rig->answer = "x";
    feed(rig, str_make(text, at), at);
    drain(rig);
    size_t count = 0;
    for (const char *from = rig->log; (from = strstr(from, "closed:done")) != NULL; from++) {
        count++;
    }
    assert_int_equal(count, 1500);
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    rig_free(rig);
}

static void unconsumed_bytes_stop_the_reading(void **state) {
    (void)state;
    struct rig *rig = rig_new(10);
    rig->is_eager = false;
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n");
    feed_text(rig, "0123456789");
    assert_true(wants_read(rig));
    feed_text(rig, "01");
    assert_false(wants_read(rig));
    consume(rig, 5);
    assert_false(wants_read(rig)); /* hysteresis */
    size_t before = rig->notify_count;
    consume(rig, 2);
    assert_true(wants_read(rig));
    assert_int_equal(rig->notify_count, before + 1);
    feed_text(rig, "012345678901234567"); /* the rest: paused again, and never consumed */
    assert_false(wants_read(rig));
    answer_text(rig, "x");
    drain(rig);
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    assert_true(wants_read(rig));
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(rig->stream);
    rig_free(rig);
}

static void sent_counts_body_bytes_only(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_head(rig, 200, false, 0, false);
    send_text(rig, "0123456789");
    const uint8_t *bytes;
    size_t head_len = rig->engine->ops->peek(rig->engine, &bytes) - 10 - 5;
    write_some(rig, head_len);
    assert_int_equal(rig->sent, 0);
    write_some(rig, 3);
    assert_int_equal(rig->sent, 0); /* "a\r\n" */
    write_some(rig, 4);
    assert_true(rig->sent <= 4);
    send_text(rig, "x");
    send_end(rig, NULL);
    write_some(rig, 6);
    assert_true(rig->sent <= 10);
    drain(rig);
    assert_int_equal(rig->sent, 11);
    assert_non_null(strstr(rig->log, "closed:done"));
    rig_free(rig);
}

static void early_answers_close_the_connection(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nabc");
    answer_text(rig, "no");
    feed_text(rig, "def");
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, "POST a / content-length=1000 + data<abcdef> closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    /* The rest of the body is not the next request. */
    feed_text(rig, "GET /smuggled HTTP/1.1\r\n" HOST "\r\n");
    assert_null(strstr(rig->log, "smuggled"));
    rig_free(rig);

    rig = rig_new(
        0); /* the body ends while the answer is being written: still closed, as announced */
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n");
    answer_head(rig, 200, false, 0, false);
    feed_text(rig, "abcGET /smuggled HTTP/1.1\r\n" HOST "\r\n");
    send_end(rig, NULL);
    drain(rig);
    assert_string_equal(rig->log, "POST a / content-length=3 + data<abc> end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void released_streams_hear_nothing_more(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
    answer_text(rig, "ok");
    release(rig); /* complete in both directions: it is still written, and the connection goes on */
    drain(rig);
    assert_string_equal(rig->log, "GET a / | endGET a /2 | end");
    assert_non_null(strstr(rig->out, "\r\n\r\nok"));
    assert_int_equal(rig->sent, 0);
    answer_head(rig, 200, true, 5, false);
    send_text(rig, "he");
    release(rig); /* incomplete: closed */
    drain(rig);
    assert_string_equal(rig->log, "GET a / | endGET a /2 | end");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    static const char request[] =
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n" HOST "\r\n";
    for (int i = 0; i < 4; i++) {
        rig = rig_new(0);
        rig->releases_on_request = i == 0;
        rig->releases_on_data = i == 1;
        rig->releases_on_end = i == 2;
        rig->is_ignorant = i == 3;
        feed_text(rig, request);
        drain(rig);
        assert_null(strstr(rig->log, "closed"));
        assert_null(strstr(rig->log, "/2"));
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        rig_free(rig);
    }
}

static void ends_of_the_connection(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    rig->engine->ops->feed_end(rig->engine); /* idle */
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0);
    feed_text(rig, "GET / HT");
    assert_int_equal(phase_of(rig), ENGINE_HEAD);
    rig->engine->ops->feed_end(rig->engine);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    assert_int_equal(rig->log_len, 0);
    rig_free(rig);

    rig = rig_new(0); /* inside a request: given up */
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na");
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, "POST a / content-length=3 + data<a> closed:cancelled\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0); /* answered in full: written to the end */
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_text(rig, "ok");
    rig->engine->ops->feed_end(rig->engine);
    drain(rig);
    assert_string_equal(rig->log, "GET a / | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0);
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na");
    answer_head(rig, 200, false, 0, false);
    rig->engine->ops->lost(rig->engine);
    assert_string_equal(rig->log, "POST a / content-length=3 + data<a> closed:lost\n");
    rig_free(rig);

    rig = rig_new(0); /* freed in the middle */
    feed_text(rig,
              "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: ");
    rig_free(rig);
}

static void visitors_may_close_their_side_and_wait(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, "GET a / | end");
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    answer_text(rig, "ok");
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, "GET a / | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0); /* between head and body of the answer */
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_head(rig, 200, true, 2, false);
    drain(rig);
    rig->engine->ops->feed_end(rig->engine);
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    send_text(rig, "ok");
    send_end(rig, NULL);
    drain(rig);
    assert_string_equal(rig->log, "GET a / | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0); /* and for all that it has asked */
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\nGET /3");
    rig->engine->ops->feed_end(rig->engine);
    answer_text(rig, "ok");
    drain(rig);
    assert_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, "GET a / | end closed:done\nGET a /2 | end");
    answer_text(rig, "ok");
    drain(rig);
    assert_string_equal(rig->log, "GET a / | end closed:done\nGET a /2 | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void draining_ends_after_the_next_answer(void **state) {
    (void)state;
    struct rig *rig = rig_new(0); /* a request that was on its way */
    h1_server_drain(rig->server, false);
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    assert_true(wants_read(rig));
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(phase_of(rig), ENGINE_DRAINING);
    answer_text(rig, "ok");
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, "GET a / | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0); /* too late to announce it in the open answer: in the next one */
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    answer_head(rig, 200, false, 0, false);
    drain(rig);
    h1_server_drain(rig->server, false);
    feed_text(rig, "GET /2 HTTP/1.1\r\n" HOST "\r\n");
    send_end(rig, NULL);
    drain(rig);
    assert_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, "GET a / | end closed:done\nGET a /2 | end");
    answer_text(rig, "ok");
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void a_final_drain_waits_for_nothing_but_the_open_exchange(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    h1_server_drain(rig->server, false);
    h1_server_drain(rig->server, true);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    assert_true(rig->notify_count > 0);
    rig_free(rig);

    rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
    h1_server_drain(rig->server, true);
    assert_int_equal(phase_of(rig), ENGINE_DRAINING);
    answer_text(rig, "ok");
    drain(rig);
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_string_equal(rig->log, "GET a / | end closed:done\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void errors_have_a_page(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    rig->has_page = true;
    feed_text(rig, "nonsense\r\n\r\n");
    drain(rig);
    strip_dates(rig);
    assert_string_equal(rig->out, "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
                                  "Content-Length: 6\r\nConnection: close\r\n\r\nsorry\n");
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_framed),
        cmocka_unit_test(bodiless_answers_have_none),
        cmocka_unit_test(owners_faults_end_the_exchange),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(old_clients_get_a_body_that_ends_by_closing),
        cmocka_unit_test(expectations_are_met_when_the_owner_goes_on),
        cmocka_unit_test(pipelined_requests_wait_for_their_turn),
        cmocka_unit_test(the_next_request_may_overtake_the_end),
        cmocka_unit_test(many_pipelined_requests_are_answered_at_once),
        cmocka_unit_test(unconsumed_bytes_stop_the_reading),
        cmocka_unit_test(sent_counts_body_bytes_only),
        cmocka_unit_test(early_answers_close_the_connection),
        cmocka_unit_test(released_streams_hear_nothing_more),
        cmocka_unit_test(ends_of_the_connection),
        cmocka_unit_test(visitors_may_close_their_side_and_wait),
        cmocka_unit_test(draining_ends_after_the_next_answer),
        cmocka_unit_test(a_final_drain_waits_for_nothing_but_the_open_exchange),
        cmocka_unit_test(errors_have_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
