#include "http/h1_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOG_BYTES 65536
#define OUT_BYTES (1 << 20)

/* One server with an owner that writes down what happens. */
struct rig {
    struct block_pool pool;
    struct h1_server *server;
    struct engine *engine;
    struct http_stream *stream; /* NULL when no exchange is open */
    const struct http_head *head;
    char log[LOG_BYTES];
    size_t log_len;
    char out[OUT_BYTES];
    size_t out_len;
    char slug[48];
    const char
        *answer;    /* sent at on_request, with a Content-Length; NULL: the test answers itself */
    bool is_eager;  /* consumes at once */
    bool is_inside; /* an owner's call is going on: no event may come */
    bool releases_on_request;
    bool releases_on_data;
    bool releases_on_end;
    bool is_ignorant; /* does not attach */
    bool has_page;
    size_t notify_count;
    size_t sent;
};

static void note(struct rig *rig, const char *format, ...) PRINTF_LIKE(2, 3);

static void note(struct rig *rig, const char *format, ...) {
    va_list args;
    assert_false(rig->is_inside);
    va_start(args, format);
    int len = vsnprintf(rig->log + rig->log_len, LOG_BYTES - rig->log_len, format, args);
    va_end(args);
    rig->log_len += (size_t)len;
    assert_true(rig->log_len < LOG_BYTES);
}

static void release(struct rig *rig) {
    struct http_stream *stream = rig->stream;
    rig->stream = NULL;
    rig->is_inside = true;
    http_stream_release(stream);
    rig->is_inside = false;
}

static void answer_head(struct rig *rig, unsigned status, bool has_length, uint64_t length,
                        bool is_end) {
    struct http_field field = {STR("x-a"), STR("b")};
    struct http_head head = {.status = status,
                             .fields = {&field, 1, 1},
                             .has_content_length = has_length,
                             .content_length = length};
    rig->is_inside = true;
    http_stream_send_head(rig->stream, &head, is_end);
    rig->is_inside = false;
}

static void answer_body(struct rig *rig, const char *text) {
    rig->is_inside = true;
    http_stream_send(rig->stream, (const uint8_t *)text, strlen(text));
    rig->is_inside = false;
}

static void answer_end(struct rig *rig, const struct http_fields *trailers) {
    rig->is_inside = true;
    http_stream_end(rig->stream, trailers);
    rig->is_inside = false;
}

static void consume(struct rig *rig, size_t len) {
    rig->is_inside = true;
    http_stream_consumed(rig->stream, len);
    rig->is_inside = false;
}

static void answer_text(struct rig *rig, const char *text) {
    answer_head(rig, 200, true, strlen(text), false);
    answer_body(rig, text);
    answer_end(rig, NULL);
}

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct rig *rig = owner;
    /* Joined, so that the log is the same however the input was split. */
    bool follows = rig->log_len > 0 && rig->log[rig->log_len - 1] == '>';
    if (follows) {
        rig->log_len--;
    }
    note(rig, "%s%.*s>", follows ? "" : " data<", (int)len, (const char *)bytes);
    if (rig->is_eager) {
        consume(rig, len);
    }
    if (rig->releases_on_data) {
        release(rig);
    }
}

static void on_end(void *owner, const struct http_fields *trailers) {
    struct rig *rig = owner;
    note(rig, " end");
    for (size_t i = 0; trailers != NULL && i < trailers->count; i++) {
        note(rig, "[%.*s=%.*s]", STR_ARG(trailers->at[i].name), STR_ARG(trailers->at[i].value));
    }
    if (rig->releases_on_end) {
        release(rig);
    }
}

static void on_sent(void *owner, size_t len) {
    struct rig *rig = owner;
    assert_false(rig->is_inside);
    rig->sent += len;
}

static void on_closed(void *owner, enum http_close reason) {
    static const char *const names[] = {"done", "cancelled", "refused", "malformed", "lost"};
    struct rig *rig = owner;
    note(rig, " closed:%s\n", names[reason]);
    rig->stream = NULL;
}

static const struct http_stream_events events = {
    .on_data = on_data, .on_end = on_end, .on_sent = on_sent, .on_closed = on_closed};

