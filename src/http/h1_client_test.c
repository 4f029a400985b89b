#include "http/h1_client.h"

#include "http/h1_test_kit.h"

static void open_get(struct rig *rig, const char *method);

static void on_head(void *owner, const struct http_head *head, bool is_end) {
    struct rig *rig = owner;
    note(rig, "%u", head->status);
    note_head_fields(rig, head, is_end);
    if (rig->releases_on_head) {
        release(rig);
    }
}

static void on_end(void *owner, const struct http_fields *trailers) {
    struct rig *rig = owner;
    note_end(rig, trailers);
    if (rig->releases_on_end) {
        rig->releases_on_end = false;
        release(rig);
        if (rig->reopens_on_end) {
            open_get(rig, "GET");
        }
    }
}

static void on_closed(void *owner, enum http_close reason) {
    struct rig *rig = owner;
    note_closed(rig, reason);
    rig->was_reusable = h1_client_is_reusable(rig->client);
    if (rig->reopens_on_closed && rig->was_reusable) {
        rig->reopens_on_closed = false;
        open_get(rig, "GET");
    }
}

static const struct http_stream_events events = {.on_head = on_head,
                                                 .on_data = on_data,
                                                 .on_end = on_end,
                                                 .on_sent = on_sent,
                                                 .on_closed = on_closed};

static void open_head(struct rig *rig, const struct http_head *head, bool is_end) {
    rig->is_inside = true;
    rig->stream = h1_client_open(rig->client, head, is_end, &events, rig);
    rig->is_inside = false;
}

static void open_get(struct rig *rig, const char *method) {
    struct http_head head = {
        .method = str_from(method), .authority = STR("a:81"), .path = STR("/x?y")};
    open_head(rig, &head, true);
    assert_non_null(rig->stream);
}

static void open_post(struct rig *rig) {
    struct http_head head = {.method = STR("POST"), .authority = STR("a"), .path = STR("/")};
    open_head(rig, &head, false);
    assert_non_null(rig->stream);
}

static struct rig *rig_new(size_t read_ahead_max) {
    struct rig *rig = rig_make();
    struct h1_client_config config = {.pool = &rig->pool, .read_ahead_max = read_ahead_max};
    rig->client = h1_client_new(&config);
    rig_take_engine(rig, h1_client_engine(rig->client));
    return rig;
}

