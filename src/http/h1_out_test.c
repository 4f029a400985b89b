#include "http/h1_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig {
    struct block_pool pool;
    struct h1_out out;
    char text[4096];
    size_t sent;
};

static int set_up(void **state) {
    struct rig *rig = calloc(1, sizeof(*rig));
    block_pool_init(&rig->pool, 1);
    h1_out_init(&rig->out, &rig->pool);
    *state = rig;
    return rig == NULL;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    h1_out_clear(&rig->out);
    assert_int_equal(rig->pool.used_count, 0);
    block_pool_fini(&rig->pool);
    free(rig);
    return 0;
}

static const char *write_all(struct rig *rig) {
    const uint8_t *bytes;
    size_t at = 0;
    for (size_t len; (len = block_queue_peek(&rig->out.queue, &bytes)) > 0; at += len) {
        memcpy(rig->text + at, bytes, len);
        rig->sent += h1_out_wrote(&rig->out, len);
    }
    rig->text[at] = '\0';
    return rig->text;
}

static void heads_are_written_once_and_cleanly(void **state) {
    struct rig *rig = *state;
    struct http_field at[] = {{STR("a"), STR("b")},
                              {STR("te"), STR("trailers")},
                              {STR("connection"), STR("a")},
                              {STR("upgrade"), STR("h2c")},
                              {STR("keep-alive"), STR("5")},
                              {STR("transfer-encoding"), STR("x")},
                              {STR("content-length"), STR("7")},
                              {STR("date"), STR("now")},
                              {STR("host"), STR("h")}};
    struct http_head head = {.status = 200, .fields = {at, 9, 9}};
    struct h1_out_head out_head = {
        .head = &head, .framing = H1_FRAMING_LENGTH, .has_length = true, .length = UINT64_MAX};
    assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_OK);
    assert_string_equal(write_all(rig), "HTTP/1.1 200 OK\r\na: b\r\ndate: now\r\nhost: "
                                        "h\r\nContent-Length: 18446744073709551615\r\n\r\n");
    head = (struct http_head){
        .method = STR("GET"), .authority = STR("x"), .path = STR("/"), .fields = {at, 9, 9}};
    out_head = (struct h1_out_head){.head = &head, .is_request = true, .connection = STR("close")};
    assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_OK);
    assert_string_equal(
        write_all(rig),
        "GET / HTTP/1.1\r\nHost: x\r\na: b\r\ndate: now\r\nConnection: close\r\n\r\n");
    assert_int_equal(rig->sent, 0);
}

static void dangerous_heads_are_not_written(void **state) {
    struct rig *rig = *state;
    static const struct http_field bad[] = {
        {STR_INIT("a"), STR_INIT("b\r\nc: d")}, {STR_INIT("a"), STR_INIT("b\nc")},
        {STR_INIT("a"), STR_INIT(" b")},        {STR_INIT("a: b\r\nc"), STR_INIT("d")},
        {STR_INIT(""), STR_INIT("b")},          {STR_INIT("A"), STR_INIT("b")}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_field field = bad[i];
        struct http_head head = {.status = 200, .fields = {&field, 1, 1}};
        struct h1_out_head out_head = {.head = &head};
        assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_INVALID);
        assert_int_equal(rig->out.queue.len, 0);
        assert_int_equal(rig->pool.used_count, 0);
    }
    struct http_head head = {.status = 99};
    struct h1_out_head out_head = {.head = &head};
    assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_INVALID);
    static char huge[70000];
    memset(huge, 'x', sizeof(huge));
    struct http_field field = {STR("a"), str_make(huge, sizeof(huge))};
    head = (struct http_head){.status = 200, .fields = {&field, 1, 1}};
    assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_TOO_LARGE);
}

static void bodies_keep_to_their_framing(void **state) {
    struct rig *rig = *state;
    struct http_head head = {.method = STR("PUT"), .authority = STR("x"), .path = STR("/")};
    struct h1_out_head out_head = {.head = &head,
                                   .is_request = true,
                                   .framing = H1_FRAMING_LENGTH,
                                   .has_length = true,
                                   .length = 3};
    assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_OK);
    assert_int_equal(h1_out_put_body(&rig->out, (const uint8_t *)"ab", 2), STATUS_OK);
    assert_int_equal(h1_out_end(&rig->out, NULL), STATUS_INVALID);
    assert_int_equal(h1_out_put_body(&rig->out, (const uint8_t *)"cd", 2), STATUS_TOO_LARGE);
    assert_int_equal(h1_out_put_body(&rig->out, (const uint8_t *)"c", 1), STATUS_OK);
    assert_int_equal(h1_out_end(&rig->out, NULL), STATUS_OK);
    assert_non_null(strstr(write_all(rig), "Content-Length: 3\r\n\r\nabc"));
    assert_int_equal(rig->sent, 3);

    static uint8_t bytes[300];
    memset(bytes, 'z', sizeof(bytes));
    out_head =
        (struct h1_out_head){.head = &head, .is_request = true, .framing = H1_FRAMING_CHUNKED};
    assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_OK);
    assert_int_equal(h1_out_put_body(&rig->out, bytes, 0), STATUS_OK);
    assert_int_equal(h1_out_put_body(&rig->out, bytes, sizeof(bytes)), STATUS_OK);
    assert_int_equal(h1_out_end(&rig->out, NULL), STATUS_OK);
    const char *body = strstr(write_all(rig), "\r\n\r\n") + 4;
    assert_true(strncmp(body, "12c\r\nzzz", 8) == 0);
    assert_string_equal(body + 5 + 300, "\r\n0\r\n\r\n");
    assert_int_equal(rig->sent, 303);
}

/* However it is written, a body byte is never reported before it was, and in the end all are. */
static void sent_is_never_early(void **state) {
    struct rig *rig = *state;
    struct http_head head = {.status = 200};
    struct h1_out_head out_head = {.head = &head, .framing = H1_FRAMING_CHUNKED};
    for (size_t step = 1; step < 20; step++) {
        size_t body_put = 0;
        size_t written = 0;
        rig->sent = 0;
        assert_int_equal(h1_out_put_head(&rig->out, &out_head), STATUS_OK);
        size_t head_len = rig->out.queue.len;
        for (size_t i = 0; i < 30; i++) {
            const uint8_t *bytes;
            assert_int_equal(h1_out_put_body(&rig->out, (const uint8_t *)"0123456789", 1 + i % 10),
                             STATUS_OK);
            body_put += 1 + i % 10;
            size_t len = block_queue_peek(&rig->out.queue, &bytes);
            len = len < step ? len : step;
            rig->sent += h1_out_wrote(&rig->out, len);
            written += len;
            assert_true(rig->sent <= (written > head_len ? written - head_len : 0));
            assert_int_equal(rig->out.framing_bytes + (body_put - rig->sent), rig->out.queue.len);
        }
        write_all(rig);
        assert_int_equal(rig->sent, body_put);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heads_are_written_once_and_cleanly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dangerous_heads_are_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_keep_to_their_framing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sent_is_never_early, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
