/* h1_server_test.c: what a server makes of requests, good and bad; h1_server_exchange_test.c: exchanges and their ends. */
#include "http/h1_server_test_kit.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(good_requests_arrive_whole_or_split),
        cmocka_unit_test(nominations_spare_the_platform),
        cmocka_unit_test(malformed_bodies_end_the_exchange),
        cmocka_unit_test(extensions_are_bounded_in_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