static void requests_are_written(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    struct http_field at[] = {{STR("accept"), STR("*/*")},
                              {STR("host"), STR("evil")},
                              {STR("connection"), STR("close")},
                              {STR("content-length"), STR("99")},
                              {STR("cookie"), STR("a=b")}};
    struct http_head head = {
        .method = STR("GET"), .authority = STR("A:81"), .path = STR("/x?y"), .fields = {at, 5, 5}};
    open_head(rig, &head, true);
    assert_true(rig->notify_count > 0);
    assert_int_equal(phase_of(rig), ENGINE_BUSY);
    assert_null(h1_client_open(rig->client, &head, true, &events, rig));
    drain(rig);
    assert_string_equal(rig->out,
                        "GET /x?y HTTP/1.1\r\nHost: A:81\r\naccept: */*\r\ncookie: a=b\r\n\r\n");
    feed_text(rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(rig->log, "200 content-length=0 | end closed:done\n");

    rig->out_len = 0;
    open_get(rig, "POST");
    drain(rig);
    assert_string_equal(rig->out, "POST /x?y HTTP/1.1\r\nHost: a:81\r\nContent-Length: 0\r\n\r\n");
    feed_text(rig, "HTTP/1.1 204 No Content\r\n\r\n");

    rig->out_len = 0; /* what gRPC insists on; and a target that is no path */
    struct http_head options = {
        .method = STR("OPTIONS"), .authority = STR("a"), .path = STR("*"), .takes_trailers = true};
    open_head(rig, &options, true);
    drain(rig);
    assert_string_equal(rig->out,
                        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
    feed_text(rig, "HTTP/1.1 204 No Content\r\n\r\n");

    rig->out_len = 0;
    open_post(rig);
    send_text(rig, "hello");
    assert_int_equal(rig->stream->unsent, 5);
    send_text(rig, "");
    struct http_field trailer = {STR("x-sum"), STR("1")};
    struct http_fields trailers = {&trailer, 1, 1};
    send_end(rig, &trailers);
    drain(rig);
    assert_int_equal(rig->sent, 5);
    assert_string_equal(rig->out, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n");
    feed_text(rig, "HTTP/1.1 204 No Content\r\n\r\n");

    rig->out_len = 0;
    head = (struct http_head){.method = STR("PUT"),
                              .authority = STR("a"),
                              .path = STR("/"),
                              .has_content_length = true,
                              .content_length = 3};
    open_head(rig, &head, false);
    send_text(rig, "abc");
    send_end(rig, NULL);
    drain(rig);
    assert_string_equal(rig->out, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    feed_text(rig, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
    assert_true(h1_client_is_reusable(rig->client));
    assert_int_equal(phase_of(rig), ENGINE_IDLE);
    rig_free(rig);
}

static void what_cannot_be_written_is_not(void **state) {
    (void)state;
    struct http_field bad = {STR("x"), STR("a\r\nTransfer-Encoding: chunked")};
    const struct http_head heads[] = {
        {.method = STR("GET"), .authority = STR("a"), .path = STR("/ HTTP/1.1\r\nX: y")},
        {.method = STR("GE T"), .authority = STR("a"), .path = STR("/")},
        {.method = STR("GET"), .authority = STR("a\r\nX: y"), .path = STR("/")},
        {.method = STR("GET"), .authority = STR(""), .path = STR("/")},
        {.method = STR("GET"), .authority = STR("a"), .path = STR("/"), .fields = {&bad, 1, 1}},
        {.method = STR("GET"),
         .authority = STR("a"),
         .path = STR("/"),
         .has_content_length = true,
         .content_length = 5},
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct rig *rig = rig_new(0);
        open_head(rig, &heads[i], true);
        assert_non_null(rig->stream);
        assert_int_equal(rig->log_len, 0);
        drain(rig);
        assert_string_equal(rig->log, " closed:malformed\n");
        assert_int_equal(rig->out_len, 0);
        assert_false(h1_client_is_reusable(rig->client));
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        rig_free(rig);
    }
    for (int i = 0; i < 3; i++) { /* lengths that are not kept */
        struct rig *rig = rig_new(0);
        struct http_head head = {.method = STR("PUT"),
                                 .authority = STR("a"),
                                 .path = STR("/"),
                                 .has_content_length = true,
                                 .content_length = 3};
        open_head(rig, &head, false);
        send_text(rig, i == 0 ? "ab" : i == 1 ? "abcd" : "abc");
        send_end(rig, NULL);
        if (i == 2) {
            send_text(rig, "x");
        }
        drain(rig);
        assert_string_equal(rig->log, " closed:malformed\n");
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        rig_free(rig);
    }
}

struct good_case {
    const char *method;
    const char *log;
    bool is_reusable;
    struct str input;
};

#define GOOD(method, log, is_reusable, input)                                                      \
    { method, log, is_reusable, STR_INIT(input) }

static const struct good_case good_cases[] = {
    GOOD("GET", "200 content-length=5 x=y + data<hello> end closed:done\n", true,
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX:y\r\n\r\nhello"),
    GOOD("GET", "200 + data<hello> end[x=y] closed:done\n", true,
         "HTTP/1.1 200 Fine with me\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: "
         "y\r\n\r\n"),
    GOOD("GET", "404 + end closed:done\n", true,
         "HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    GOOD("HEAD", "200 content-length=5 | end closed:done\n", true,
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    GOOD("HEAD", "200 | end closed:done\n", true,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    GOOD("GET", "304 content-length=5 | end closed:done\n", true,
         "HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n"),
    GOOD("GET", "204 | end closed:done\n", true, "HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n"),
    GOOD("GET", "100 +103 link=l +200 content-length=0 | end closed:done\n", true,
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hint\r\nLink: l\r\n\r\nHTTP/1.1 200 "
         "OK\r\nContent-Length: 0\r\n\r\n"),
    GOOD("GET", "200 content-length=1 + data<x> end closed:done\n", false,
         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"),
    GOOD("GET", "200 content-length=1 + data<x> end closed:done\n", false,
         "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    GOOD("GET", "200 content-length=1 + data<x> end closed:done\n", true,
         "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx"),
    GOOD("GET", "200 content-length=1 b=2 + data<x> end closed:done\n", true,
         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: A, keep-alive, content-length\r\na: "
         "1\r\nb: 2\r\n"
         "Keep-Alive: timeout=5\r\nUpgrade: h2c\r\n\r\nx"),
};

static void good_responses_arrive_whole_or_split(void **state) {
    (void)state;
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7};
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        const struct good_case *c = &good_cases[i];
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
            struct rig *rig = rig_new(0);
            open_get(rig, c->method);
            drain(rig);
            assert_false(h1_client_has_response_bytes(rig->client));
            feed(rig, c->input, steps[k]);
            if (strcmp(rig->log, c->log) != 0) {
                fail_msg("step %zu of %.*s\n-> %s\ninstead of %s", steps[k], STR_ARG(c->input),
                         rig->log, c->log);
            }
            assert_true(h1_client_has_response_bytes(rig->client));
            assert_int_equal(rig->was_reusable, c->is_reusable);
            assert_int_equal(h1_client_is_reusable(rig->client), c->is_reusable);
            assert_int_equal(phase_of(rig), c->is_reusable ? ENGINE_IDLE : ENGINE_DONE);
            rig_free(rig);
        }
    }
}

static const struct str bad_responses[] = {
    STR_INIT("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nX : a\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 O\0K\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    STR_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STR_INIT("HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STR_INIT("HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n"),
    STR_INIT("HTTP/1.1 103 OK\r\nContent-Length: 5\r\n\r\n"),
    STR_INIT(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
    STR_INIT("HTTP/1.1 099 OK\r\n\r\n"),
    STR_INIT("HTTP/1.1 600 OK\r\n\r\n"),
    STR_INIT("HTTP/1.1 20 OK\r\n\r\n"),
    STR_INIT("HTTP/1.1 2000 OK\r\n\r\n"),
    STR_INIT("HTTP/1.1  200 OK\r\n\r\n"),
    STR_INIT("HTTP/1.1\r\n\r\n"),
    STR_INIT("HTTP/2.0 200 OK\r\n\r\n"),
    STR_INIT("HTTP/1.2 200 OK\r\n\r\n"),
    STR_INIT("http/1.1 200 OK\r\n\r\n"),
    STR_INIT("\r\nHTTP/1.1 200 OK\r\n\r\n"),
    STR_INIT("\r\n"),
    STR_INIT("GET / HTTP/1.1\r\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: y\n\r\n"),
    STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ncontent-length: 1\r\n\r\n"),
};

static void malformed_responses_close_the_stream(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(bad_responses) / sizeof(bad_responses[0]); i++) {
        for (int is_split = 0; is_split < 2; is_split++) {
            struct rig *rig = rig_new(0);
            open_get(rig, "GET");
            drain(rig);
            feed(rig, bad_responses[i], is_split ? 1 : SIZE_MAX / 2);
            if (strstr(rig->log, "closed:malformed") == NULL || strstr(rig->log, "end") != NULL) {
                fail_msg("%.*s -> %s", STR_ARG(bad_responses[i]), rig->log);
            }
            assert_null(rig->stream);
            assert_int_equal(phase_of(rig), ENGINE_DONE);
            assert_false(h1_client_is_reusable(rig->client));
            feed_text(rig, "HTTP/1.1 200 OK\r\n\r\n");
            rig_free(rig);
        }
    }
}

static void floods_are_bounded(void **state) {
    (void)state;
    static char text[100000];
    struct rig *rig = rig_new(0);
    open_get(rig, "GET");
    drain(rig);
    for (int i = 0; i < 16; i++) {
        feed_text(rig, "HTTP/1.1 103 Early Hints\r\n\r\n");
    }
    assert_non_null(rig->stream);
    feed_text(rig, "HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_null(rig->stream);
    assert_non_null(strstr(rig->log, "closed:malformed"));
    rig_free(rig);

    rig = rig_new(0); /* few, but large: together they are no more than one head may be */
    open_get(rig, "GET");
    drain(rig);
    for (int i = 0; i < 4; i++) {
        assert_non_null(rig->stream);
        size_t len = (size_t)snprintf(text, sizeof(text),
                                      "HTTP/1.1 103 Early Hints\r\nx: %09000d\r\n\r\n", 1);
        feed(rig, str_make(text, len), len);
    }
    assert_null(rig->stream);
    rig_free(rig);

    rig = rig_new(0);
    open_get(rig, "GET");
    drain(rig);
    size_t at = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nx: ");
    memset(text + at, 'y', sizeof(text) - at);
    feed(rig, str_make(text, sizeof(text)), 1000);
    assert_string_equal(rig->log, " closed:malformed\n");
    rig_free(rig);
}

static void bodies_may_end_by_closing(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, "HTTP/1.1 200 OK\r\n\r\nhel");
    feed_text(rig, "lo");
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, "200 + data<hello> end closed:done\n");
    assert_false(h1_client_is_reusable(rig->client));
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0); /* a reset is not an end */
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, "HTTP/1.1 200 OK\r\n\r\nhel");
    rig->engine->ops->lost(rig->engine);
    assert_string_equal(rig->log, "200 + data<hel> closed:lost\n");
    rig_free(rig);
}

static void truncated_responses_are_lost(void **state) {
    (void)state;
    static const char *const inputs[] = {
        "",
        "HTTP/1.1 2",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"};
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct rig *rig = rig_new(0);
        open_get(rig, "GET");
        drain(rig);
        feed_text(rig, inputs[i]);
        rig->engine->ops->feed_end(rig->engine);
        assert_non_null(strstr(rig->log, "closed:lost"));
        assert_null(strstr(rig->log, " end"));
        assert_int_equal(h1_client_has_response_bytes(rig->client), i > 0);
        assert_int_equal(phase_of(rig), ENGINE_DONE);
        rig_free(rig);
    }
}

static void bytes_that_nobody_asked_for_end_the_connection(void **state) {
    (void)state;
    struct rig *rig = rig_new(0); /* idle */
    feed_text(rig, "HTTP/1.1 408 Request Timeout\r\n\r\n");
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    assert_false(h1_client_is_reusable(rig->client));
    struct http_head head = {.method = STR("GET"), .authority = STR("a"), .path = STR("/")};
    assert_null(h1_client_open(rig->client, &head, true, &events, rig));
    rig_free(rig);

    static const char response[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\nevil";
    rig = rig_new(0); /* behind a response: the owner must not get to send on this connection */
    rig->reopens_on_closed = true;
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, response);
    assert_string_equal(rig->log, "200 content-length=1 + data<x> end closed:done\n");
    assert_false(rig->was_reusable);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);

    rig = rig_new(0);
    rig->releases_on_end = true;
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, response);
    assert_string_equal(rig->log, "200 content-length=1 + data<x> end");
    assert_false(h1_client_is_reusable(rig->client));
    rig_free(rig);
}

static void the_next_exchange_may_begin_inside_the_last_event(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = rig_new(0);
        rig->reopens_on_closed = i == 0;
        rig->releases_on_end = i == 1;
        rig->reopens_on_end = i == 1;
        open_get(rig, "GET");
        drain(rig);
        feed_text(rig, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        assert_non_null(rig->stream);
        assert_int_equal(phase_of(rig), ENGINE_BUSY);
        assert_false(h1_client_has_response_bytes(rig->client));
        drain(rig);
        feed_text(rig, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
        assert_non_null(strstr(rig->log, "404 content-length=0 | end closed:done\n"));
        rig_free(rig);
    }
}

static void paused_connections_are_read_again(void **state) {
    (void)state;
    struct rig *rig = rig_new(10);
    rig->is_eager = false;
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n012345678901");
    assert_false(wants_read(rig));
    http_stream_consumed(rig->stream, 6);
    assert_false(wants_read(rig));
    size_t before = rig->notify_count;
    http_stream_consumed(rig->stream, 1);
    assert_true(wants_read(rig));
    assert_true(rig->notify_count > before);
    feed_text(rig, "012345678901"); /* complete while paused: the next exchange must not hang */
    assert_true(rig->was_reusable);
    assert_true(wants_read(rig));
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_non_null(strstr(rig->log, "data<x> end closed:done\n"));
    rig_free(rig);
}

static void early_responses_spend_the_connection(void **state) {
    (void)state;
    static const char response[] = "HTTP/1.1 413 No\r\nContent-Length: 1\r\n\r\nx";
    struct rig *rig = rig_new(0); /* complete before the request */
    open_post(rig);
    send_text(rig, "hello");
    drain(rig);
    send_text(rig, "more");
    feed_text(rig, response);
    assert_string_equal(rig->log, "413 content-length=1 + data<x> end closed:done\n");
    assert_false(rig->was_reusable);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig->out_len = 0;
    drain(rig);
    assert_int_equal(rig->out_len, 0);
    rig_free(rig);

    rig = rig_new(0); /* begun before the end of the request */
    open_post(rig);
    drain(rig);
    feed_text(rig, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx");
    send_text(rig, "hello");
    send_end(rig, NULL);
    drain(rig);
    assert_int_equal(rig->sent, 5);
    feed_text(rig, "y");
    assert_non_null(strstr(rig->log, "data<xy> end closed:done\n"));
    assert_false(rig->was_reusable);
    rig_free(rig);

    rig = rig_new(0); /* ended, but not yet written */
    open_get(rig, "GET");
    feed_text(rig, response);
    assert_false(rig->was_reusable);
    rig_free(rig);

    rig = rig_new(0); /* an informational one is no answer */
    open_post(rig);
    drain(rig);
    feed_text(rig, "HTTP/1.1 100 Continue\r\n\r\n");
    send_end(rig, NULL);
    drain(rig);
    feed_text(rig, response);
    assert_true(rig->was_reusable);
    rig_free(rig);
}

static void released_streams_hear_nothing_more(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig *rig = rig_new(0);
        rig->releases_on_head = i == 0;
        rig->releases_on_data = i == 1;
        rig->releases_on_end = i == 2;
        open_get(rig, "GET");
        drain(rig);
        feed_text(
            rig,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1\r\ny\r\n0\r\n\r\n");
        assert_null(strstr(rig->log, "closed"));
        assert_int_equal(strstr(rig->log, "data") != NULL, i > 0);
        assert_int_equal(h1_client_is_reusable(rig->client), i == 2);
        assert_int_equal(phase_of(rig), i == 2 ? ENGINE_IDLE : ENGINE_DONE);
        rig_free(rig);
    }
    struct rig *rig = rig_new(0);
    open_get(rig, "GET");
    release(rig);
    drain(rig);
    assert_int_equal(rig->out_len, 0);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void ends_of_the_connection(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    rig->engine->ops->feed_end(rig->engine);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    assert_false(h1_client_is_reusable(rig->client));
    rig_free(rig);

    rig = rig_new(0);
    open_get(rig, "GET");
    rig->engine->ops->lost(rig->engine);
    assert_string_equal(rig->log, " closed:lost\n");
    assert_false(h1_client_has_response_bytes(rig->client));
    rig_free(rig);

    rig = rig_new(0);
    open_get(rig, "GET");
    drain(rig);
    feed_text(rig, "HTTP/1.1 200 OK\r\nContent-");
    assert_int_equal(phase_of(rig), ENGINE_HEAD);
    rig_free(rig); /* in the middle */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_written),
        cmocka_unit_test(what_cannot_be_written_is_not),
        cmocka_unit_test(good_responses_arrive_whole_or_split),
        cmocka_unit_test(malformed_responses_close_the_stream),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(bodies_may_end_by_closing),
        cmocka_unit_test(truncated_responses_are_lost),
        cmocka_unit_test(bytes_that_nobody_asked_for_end_the_connection),
        cmocka_unit_test(the_next_exchange_may_begin_inside_the_last_event),
        cmocka_unit_test(paused_connections_are_read_again),
        cmocka_unit_test(early_responses_spend_the_connection),
        cmocka_unit_test(released_streams_hear_nothing_more),
        cmocka_unit_test(ends_of_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
