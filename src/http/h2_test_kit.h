/* h2_test_kit.h: for tests: two sessions back to back in memory, and owners that note what they are told. */
#ifndef HTTP_H2_TEST_KIT_H
#define HTTP_H2_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "http/h2_session.h"

#define TEST_OWNERS 300

/* One end of one exchange. What it should do by itself is set before; the rest is what it was told. */
struct test_owner {
    struct http_stream *stream;
    bool consumes;      /* at once */
    bool echoes;        /* sends back what comes, consumes when that is sent, ends when it ends */
    bool answers;       /* 204 as soon as asked */
    bool releases_data; /* in on_data */
    bool releases_head;
    unsigned interim_count;
    unsigned status;
    char text[256]; /* method, path, fields of the last head */
    char trailers[256];
    size_t received;
    uint64_t hash; /* of the bytes received */
    size_t sent;
    unsigned end_count;
    unsigned closed_count;
    enum http_close reason;
    bool is_released;
};

struct test_pair {
    struct block_pool pool;
    struct clock clock;
    int64_t now_ms;
    struct random_seeded random;
    struct h2_session *client;
    struct h2_session *server;
    struct test_owner owners[TEST_OWNERS]; /* of the server's streams, in order of arrival */
    struct test_owner fresh;               /* what each of them starts as */
    size_t request_count;
    unsigned ping_acks;
    unsigned goaways;
    unsigned settings;
    size_t chunk_max;
    bool aborts; /* the server's session, in the next request */
};

static inline uint64_t test_hash(uint64_t hash, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash;
}

static inline void test_release(struct test_owner *owner) {
    owner->is_released = true;
    http_stream_release(owner->stream);
}

static inline void test_join(char *out, size_t size, const struct http_fields *fields) {
    size_t at = strlen(out);
    for (size_t i = 0; i < fields->count && at < size; i++) {
        at += (size_t)snprintf(out + at, size - at, "|%.*s=%.*s", STR_ARG(fields->at[i].name),
                               STR_ARG(fields->at[i].value));
    }
}

static inline void test_on_head(void *context, const struct http_head *head, bool is_end) {
    struct test_owner *owner = context;
    (void)is_end;
    assert_false(owner->is_released);
    assert_int_equal(owner->status, 0);
    if (head->status < 200 && head->status != 101) {
        owner->interim_count++;
        return;
    }
    owner->status = head->status;
    owner->text[0] = 0;
    test_join(owner->text, sizeof owner->text, &head->fields);
    if (owner->releases_head) {
        test_release(owner);
    }
}

static inline void test_on_data(void *context, const uint8_t *bytes, size_t len) {
    struct test_owner *owner = context;
    assert_false(owner->is_released);
    assert_int_equal(owner->end_count, 0);
    owner->received += len;
    owner->hash = test_hash(owner->hash, bytes, len);
    if (owner->releases_data) {
        test_release(owner);
        return;
    }
    if (owner->echoes) {
        http_stream_send(owner->stream, bytes, len);
    } else if (owner->consumes) {
        http_stream_consumed(owner->stream, len);
    }
}

static inline void test_on_end(void *context, const struct http_fields *trailers) {
    struct test_owner *owner = context;
    assert_false(owner->is_released);
    owner->end_count++;
    if (trailers != NULL) {
        test_join(owner->trailers, sizeof owner->trailers, trailers);
    }
    if (owner->echoes) {
        http_stream_end(owner->stream, trailers);
    }
}

static inline void test_on_sent(void *context, size_t len) {
    struct test_owner *owner = context;
    assert_false(owner->is_released);
    owner->sent += len;
    if (owner->echoes) {
        http_stream_consumed(owner->stream, len);
    }
}

static inline void test_on_closed(void *context, enum http_close reason) {
    struct test_owner *owner = context;
    assert_false(owner->is_released);
    owner->closed_count++;
    owner->reason = reason;
    owner->stream = NULL;
}

static const struct http_stream_events test_events = {
    .on_head = test_on_head,
    .on_data = test_on_data,
    .on_end = test_on_end,
    .on_sent = test_on_sent,
    .on_closed = test_on_closed,
};

static inline struct http_head test_head(unsigned status, struct http_field *fields, size_t count) {
    struct http_head head = {.status = status, .fields = {fields, count, count}};
    if (status == 0) {
        head.method = STR("GET");
        head.scheme = STR("https");
        head.authority = STR("app.example");
        head.path = STR("/a?b=c");
    }
    return head;
}

static inline void test_answer(struct test_owner *owner, unsigned status, bool is_end) {
    struct http_head head = test_head(status, NULL, 0);
    http_stream_send_head(owner->stream, &head, is_end);
}

