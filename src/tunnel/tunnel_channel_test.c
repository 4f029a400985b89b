#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "tunnel/tunnel_channel.h"

/* A stream that only remembers what was asked of it. */
struct fake_stream {
    struct http_stream stream;
    struct buf sent;
    size_t consumed;
    unsigned end_count;
    unsigned release_count;
};

static void fake_send(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct fake_stream *fake = (struct fake_stream *)stream;
    stream->unsent += len;
    assert_int_equal(buf_append(&fake->sent, bytes, len), STATUS_OK);
}

static void fake_end(struct http_stream *stream, const struct http_fields *trailers) {
    assert_null(trailers);
    ((struct fake_stream *)stream)->end_count++;
}

static void fake_consumed(struct http_stream *stream, size_t len) {
    ((struct fake_stream *)stream)->consumed += len;
}

static void fake_release(struct http_stream *stream) {
    ((struct fake_stream *)stream)->release_count++;
}

static const struct http_stream_ops fake_ops = {
    .send = fake_send, .end = fake_end, .consumed = fake_consumed, .release = fake_release};

struct fixture {
    struct fake_stream fake;
    struct tunnel_channel *channel;
    unsigned record_count;
    unsigned closed_count;
    unsigned head_count;
    char slug[48];
    bool frees_on_record;
    bool frees_on_closed;
};

static void see_head(void *owner, const struct http_head *head) {
    (void)head;
    ((struct fixture *)owner)->head_count++;
}

static void see_record(void *owner, const json_t *object) {
    struct fixture *fixture = owner;
    assert_true(json_is_object(object));
    fixture->record_count++;
    if (fixture->frees_on_record) {
        tunnel_channel_free(&fixture->channel);
    }
}

static void see_closed(void *owner, const struct why *why) {
    struct fixture *fixture = owner;
    fixture->closed_count++;
    memcpy(fixture->slug, why->slug, sizeof(fixture->slug));
    if (fixture->frees_on_closed) {
        tunnel_channel_free(&fixture->channel);
    }
}

static const struct tunnel_channel_events events = {see_head, see_record, see_closed};

static void start(struct fixture *fixture) {
    *fixture = (struct fixture){.fake.stream.ops = &fake_ops};
    buf_init(&fixture->fake.sent, (size_t)20 << 20);
    fixture->channel = tunnel_channel_new(&events, fixture);
    tunnel_channel_attach(fixture->channel, &fixture->fake.stream);
}

static void finish(struct fixture *fixture) {
    tunnel_channel_free(&fixture->channel);
    assert_null(fixture->channel);
    buf_fini(&fixture->fake.sent);
}

static void feed(struct fixture *fixture, const char *bytes, size_t len) {
    struct http_stream *stream = &fixture->fake.stream;
    stream->events->on_data(stream->owner, (const uint8_t *)bytes, len);
}

#define TWO_PINGS "\0\0\0\x0f{\"type\":\"ping\"}\0\0\0\x0f{\"type\":\"ping\"}"

static void test_records_come_and_go(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    feed(&fixture, TWO_PINGS, 20);
    assert_int_equal(fixture.record_count, 1);
    feed(&fixture, TWO_PINGS + 20, 18);
    assert_int_equal(fixture.record_count, 2);
    assert_int_equal(fixture.fake.consumed, 38);
    json_t *ping = json_pack("{s:s}", "type", "ping");
    tunnel_channel_send(fixture.channel, ping);
    json_decref(ping);
    assert_memory_equal(buf_bytes(&fixture.fake.sent), TWO_PINGS, 19);
    finish(&fixture);
    assert_int_equal(fixture.fake.end_count, 1);
    assert_int_equal(fixture.fake.release_count, 1);
    assert_int_equal(fixture.closed_count, 0);
}

static void test_malformed_bytes_close_once(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    feed(&fixture, "\0\0\0\2[]", 6);
    assert_int_equal(fixture.closed_count, 1);
    assert_string_equal(fixture.slug, "member_type");
    assert_int_equal(fixture.fake.release_count, 1);
    tunnel_channel_send(fixture.channel, json_null());
    assert_int_equal(buf_len(&fixture.fake.sent), 0);
    finish(&fixture);
    assert_int_equal(fixture.fake.release_count, 1);
}

