#include "http/http_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fake {
    struct http_stream stream;
    size_t consumed;
};

static void count_consumed(struct http_stream *stream, size_t len) {
    ((struct fake *)stream)->consumed += len;
}

static void discarded_bytes_are_consumed(void **state) {
    static const struct http_stream_ops ops = {.consumed = count_consumed};
    struct fake fake = {.stream = {.ops = &ops}};
    struct http_stream *stream = &fake.stream;
    (void)state;
    http_stream_discard(stream);
    stream->events->on_data(stream->owner, (const uint8_t *)"abc", 3);
    stream->events->on_data(stream->owner, (const uint8_t *)"de", 2);
    stream->events->on_sent(stream->owner, 7);
    stream->events->on_end(stream->owner, NULL);
    stream->events->on_closed(stream->owner, HTTP_CLOSE_DONE);
    assert_int_equal(fake.consumed, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discarded_bytes_are_consumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
