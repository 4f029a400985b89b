/* websocket_frames_test.c: boundaries of frames, in pieces of every size. */
#include "http/websocket_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void feed(struct websocket_frames *frames, struct str bytes) {
    websocket_frames_feed(frames, (const uint8_t *)bytes.at, bytes.len);
}

struct frame_case {
    const char *what;
    struct str bytes;
    bool is_masked;
    enum websocket_frames_state state; /* after all of it */
    bool has_close;
};

#define CASE(what, bytes, is_masked, state, has_close)                                             \
    { what, STR_INIT(bytes), is_masked, WEBSOCKET_FRAMES_##state, has_close }

static const struct frame_case cases[] = {
    CASE("nothing", "", false, BETWEEN, false),
    CASE("text", "\x81\x05Hello", false, BETWEEN, false),
    CASE("masked text", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", true, BETWEEN, false),
    CASE("in fragments, with a ping between", "\x01\x03Hel\x89\x00\x80\x02lo", false, BETWEEN,
         false),
    CASE("half a head", "\x81", false, HEAD, false),
    CASE("half a mask", "\x81\x85\x37\xfa", true, HEAD, false),
    CASE("half a payload", "\x81\x05Hel", false, PAYLOAD, false),
    CASE("empty", "\x82\x00", false, BETWEEN, false),
    CASE("compressed", "\xc1\x01x", false, BETWEEN, false),
    CASE("close", "\x88\x02\x03\xe8", false, BETWEEN, true),
    CASE("close without a code",
         "\x88\x80"
         "abcd",
         true, BETWEEN, true),
    CASE("half a close", "\x88\x02\x03", false, PAYLOAD, false),
    CASE("close, and on", "\x88\x00\x81\x01x", false, BETWEEN, true),
    CASE("length in two, complete head", "\x82\x7e\x01\x00", false, PAYLOAD, false),
    CASE("length in eight, complete head", "\x82\x7f\0\0\0\0\0\1\0\0", false, PAYLOAD, false),
    CASE("the longest", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffxxx", false, PAYLOAD, false),
    /* malformed */
    CASE("reserved opcode", "\x83\x00", false, UNKNOWN, false),
    CASE("reserved control opcode", "\x8b\x00", false, UNKNOWN, false),
    CASE("unmasked from a client", "\x81\x00", true, UNKNOWN, false),
    CASE("masked from a server", "\x81\x80", false, UNKNOWN, false),
    CASE("long ping", "\x89\x7e", false, UNKNOWN, false),
    CASE("ping in fragments", "\x09\x00", false, UNKNOWN, false),
    CASE("length in two that fits in one", "\x82\x7e\x00\x7d", false, UNKNOWN, false),
    CASE("length in eight that fits in two", "\x82\x7f\0\0\0\0\0\0\xff\xff", false, UNKNOWN, false),
    CASE("length over 2^63", "\x82\x7f\x80\0\0\0\0\0\0\0", false, UNKNOWN, false),
    CASE("no WebSocket, and what looks like one", "HTTP/1.1\r\n\x88\x00", false, UNKNOWN, false),
};

static void boundaries_are_found_in_any_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step < 16; step++) {
            struct websocket_frames frames;
            websocket_frames_init(&frames, cases[i].is_masked);
            for (size_t at = 0; at < cases[i].bytes.len; at += step) {
                feed(&frames, str_sub(cases[i].bytes, at, step));
            }
            if (frames.state != cases[i].state || frames.has_close != cases[i].has_close) {
                fail_msg("%s in steps of %zu: %d", cases[i].what, step, (int)frames.state);
            }
            bool may_close = cases[i].state == WEBSOCKET_FRAMES_BETWEEN && !cases[i].has_close;
            assert_int_equal(websocket_frames_may_close(&frames), may_close);
        }
    }
}

static void long_frames_end_where_they_say(void **state) {
    (void)state;
    static uint8_t zeros[70000];
    struct websocket_frames frames;
    websocket_frames_init(&frames, false);
    feed(&frames, STR("\x82\x7f\0\0\0\0\0\1\x11\x70")); /* 70,000 */
    websocket_frames_feed(&frames, zeros, 69999);
    assert_false(websocket_frames_may_close(&frames));
    websocket_frames_feed(&frames, zeros, 1);
    assert_true(websocket_frames_may_close(&frames));
}

static void what_is_put_in_is_a_close_frame(void **state) {
    (void)state;
    static const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t out[WEBSOCKET_FRAMES_CLOSE_MAX];
    for (unsigned i = 0; i < 2; i++) {
        bool is_masked = i == 1;
        size_t len =
            websocket_frames_put_close(WEBSOCKET_FRAMES_GOING_AWAY, is_masked ? mask : NULL, out);
        if (is_masked) {
            assert_int_equal(len, 8);
            assert_memory_equal(out, "\x88\x82\1\2\3\4\x02\xeb", 8);
        } else {
            assert_int_equal(len, 4);
            assert_memory_equal(out, "\x88\x02\x03\xe9", 4);
        }
        struct websocket_frames frames;
        websocket_frames_init(&frames, is_masked);
        websocket_frames_feed(&frames, out, len);
        assert_true(frames.has_close);
        assert_int_equal(frames.state, WEBSOCKET_FRAMES_BETWEEN);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_are_found_in_any_pieces),
        cmocka_unit_test(long_frames_end_where_they_say),
        cmocka_unit_test(what_is_put_in_is_a_close_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
