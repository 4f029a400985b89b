/* h2_receive_test_kit.h: for tests: one session against a peer that is made of bytes. */
#ifndef HTTP_H2_RECEIVE_TEST_KIT_H
#define HTTP_H2_RECEIVE_TEST_KIT_H

#include "http/h2_test_kit.h"

#include <nghttp2/nghttp2.h>

#include "base/buf.h"

#define CALM 11
#define CONNECT ":method=CONNECT|:scheme=https|:authority=a|:path=/"
#define WEBSOCKET CONNECT "|:protocol=websocket"

enum {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
};

struct raw {
    uint8_t bytes[1 << 16];
    size_t len;
};

static struct raw raw;

static inline void add(const void *bytes, size_t len) {
    assert_true(len <= sizeof raw.bytes - raw.len);
    if (len > 0) {
        memcpy(raw.bytes + raw.len, bytes, len);
    }
    raw.len += len;
}

static inline void add_frame(uint8_t type, uint8_t flags, uint32_t stream_id, const void *bytes,
                             size_t len) {
    const uint8_t head[9] = {(uint8_t)(len >> 16),
                             (uint8_t)(len >> 8),
                             (uint8_t)len,
                             type,
                             flags,
                             (uint8_t)(stream_id >> 24),
                             (uint8_t)(stream_id >> 16),
                             (uint8_t)(stream_id >> 8),
                             (uint8_t)stream_id};
    add(head, sizeof head);
    add(bytes, len);
}

static inline void add_u32_frame(uint8_t type, uint32_t stream_id, uint32_t value) {
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    add_frame(type, 0, stream_id, bytes, sizeof bytes);
}

/* A header list as "name=value|name=value", as literals without indexing. */
static inline void add_headers(uint8_t flags, uint32_t stream_id, const char *list) {
    uint8_t block[1024];
    size_t len = 0;
    struct str rest = str_from(list);
    while (rest.len > 0) {
        struct str pair;
        struct str name;
        struct str value;
        str_cut(rest, '|', &pair, &rest);
        str_cut(pair, '=', &name, &value);
        block[len++] = 0;
        block[len++] = (uint8_t)name.len;
        memcpy(block + len, name.at, name.len);
        len += name.len;
        block[len++] = (uint8_t)value.len;
        memcpy(block + len, value.at, value.len);
        len += value.len;
    }
    add_frame(HEADERS, flags, stream_id, block, len);
}

#define END_STREAM 1
#define END_HEADERS 4
#define GET ":method=GET|:scheme=https|:authority=a.example|:path=/"

static inline void add_request(uint32_t stream_id, bool is_end) {
    add_headers(END_HEADERS | (is_end ? END_STREAM : 0), stream_id, GET);
}

static inline void begin_client(void) {
    raw.len = 0;
    add("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    add_frame(SETTINGS, 0, 0, NULL, 0);
}

static inline void begin_server(void) {
    raw.len = 0;
    add_frame(SETTINGS, 0, 0, NULL, 0);
}

static inline void feed(struct h2_session *session) {
    struct engine *engine = h2_session_engine(session);
    uint8_t *copy = (uint8_t *)memory_dup(raw.bytes, raw.len);
    engine->ops->feed(engine, copy, raw.len);
    memory_free(copy);
    raw.len = 0;
}

/* What the session said. */
struct said {
    size_t resets;
    uint32_t reset_code;
    size_t goaways;
    uint32_t goaway_code;
    unsigned status; /* of the last HEADERS */
};

/* The first field of a block; with a decoder of its own, for it must not lean on earlier ones. */
static inline unsigned read_status(const uint8_t *block, size_t len) {
    nghttp2_hd_inflater *inflater;
    nghttp2_nv nv;
    int flags = 0;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    assert_true(nghttp2_hd_inflate_hd2(inflater, &nv, &flags, block, len, 1) > 0);
    unsigned status = 0;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && nv.valuelen == 3) {
        status = (unsigned)(nv.value[0] - '0') * 100 + (unsigned)(nv.value[1] - '0') * 10 +
                 (unsigned)(nv.value[2] - '0');
    }
    nghttp2_hd_inflate_del(inflater);
    return status;
}

static inline void note_frame(struct said *said, const uint8_t *frame) {
    const uint8_t *payload = frame + 9;
    if (frame[3] == RST_STREAM) {
        said->resets++;
        said->reset_code = payload[3];
    } else if (frame[3] == GOAWAY) {
        said->goaways++;
        said->goaway_code = payload[7];
    } else if (frame[3] == HEADERS) {
        said->status =
            read_status(payload, (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
    }
}

static inline struct said drain(struct h2_session *session) {
    struct engine *engine = h2_session_engine(session);
    struct said said = {0};
    struct buf out;
    const uint8_t *bytes;
    buf_init(&out, 1 << 20);
    for (size_t len = engine->ops->peek(engine, &bytes); len > 0;
         len = engine->ops->peek(engine, &bytes)) {
        assert_int_equal(buf_append(&out, bytes, len), STATUS_OK);
        engine->ops->wrote(engine, len);
    }
    const uint8_t *at = buf_bytes(&out);
    size_t left = buf_len(&out);
    if (left >= 24 && at[0] == 'P') {
        at += 24;
        left -= 24;
    }
    while (left >= 9) {
        size_t frame = 9 + ((size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]);
        assert_true(frame <= left);
        note_frame(&said, at);
        at += frame;
        left -= frame;
    }
    assert_int_equal(left, 0);
    buf_fini(&out);
    return said;
}

static inline struct test_pair *new_server(enum h2_profile profile) {
    struct test_pair *pair = test_pair_bare();
    struct h2_config config = test_config(pair, H2_SERVER, profile);
    pair->server = h2_session_new(&config);
    begin_client();
    return pair;
}

/* With `count` requests open, the first with id 1. */
static inline struct test_pair *new_client(enum h2_profile profile, struct test_owner *owners,
                                           size_t count) {
    struct test_pair *pair = test_pair_bare();
    struct h2_config config = test_config(pair, H2_CLIENT, profile);
    pair->client = h2_session_new(&config);
    for (size_t i = 0; i < count; i++) {
        assert_true(test_open(pair, &owners[i], STR("GET"), true));
    }
    (void)drain(pair->client);
    begin_server();
    return pair;
}

#endif
