#include "http/h1_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
    char data[256];
    size_t data_len;
    char trailers[64];
    size_t used;
    struct why why;
};

static enum status read_all(struct h1_body *body, struct str text, size_t step,
                            struct outcome *outcome) {
    enum status status = STATUS_AGAIN;
    *outcome = (struct outcome){0};
    while (outcome->used < text.len && (status == STATUS_AGAIN || status == STATUS_OK)) {
        struct str part = str_sub(text, outcome->used, step);
        struct str data;
        size_t used;
        status =
            h1_body_read(body, (const uint8_t *)part.at, part.len, &used, &data, &outcome->why);
        outcome->used += used;
        if (status == STATUS_OK) {
            memcpy(outcome->data + outcome->data_len, data.at, data.len);
            outcome->data_len += data.len;
        } else if (status == STATUS_END) {
            memcpy(outcome->trailers, data.at, data.len);
        }
    }
    return status;
}

static void chunks_become_data_and_trailers(void **state) {
    (void)state;
    static const char text[] = "2;x=\"y\"\r\nhe\r\n00a\r\nllo, there\r\n0\r\na: b\r\n\r\nnext";
    for (size_t step = 1; step < sizeof(text); step++) {
        struct h1_body body;
        struct outcome outcome;
        h1_body_init(&body, H1_FRAMING_CHUNKED, 0);
        assert_int_equal(read_all(&body, str_from(text), step, &outcome), STATUS_END);
        assert_string_equal(outcome.data, "hello, there");
        assert_string_equal(outcome.trailers, "a: b\r\n\r\n");
        assert_int_equal(outcome.used, sizeof(text) - 1 - 4);
        h1_body_fini(&body);
    }
}

static void lengths_are_kept(void **state) {
    (void)state;
    struct h1_body body;
    struct outcome outcome;
    h1_body_init(&body, H1_FRAMING_LENGTH, 5);
    assert_int_equal(read_all(&body, STR("hello, there"), 3, &outcome), STATUS_END);
    assert_string_equal(outcome.data, "hello");
    assert_int_equal(outcome.used, 5);
    h1_body_init(&body, H1_FRAMING_LENGTH, 20);
    assert_int_equal(read_all(&body, STR("hello, there"), 3, &outcome), STATUS_OK);
    h1_body_init(&body, H1_FRAMING_LENGTH, 0);
    assert_int_equal(read_all(&body, STR("x"), 1, &outcome), STATUS_END);
    h1_body_init(&body, H1_FRAMING_NONE, 0);
    assert_int_equal(read_all(&body, STR("x"), 1, &outcome), STATUS_END);
    assert_int_equal(outcome.used, 0);
    h1_body_init(&body, H1_FRAMING_CLOSE, 0);
    assert_int_equal(read_all(&body, STR("hello, there"), 3, &outcome), STATUS_OK);
    assert_string_equal(outcome.data, "hello, there");
}

static void malformed_chunks_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\r\n",        "x\r\n",         "-1\r\n",   "1 \r\n", " 1\r\n",           "1\n",
        "1\r\r",       "1\r\nab",       "1\r\na\n", "1;\x01", "1000000000000000", "0\r\n\n",
        "0\r\na: b\n", "0\r\n a: b\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct h1_body body;
        struct outcome outcome;
        h1_body_init(&body, H1_FRAMING_CHUNKED, 0);
        assert_int_equal(read_all(&body, str_from(bad[i]), 1, &outcome), STATUS_INVALID);
        assert_true(outcome.why.slug[0] != '\0');
        h1_body_fini(&body);
    }
}

static void trailers_are_bounded(void **state) {
    (void)state;
    struct h1_body body;
    struct why why;
    struct str data;
    size_t used;
    enum status status = STATUS_AGAIN;
    static const uint8_t start[] = "0\r\na: ";
    static const uint8_t more[1000] = {'x'};
    h1_body_init(&body, H1_FRAMING_CHUNKED, 0);
    assert_int_equal(h1_body_read(&body, start, sizeof(start) - 1, &used, &data, &why),
                     STATUS_AGAIN);
    for (int i = 0; i < 100 && status == STATUS_AGAIN; i++) {
        status = h1_body_read(&body, more, sizeof(more), &used, &data, &why);
    }
    assert_int_equal(status, STATUS_TOO_LARGE);
    h1_body_fini(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_become_data_and_trailers),
        cmocka_unit_test(lengths_are_kept),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