static inline void test_on_request(void *context, struct http_stream *stream,
                                   const struct http_head *head, bool is_end) {
    struct test_pair *pair = context;
    struct test_owner *owner = &pair->owners[pair->request_count++ % TEST_OWNERS];
    (void)is_end;
    *owner = pair->fresh;
    owner->stream = stream;
    http_stream_attach(stream, &test_events, owner);
    snprintf(owner->text, sizeof owner->text, "%.*s %.*s %.*s %.*s", STR_ARG(head->method),
             STR_ARG(head->scheme), STR_ARG(head->authority), STR_ARG(head->path));
    test_join(owner->text, sizeof owner->text, &head->fields);
    if (pair->aborts) {
        h2_session_abort(pair->server, 2);
    }
    if (owner->answers) {
        test_answer(owner, 204, true);
    }
    if (owner->echoes) {
        test_answer(owner, 200, false);
    }
    if (owner->releases_head) {
        test_release(owner);
    }
}

static inline void test_on_ping_ack(void *context, const uint8_t payload[8]) {
    struct test_pair *pair = context;
    assert_memory_equal(payload, "12345678", 8);
    pair->ping_acks++;
}

static inline void test_on_goaway(void *context) {
    ((struct test_pair *)context)->goaways++;
}

static inline void test_on_settings(void *context) {
    ((struct test_pair *)context)->settings++;
}

static inline int64_t test_now(void *context) {
    return ((struct test_pair *)context)->now_ms;
}

static inline struct h2_config test_config(struct test_pair *pair, enum h2_role role,
                                           enum h2_profile profile) {
    return (struct h2_config){
        .role = role,
        .profile = profile,
        .pool = &pair->pool,
        .clock = &pair->clock,
        .server = {test_on_request, pair},
        .on_ping_ack = test_on_ping_ack,
        .on_goaway = test_on_goaway,
        .on_settings = test_on_settings,
        .context = pair,
    };
}

/* Without sessions. */
static inline struct test_pair *test_pair_bare(void) {
    struct test_pair *pair = MEMORY_NEW(struct test_pair);
    block_pool_init(&pair->pool, 8);
    random_seeded_init(&pair->random, 20);
    pair->clock = (struct clock){test_now, test_now, pair};
    pair->now_ms = 1000;
    pair->chunk_max = 40000;
    return pair;
}

static inline struct test_pair *test_pair_new(enum h2_profile profile) {
    struct test_pair *pair = test_pair_bare();
    struct h2_config client = test_config(pair, H2_CLIENT, profile);
    struct h2_config server = test_config(pair, H2_SERVER, profile);
    pair->client = h2_session_new(&client);
    pair->server = h2_session_new(&server);
    return pair;
}

static inline void test_engine_free(struct h2_session **session) {
    if (*session != NULL) {
        struct engine *engine = h2_session_engine(*session);
        engine->ops->free(engine);
        *session = NULL;
    }
}

/* Also checks that every block came back. */
static inline void test_pair_free(struct test_pair *pair) {
    test_engine_free(&pair->client);
    test_engine_free(&pair->server);
    assert_int_equal(pair->pool.used_count, 0);
    block_pool_fini(&pair->pool);
    memory_free(pair);
}

/* Moves one chunk of random size; false if there was nothing. */
static inline bool test_move(struct test_pair *pair, struct h2_session *from,
                             struct h2_session *to) {
    struct engine *source = h2_session_engine(from);
    struct engine *sink = h2_session_engine(to);
    const uint8_t *bytes;
    size_t len = source->ops->peek(source, &bytes);
    if (len == 0) {
        return false;
    }
    size_t moved = 1 + (size_t)random_below(&pair->random.random, pair->chunk_max);
    moved = moved < len ? moved : len;
    uint8_t *copy = (uint8_t *)memory_dup(bytes, moved);
    source->ops->wrote(source, moved);
    sink->ops->feed(sink, copy, moved);
    memory_free(copy);
    return true;
}

static inline void test_pump(struct test_pair *pair) {
    bool has_moved = true;
    while (has_moved) {
        has_moved = test_move(pair, pair->client, pair->server);
        has_moved = test_move(pair, pair->server, pair->client) || has_moved;
    }
}

static inline enum engine_phase test_phase(struct h2_session *session) {
    struct engine *engine = h2_session_engine(session);
    return engine->ops->phase(engine);
}

static inline void test_lose(struct h2_session *session) {
    struct engine *engine = h2_session_engine(session);
    engine->ops->lost(engine);
}

/* Opens a request; `method` "GET" has no body. */
static inline bool test_open(struct test_pair *pair, struct test_owner *owner, struct str method,
                             bool is_end) {
    struct http_field fields[] = {{STR("accept"), STR("*/*")}, {STR("x-one"), STR("1")}};
    struct http_head head = test_head(0, fields, 2);
    head.method = method;
    owner->stream = h2_session_open(pair->client, &head, is_end, &test_events, owner);
    return owner->stream != NULL;
}

#endif