static void on_request(void *context, struct http_stream *stream, const struct http_head *head,
                       bool is_end) {
    struct rig *rig = context;
    note(rig, "%.*s %.*s %.*s", STR_ARG(head->method), STR_ARG(head->authority),
         STR_ARG(head->path));
    for (size_t i = 0; i < head->fields.count; i++) {
        note(rig, " %.*s=%.*s", STR_ARG(head->fields.at[i].name),
             STR_ARG(head->fields.at[i].value));
    }
    note(rig, is_end ? " |" : " +");
    assert_true(str_eq(head->scheme, STR("https")));
    rig->stream = stream;
    rig->head = head;
    if (rig->is_ignorant) {
        return;
    }
    http_stream_attach(stream, &events, rig);
    if (rig->releases_on_request) {
        release(rig);
        return;
    }
    if (rig->answer != NULL) {
        answer_text(rig, rig->answer);
    }
}

static void on_error(void *context, unsigned status, const struct why *why, struct str *type,
                     struct str *body) {
    struct rig *rig = context;
    (void)status;
    snprintf(rig->slug, sizeof(rig->slug), "%s", why->slug);
    if (rig->has_page) {
        *type = STR("text/plain");
        *body = STR("sorry\n");
    }
}

static void on_notify(void *context) {
    struct rig *rig = context;
    rig->notify_count++;
}

static struct rig *rig_new(size_t read_ahead_max) {
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    block_pool_init(&rig->pool, 4);
    struct h1_server_config config = {.pool = &rig->pool,
                                      .server = {on_request, rig},
                                      .scheme = STR("https"),
                                      .on_error = on_error,
                                      .read_ahead_max = read_ahead_max};
    rig->server = h1_server_new(&config);
    rig->engine = h1_server_engine(rig->server);
    rig->engine->notify = on_notify;
    rig->engine->notify_context = rig;
    rig->is_eager = true;
    return rig;
}

static void rig_free(struct rig *rig) {
    rig->engine->ops->free(rig->engine);
    assert_int_equal(rig->pool.used_count, 0);
    block_pool_fini(&rig->pool);
    free(rig);
}

static void feed(struct rig *rig, struct str bytes, size_t step) {
    for (size_t at = 0; at < bytes.len; at += step) {
        struct str part = str_sub(bytes, at, step);
        /* An exact copy, so that a read past the end is seen. */
        uint8_t *copy = malloc(part.len);
        assert_non_null(copy);
        memcpy(copy, part.at, part.len);
        rig->engine->ops->feed(rig->engine, copy, part.len);
        free(copy);
    }
}

static void feed_text(struct rig *rig, const char *text) {
    feed(rig, str_from(text), SIZE_MAX / 2);
}

static size_t write_some(struct rig *rig, size_t max) {
    const uint8_t *bytes;
    size_t len = rig->engine->ops->peek(rig->engine, &bytes);
    len = len < max ? len : max;
    if (len > 0) {
        assert_true(rig->out_len + len < OUT_BYTES);
        memcpy(rig->out + rig->out_len, bytes, len);
        rig->out_len += len;
        rig->engine->ops->wrote(rig->engine, len);
    }
    rig->out[rig->out_len] = '\0';
    return len;
}

static void drain(struct rig *rig) {
    while (write_some(rig, SIZE_MAX) > 0) {
    }
}

static enum engine_phase phase_of(const struct rig *rig) {
    return rig->engine->ops->phase(rig->engine);
}

static bool wants_read(const struct rig *rig) {
    return rig->engine->ops->wants_read(rig->engine);
}

static void strip_dates(struct rig *rig) {
    for (char *at = strstr(rig->out, "Date: "); at != NULL; at = strstr(rig->out, "Date: ")) {
        char *end = strstr(at, "\r\n") + 2;
        memmove(at, end, strlen(end) + 1);
    }
    rig->out_len = strlen(rig->out);
}

#define HOST "Host: a\r\n"

struct bad_case {
    unsigned status;
    const char *slug;
    struct str input;
};

#define BAD(status, slug, input)                                                                   \
    { status, slug, STR_INIT(input) }