static void test_the_peers_end_closes(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    fixture.frees_on_closed = true;
    fixture.fake.stream.events->on_end(fixture.fake.stream.owner, NULL);
    assert_string_equal(fixture.slug, "channel_ended");
    assert_null(fixture.channel);
    finish(&fixture);
}

static void test_a_lost_stream_is_not_released(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    fixture.fake.stream.events->on_closed(fixture.fake.stream.owner, HTTP_CLOSE_LOST);
    assert_string_equal(fixture.slug, "channel_lost");
    finish(&fixture);
    assert_int_equal(fixture.fake.release_count, 0);
}

static void test_the_owner_may_free_inside_a_record(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    fixture.frees_on_record = true;
    feed(&fixture, TWO_PINGS, 38);
    assert_int_equal(fixture.record_count, 1);
    assert_int_equal(fixture.closed_count, 0);
    finish(&fixture);
}

static void test_unsent_output_is_bounded(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    json_t *big = json_pack("{s:s,s:o}", "type", "bundle", "jws", json_string(""));
    char *text = calloc(1, (7u << 20) + 1);
    memset(text, 'a', 7u << 20);
    json_object_set_new(big, "jws", json_string(text));
    free(text);
    for (int i = 0; i < 3; i++) {
        tunnel_channel_send(fixture.channel, big);
    }
    json_decref(big);
    assert_true(buf_len(&fixture.fake.sent) < (15u << 20));
    assert_int_equal(fixture.closed_count, 0);
    assert_true(tunnel_channel_is_stuck(fixture.channel, 1));
    fixture.fake.stream.events->on_sent(fixture.fake.stream.owner, 1);
    assert_int_equal(fixture.closed_count, 1);
    assert_string_equal(fixture.slug, "channel_overflow");
    finish(&fixture);
}

static void test_a_peer_that_takes_nothing_is_stuck(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture);
    json_t *ping = json_pack("{s:s}", "type", "ping");
    int64_t now_ms = 1000;
    assert_false(tunnel_channel_is_stuck(fixture.channel, now_ms));
    now_ms += 10 * TUNNEL_CHANNEL_STUCK_MS; /* nothing waits */
    assert_false(tunnel_channel_is_stuck(fixture.channel, now_ms));
    tunnel_channel_send(fixture.channel, ping);
    assert_false(tunnel_channel_is_stuck(fixture.channel, now_ms + TUNNEL_CHANNEL_STUCK_MS - 1));
    fixture.fake.stream.events->on_sent(fixture.fake.stream.owner, 1);
    now_ms += TUNNEL_CHANNEL_STUCK_MS + 1;
    assert_false(tunnel_channel_is_stuck(fixture.channel, now_ms));
    assert_false(tunnel_channel_is_stuck(fixture.channel, now_ms + TUNNEL_CHANNEL_STUCK_MS - 1));
    assert_true(tunnel_channel_is_stuck(fixture.channel, now_ms + TUNNEL_CHANNEL_STUCK_MS));
    json_decref(ping);
    finish(&fixture);
}

static void test_a_client_needs_status_200(void **state) {
    (void)state;
    struct fixture fixture;
    struct http_head head = {.status = 100};
    start(&fixture);
    fixture.fake.stream.events->on_head(fixture.fake.stream.owner, &head, false);
    assert_int_equal(fixture.head_count, 0);
    head.status = 503;
    fixture.fake.stream.events->on_head(fixture.fake.stream.owner, &head, false);
    assert_int_equal(fixture.head_count, 1);
    assert_string_equal(fixture.slug, "channel_refused");
    finish(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_and_go),
        cmocka_unit_test(test_malformed_bytes_close_once),
        cmocka_unit_test(test_the_peers_end_closes),
        cmocka_unit_test(test_a_lost_stream_is_not_released),
        cmocka_unit_test(test_the_owner_may_free_inside_a_record),
        cmocka_unit_test(test_unsent_output_is_bounded),
        cmocka_unit_test(test_a_peer_that_takes_nothing_is_stuck),
        cmocka_unit_test(test_a_client_needs_status_200),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
