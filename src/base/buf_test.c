#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void appends_and_consumes(void **state) {
    struct buf buf;
    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(buf_len(&buf), 0);
    assert_non_null(buf_bytes(&buf));
    assert_int_equal(buf_append(&buf, "hello ", 6), STATUS_OK);
    assert_int_equal(buf_append_str(&buf, STR("world")), STATUS_OK);
    assert_int_equal(buf_append(&buf, NULL, 0), STATUS_OK);
    assert_true(str_eq(buf_str(&buf), STR("hello world")));
    buf_consume(&buf, 6);
    assert_true(str_eq(buf_str(&buf), STR("world")));
    buf_clear(&buf);
    assert_int_equal(buf_len(&buf), 0);
    buf_fini(&buf);
}

static void keeps_its_maximum(void **state) {
    struct buf buf;
    uint8_t *room;
    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_append(&buf, "12345678", 8), STATUS_OK);
    assert_int_equal(buf_append(&buf, "123", 3), STATUS_TOO_LARGE);
    assert_int_equal(buf_append_str(&buf, STR("123")), STATUS_TOO_LARGE);
    assert_int_equal(buf_reserve(&buf, 3, &room), STATUS_TOO_LARGE);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX, &room), STATUS_TOO_LARGE);
    assert_int_equal(buf_printf(&buf, "%d", 123), STATUS_TOO_LARGE);
    assert_true(str_eq(buf_str(&buf), STR("12345678")));
    assert_int_equal(buf_printf(&buf, "%d", 90), STATUS_OK);
    assert_true(str_eq(buf_str(&buf), STR("1234567890")));
    /* What was consumed may be used again. */
    buf_consume(&buf, 4);
    assert_int_equal(buf_append(&buf, "abcd", 4), STATUS_OK);
    assert_true(str_eq(buf_str(&buf), STR("567890abcd")));
    assert_int_equal(buf_append(&buf, "e", 1), STATUS_TOO_LARGE);
    buf_fini(&buf);
}

/* A window that moves through the buffer, far beyond its maximum in all, compared with what was put in. */
static void survives_a_moving_window(void **state) {
    struct buf buf;
    uint8_t in = 0;
    uint8_t out = 0;
    (void)state;
    buf_init(&buf, 5000);
    for (size_t round = 0; round < 2000; round++) {
        size_t put = (round * 37) % 1000;
        uint8_t *room;
        if (buf_reserve(&buf, put, &room) == STATUS_OK) {
            for (size_t i = 0; i < put; i++) {
                room[i] = in++;
            }
            buf_commit(&buf, put);
        } else {
            assert_true(buf_len(&buf) + put > 5000);
        }
        assert_true(buf.cap <= 5001);
        size_t take = (round * 53) % (buf_len(&buf) + 1);
        for (size_t i = 0; i < take; i++) {
            assert_int_equal(buf_bytes(&buf)[i], out++);
        }
        buf_consume(&buf, take);
    }
    buf_fini(&buf);
}

static void gives_memory_back(void **state) {
    struct buf buf;
    uint8_t *room;
    (void)state;
    buf_init(&buf, 100000);
    assert_int_equal(buf_reserve(&buf, 5000, &room), STATUS_OK);
    buf_commit(&buf, 5000);
    buf_consume(&buf, 4999);
    assert_non_null(buf.at);
    buf_consume(&buf, 1);
    assert_null(buf.at);
    assert_int_equal(buf.max, 100000);
    assert_int_equal(buf_append(&buf, "a", 1), STATUS_OK);
    buf_consume(&buf, 1);
    assert_non_null(buf.at); /* small ones are kept */
    buf_fini_wiped(&buf);
    assert_null(buf.at);
}

static void prints_long_text(void **state) {
    struct buf buf;
    (void)state;
    buf_init(&buf, 3000);
    assert_int_equal(buf_printf(&buf, "%s", ""), STATUS_OK);
    assert_int_equal(buf_printf(&buf, "%02000d|", 5), STATUS_OK);
    assert_int_equal(buf_len(&buf), 2001);
    assert_int_equal(buf_bytes(&buf)[1999], '5');
    assert_int_equal(buf_printf(&buf, "%0999d", 7), STATUS_OK);
    assert_int_equal(buf_len(&buf), 3000);
    assert_int_equal(buf_bytes(&buf)[2999], '7');
    buf_fini(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_consumes),     cmocka_unit_test(keeps_its_maximum),
        cmocka_unit_test(survives_a_moving_window), cmocka_unit_test(gives_memory_back),
        cmocka_unit_test(prints_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