static const struct bad_case bad_cases[] = {
    /* both framings, or one of them twice */
    BAD(400, "content_length",
        "POST / HTTP/1.1\r\n" HOST
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD(400, "content_length",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    BAD(400, "content_length",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    BAD(400, "content_length",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
    BAD(400, "content_length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\nx"),
    BAD(400, "content_length", "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\nx"),
    BAD(400, "content_length", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\nx"),
    BAD(400, "content_length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\nx"),
    BAD(400, "content_length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\nx"),
    BAD(400, "content_length", "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\nx"),
    BAD(400, "content_length",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\nx"),
    BAD(400, "content_length",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nx"),
    /* Transfer-Encoding */
    BAD(501, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    BAD(400, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    BAD(501, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    BAD(501, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"),
    BAD(501, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    BAD(501, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    BAD(501, "transfer_encoding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    BAD(400, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD(400, "transfer_encoding",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    BAD(400, "transfer_encoding",
        "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    /* lines */
    BAD(400, "bare_lf", "GET / HTTP/1.1\nHost: a\n\n"),
    BAD(400, "bare_lf", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    BAD(400, "bare_lf", "GET / HTTP/1.1\r\n" HOST "\n"),
    BAD(400, "bare_lf", "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "bare_cr", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"),
    BAD(400, "bare_cr", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
    BAD(400, "bare_cr", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    BAD(400, "bare_cr", "GET / HTTP/1.1\r\n" HOST "\r\r\n"),
    BAD(400, "obs_fold", "GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n"),
    BAD(400, "obs_fold", "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n"),
    BAD(400, "obs_fold", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    BAD(400, "obs_fold", " GET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "request_line", "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    /* fields */
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "X\t: 5\r\n\r\n"),
    BAD(400, "field_name", "GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "nonsense\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "X\0: ab\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "X\x80: a\r\n\r\n"),
    BAD(400, "field_line", "GET / HTTP/1.1\r\n" HOST "X(y): a\r\n\r\n"),
    BAD(400, "connection_field", "GET / HTTP/1.1\r\n" HOST "Connection: a b\r\n\r\n"),
    BAD(400, "connection_field",
        "GET / HTTP/1.1\r\n" HOST
        "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n"),
    BAD(417, "expectation",
        "POST / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx"),
    /* Host */
    BAD(400, "host", "GET / HTTP/1.1\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD(400, "host", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"),
    /* request line */
    BAD(400, "request_line", "GET\r\n" HOST "\r\n"),
    BAD(400, "request_line", "GET /\r\n" HOST "\r\n"),
    BAD(400, "target", "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET / x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "version", "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    BAD(400, "version", "GET / http/1.1\r\n" HOST "\r\n"),
    BAD(400, "version", "GET / HTTP/1\r\n" HOST "\r\n"),
    BAD(400, "version", "GET / HTTP/01.1\r\n" HOST "\r\n"),
    BAD(400, "version", "GET /\tHTTP/1.1 x\r\n" HOST "\r\n"),
    BAD(505, "version", "GET / HTTP/1.2\r\n" HOST "\r\n"),
    BAD(505, "version", "GET / HTTP/0.9\r\n" HOST "\r\n"),
    BAD(505, "version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD(400, "method", "G(T / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "method", "\x16\x03\x01 / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "method", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "method", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    BAD(400, "target", "GET a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET * HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET /#f HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET /\x80 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET https://b/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET https://u@a/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET http://a/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET https:/a/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET https://a\\b/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "target", "GET https://a/#f HTTP/1.1\r\n" HOST "\r\n"),
};

static void expect_refusal(struct str input, size_t step, unsigned status, const char *slug) {
    struct rig *rig = rig_new(0);
    char line[64];
    snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    feed(rig, input, step);
    drain(rig);
    if (strcmp(rig->slug, slug) != 0 || strncmp(rig->out, line, strlen(line)) != 0) {
        fail_msg("%.*s\n-> %s instead of %s; %.40s; log %s", STR_ARG(input), rig->slug, slug,
                 rig->out, rig->log);
    }
    assert_non_null(strstr(rig->out, "Connection: close\r\n"));
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    assert_false(wants_read(rig));
    assert_int_equal(rig->log_len, 0); /* no request was made of it */
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(rig->log_len, 0);
    rig_free(rig);
}

static void malformed_heads_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        const struct bad_case *c = &bad_cases[i];
        expect_refusal(c->input, c->input.len, c->status, c->slug);
        expect_refusal(c->input, 1, c->status, c->slug);
    }
}

static void sizes_are_bounded(void **state) {
    (void)state;
    static char text[200000];
    size_t at = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "x: y\r\n");
    }
    at += (size_t)snprintf(text + at, sizeof(text) - at, "\r\n");
    expect_refusal(str_make(text, at), at, 431, "head_too_large");
    at = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "x: ");
    memset(text + at, 'y', 150000);
    memcpy(text + 40000, "\r\n\r\n", 4);
    expect_refusal(str_make(text, 40004), 7, 431, "head_too_large");
    memset(text + 40000, 'y', 4);
    expect_refusal(str_make(text, 150000), 1000, 431, "head_too_large");
    expect_refusal(str_make(text, 150000), 150000, 431, "head_too_large");
    memcpy(text, "GET /", 5);
    memset(text + 5, 'y', HTTP_TARGET_BYTES_MAX);
    at = 5 + HTTP_TARGET_BYTES_MAX;
    at += (size_t)snprintf(text + at, sizeof(text) - at, " HTTP/1.1\r\n" HOST "\r\n");
    expect_refusal(str_make(text, at), at, 431, "target_too_large");
}

struct good_case {
    const char *log;
    struct str input;
};

#define GOOD(log, input)                                                                           \
    { log, STR_INIT(input) }

static const struct good_case good_cases[] = {
    GOOD("GET a / | end closed:done\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("GET a / | end closed:done\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("FROB A.b:8443 /x?y=%20 | end closed:done\n",
         "FROB /x?y=%20 HTTP/1.1\r\nhOsT:\t A.b:8443 \t\r\n\r\n"),
    GOOD("GET a / accept=*/* empty= cookie=a=b | end closed:done\n",
         "GET / HTTP/1.1\r\nHost:a\r\nAccept: */*\r\nEMPTY:\r\nCookie: a=b\r\n\r\n"),
    GOOD("GET  / | end closed:done\n", "GET / HTTP/1.0\r\n\r\n"),
    GOOD("OPTIONS a * | end closed:done\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("GET a /p?q | end closed:done\n", "GET https://A/p?q HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("GET a / | end closed:done\n", "GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("GET a /?q/r | end closed:done\n", "GET https://a?q/r HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("OPTIONS a * | end closed:done\n", "OPTIONS https://a HTTP/1.1\r\nHost: a\r\n\r\n"),
    GOOD("POST a / content-length=5 + data<hello> end closed:done\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
    GOOD("POST a / content-length=0 | end closed:done\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    GOOD("POST a / + data<hello> end closed:done\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
         "chunked\r\n\r\n2;a=\"b\"\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n"),
    GOOD("POST a / + end closed:done\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    GOOD("POST a / + data<a\nb> end[x=y][z=] closed:done\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\nX:  y "
         "\r\nZ:\r\n\r\n"),
    GOOD("GET a / | end closed:done\nGET b /2 | end closed:done\n",
         "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n"),
    GOOD("POST a / + data<x> end closed:done\nGET b /2 | end closed:done\nGET c /3 | end "
         "closed:done\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
         "\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nGET /3 HTTP/1.1\r\nHost: c\r\nConnection: "
         "close\r\n\r\n"
         "GET /4 HTTP/1.1\r\nHost: d\r\n\r\n"),
    /* connection-level fields end here, nominated ones too, but for the essential */
    GOOD("GET a / b=2 | end closed:done\n", "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: "
                                            "h2c\r\nHTTP2-Settings: x\r\nKeep-Alive: 5\r\n"
                                            "Proxy-Connection: close\r\nConnection: X-a ,, "
                                            "Upgrade,HTTP2-Settings, TE\r\nx-A: 1\r\nB: 2\r\n\r\n"),
    GOOD("GET a / | end closed:done\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, "
                                        "x-secret\r\nX-Secret: 1\r\nX-SECRET: 2\r\n\r\n"),
};

/* Answers whatever comes as soon as it is complete. */
static void run_good(struct rig *rig, struct str input, size_t step) {
    for (size_t at = 0; at < input.len; at += step) {
        feed(rig, str_sub(input, at, step), step);
        for (unsigned last = 0; rig->stream != NULL && last < 100; last++) {
            bool has_ended =
                rig->log_len >= 4 && strstr(rig->log + rig->log_len - 4, " end") != NULL;
            has_ended = has_ended || rig->log[rig->log_len - 1] == ']';
            if (!has_ended) {
                break;
            }
            answer_text(rig, "ok");
            drain(rig);
        }
    }
}

static void good_requests_arrive_whole_or_split(void **state) {
    (void)state;
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7, 16};
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        const struct good_case *c = &good_cases[i];
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
            struct rig *rig = rig_new(0);
            run_good(rig, c->input, steps[k]);
            if (strcmp(rig->log, c->log) != 0) {
                fail_msg("step %zu of %.*s\n-> %s\ninstead of %s (%s)", steps[k], STR_ARG(c->input),
                         rig->log, c->log, rig->slug);
            }
            rig_free(rig);
        }
    }
}

static void nominations_spare_the_platform(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(
        rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX-Forwarded-For: f\r\n"
             "x_forwarded.proto: g\r\nWarpgate-User: u\r\nMEZUSPHERE_X: m\r\nForwarded: o\r\n"
             "X-Real-IP: r\r\nX-Other: gone\r\nConnection: host, content-length,X-FORWARDED-FOR\r\n"
             "Connection: x_forwarded.proto, warpgate-user, mezusphere_x, forwarded, x-real-ip, "
             "x-other\r\n"
             "\r\nb");
    assert_string_equal(
        rig->log, "POST a / content-length=1 x-forwarded-for=f x_forwarded.proto=g warpgate-user=u "
                  "mezusphere_x=m forwarded=o x-real-ip=r + data<b> end");
    rig_free(rig);
}

static const struct bad_case bad_bodies[] = {
    BAD(400, "chunk", "\r\n"),
    BAD(400, "chunk", "g\r\n"),
    BAD(400, "chunk", "+1\r\nx\r\n"),
    BAD(400, "chunk", "0x1\r\nx\r\n"),
    BAD(400, "chunk", " 1\r\nx\r\n"),
    BAD(400, "chunk", "1 \r\nx\r\n"),
    BAD(400, "chunk", "1\nx\r\n"),
    BAD(400, "chunk", "1\r\nxy\r\n"),
    BAD(400, "chunk", "1\r\nx\n"),
    BAD(400, "chunk", "1\r\nx\r\r\n"),
    BAD(400, "chunk", "1;\n"),
    BAD(400, "chunk", "1;a\rb\r\n"),
    BAD(400, "chunk", "1;\0\r\n"),
    BAD(400, "chunk", ";a\r\n"),
    BAD(400, "chunk", "1000000000000000\r\n"),
    BAD(400, "chunk", "0000000000000001\r\n"),
    BAD(400, "chunk", "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    BAD(400, "bare_lf", "0\r\n\n"),
    BAD(400, "bare_lf", "0\r\nx: y\n\r\n"),
    BAD(400, "bare_cr", "0\r\nx: y\rz: a\r\n\r\n"),
    BAD(400, "obs_fold", "0\r\nx: y\r\n z\r\n\r\n"),
    BAD(400, "field_line", "0\r\nx : y\r\n\r\n"),
    BAD(400, "field_line", "0\r\nGET / HTTP/1.1\r\n\r\n"),
    BAD(400, "trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, "trailer", "0\r\nHost: b\r\n\r\n"),
    BAD(400, "trailer", "0\r\nAuthorization: b\r\n\r\n"),
};

static void expect_bad_body(const struct bad_case *c, size_t step, bool has_answered) {
    struct rig *rig = rig_new(0);
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    if (has_answered) {
        answer_head(rig, 200, false, 0, false);
        drain(rig);
    }
    feed(rig, c->input, step);
    drain(rig);
    if (strstr(rig->log, "closed:malformed") == NULL || strstr(rig->log, "end") != NULL) {
        fail_msg("%.*s -> %s", STR_ARG(c->input), rig->log);
    }
    if (!has_answered) {
        assert_string_equal(rig->slug, c->slug);
        assert_non_null(strstr(rig->out, "HTTP/1.1 400 Bad Request\r\n"));
    } else {
        assert_null(strstr(rig->out, "HTTP/1.1 400"));
        assert_null(strstr(rig->out, "0\r\n\r\n")); /* the answer is visibly incomplete */
    }
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    rig_free(rig);
}

static void malformed_bodies_end_the_exchange(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(bad_bodies) / sizeof(bad_bodies[0]); i++) {
        expect_bad_body(&bad_bodies[i], 1, false);
        expect_bad_body(&bad_bodies[i], bad_bodies[i].input.len, false);
        expect_bad_body(&bad_bodies[i], bad_bodies[i].input.len, true);
    }
}

static void extensions_are_bounded_in_sum(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    feed_text(rig, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100 && rig->stream != NULL; i++) {
        feed_text(rig, "1;0123456789012345678901234567890123456789012345678901234567890\r\nx\r\n");
    }
    assert_non_null(strstr(rig->log, "closed:malformed"));
    rig_free(rig);
}

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
    answer_body(rig, "0123456789abcdefg");
    answer_body(rig, "");
    answer_body(rig, "h");
    struct http_field at[] = {
        {STR("x-sum"), STR("1")}, {STR("content-length"), STR("2")}, {STR("bad"), STR("a\nb")}};
    struct http_fields trailers = {at, 3, 3};
    answer_end(rig, &trailers);
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
            answer_body(rig, "hello");
            answer_end(rig, NULL);
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
            answer_body(rig, "abc");
            break;
        case 1:
            answer_head(rig, 200, true, 2, false);
            answer_end(rig, NULL);
            break;
        case 2:
            answer_head(rig, 200, true, 2, true);
            break;
        case 3:
            http_stream_send_head(rig->stream, &head, false);
            break;
        case 4:
            answer_body(rig, "abc");
            break;
        case 5:
            answer_end(rig, NULL);
            break;
        case 6:
            answer_head(rig, 200, false, 0, false);
            answer_head(rig, 200, false, 0, false);
            break;
        default:
            answer_head(rig, 600, false, 0, true);
            break;
        }
        answer_body(rig, "more");
        answer_end(rig, NULL);
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
    answer_body(rig, "hello");
    answer_end(rig, NULL);
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
    answer_body(rig, "ok");
    drain(rig);
    feed_text(rig, "GET /2 HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(rig->log, "GET a /1 | end");
    answer_end(rig, NULL);
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
    answer_body(rig, "0123456789");
    const uint8_t *bytes;
    size_t head_len = rig->engine->ops->peek(rig->engine, &bytes) - 10 - 5;
    write_some(rig, head_len);
    assert_int_equal(rig->sent, 0);
    write_some(rig, 3);
    assert_int_equal(rig->sent, 0); /* "a\r\n" */
    write_some(rig, 4);
    assert_true(rig->sent <= 4);
    answer_body(rig, "x");
    answer_end(rig, NULL);
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
    answer_end(rig, NULL);
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
    answer_body(rig, "he");
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

    rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\n");
    rig->engine->ops->feed_end(rig->engine);
    assert_string_equal(rig->log, "GET a / | end closed:cancelled\n");
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

static void draining_ends_after_the_exchange(void **state) {
    (void)state;
    struct rig *rig = rig_new(0);
    h1_server_drain(rig->server);
    assert_int_equal(phase_of(rig), ENGINE_DONE);
    assert_true(rig->notify_count > 0);
    rig_free(rig);

    rig = rig_new(0);
    feed_text(rig, "GET / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
    h1_server_drain(rig->server);
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
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(good_requests_arrive_whole_or_split),
        cmocka_unit_test(nominations_spare_the_platform),
        cmocka_unit_test(malformed_bodies_end_the_exchange),
        cmocka_unit_test(extensions_are_bounded_in_sum),
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
        cmocka_unit_test(draining_ends_after_the_exchange),
        cmocka_unit_test(errors_have_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
