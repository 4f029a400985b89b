#include "edge/edge_cancel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define STREAMS 2000

/* Streams that only note how they end. */
struct fake {
    struct http_stream base;
    bool is_released;
};

static struct fake fakes[STREAMS];
static struct arena arena;
static struct edge_cancels cancels;
static unsigned released;
static size_t consumed;

static void release(struct http_stream *stream) {
    struct fake *fake = (struct fake *)stream;
    assert_false(fake->is_released);
    fake->is_released = true;
    released++;
}

static void consume(struct http_stream *stream, size_t len) {
    (void)stream;
    consumed += len;
}

static const struct http_stream_ops ops = {.release = release, .consumed = consume};

static int start(void **state) {
    (void)state;
    arena_init(&arena);
    released = 0;
    for (size_t i = 0; i < STREAMS; i++) {
        fakes[i] = (struct fake){.base = {.ops = &ops, .arena = &arena}};
    }
    edge_cancel_init(&cancels, 1000);
    return 0;
}

static int stop(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void cancel(size_t from, size_t to, int64_t now_ms) {
    for (size_t i = from; i < to; i++) {
        edge_cancel_exchange(&cancels, &fakes[i].base, now_ms);
    }
}

static void a_burst_passes_and_the_rest_follows(void **state) {
    (void)state;
    cancel(0, STREAMS, 1000);
    assert_int_equal(released, EDGE_CANCEL_BURST);
    edge_cancel_sweep(&cancels, 1250);
    assert_int_equal(released, EDGE_CANCEL_BURST + 250);
    edge_cancel_sweep(&cancels, 10000);
    edge_cancel_sweep(&cancels, 10500);
    edge_cancel_sweep(&cancels, 11000);
    assert_int_equal(released, STREAMS);
    assert_true(list_is_empty(&cancels.late));
}

static void they_keep_their_order(void **state) {
    (void)state;
    cancel(0, EDGE_CANCEL_BURST + 1, 1000);
    cancel(EDGE_CANCEL_BURST + 1, EDGE_CANCEL_BURST + 2,
           5000); /* waits, though there is room again */
    assert_int_equal(released, EDGE_CANCEL_BURST);
    edge_cancel_sweep(&cancels, 5000);
    assert_int_equal(released, EDGE_CANCEL_BURST + 2);
}

static void one_that_ends_meanwhile_is_forgotten(void **state) {
    (void)state;
    cancel(0, EDGE_CANCEL_BURST + 2, 1000);
    struct http_stream *stream = &fakes[EDGE_CANCEL_BURST].base;
    stream->events->on_data(stream->owner, (const uint8_t *)"x", 1);
    stream->events->on_closed(stream->owner, HTTP_CLOSE_DONE);
    edge_cancel_sweep(&cancels, 2000);
    assert_false(fakes[EDGE_CANCEL_BURST].is_released);
    assert_true(fakes[EDGE_CANCEL_BURST + 1].is_released);
    assert_true(list_is_empty(&cancels.late));
}

static void what_lingers_is_read_and_ends_by_itself(void **state) {
    (void)state;
    edge_cancel_linger(&cancels, &fakes[0].base, 1000);
    edge_cancel_linger(&cancels, &fakes[1].base, 1000);
    edge_cancel_linger(&cancels, &fakes[2].base, 2000);
    struct http_stream *stream = &fakes[0].base;
    stream->events->on_data(stream->owner, (const uint8_t *)"x", 7);
    assert_int_equal(consumed, 7);
    stream->events->on_end(stream->owner, NULL);
    stream->events->on_closed(stream->owner, HTTP_CLOSE_DONE);
    edge_cancel_sweep(&cancels, 1000 + EDGE_CANCEL_LINGER_MS - 1);
    assert_int_equal(released, 0);
    edge_cancel_sweep(&cancels, 1000 + EDGE_CANCEL_LINGER_MS);
    assert_int_equal(released, 1);
    assert_true(fakes[1].is_released);
    edge_cancel_sweep(&cancels, 2000 + EDGE_CANCEL_LINGER_MS);
    assert_int_equal(released, 2);
    assert_true(list_is_empty(&cancels.lingering));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_burst_passes_and_the_rest_follows),
        TEST(they_keep_their_order),
        TEST(one_that_ends_meanwhile_is_forgotten),
        TEST(what_lingers_is_read_and_ends_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
