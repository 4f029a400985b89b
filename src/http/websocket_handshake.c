#include "http/websocket_handshake.h"

#include <string.h>

#include "base/text.h"

#define KEY_BYTES 16
#define KEY_TEXT_MAX 64

/* --- SHA-1 (FIPS 180-4 §6.1): a checksum here, so it does not bring a crypto library into this layer --- */

#define SHA1_BLOCK 64
#define SHA1_BYTES 20

static uint32_t rotate(uint32_t x, unsigned bits) {
    return x << bits | x >> (32 - bits);
}

static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d) {
    if (round < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999;
    }
    if (round < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1;
    }
    if (round < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    }
    return (b ^ c ^ d) + 0xca62c1d6;
}

static uint32_t read_be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void add_block(uint32_t state[5], const uint8_t block[SHA1_BLOCK]) {
    uint32_t words[80];
    uint32_t v[5];
    memcpy(v, state, sizeof v);
    for (unsigned i = 0; i < 80; i++) {
        words[i] = i < 16 ? read_be32(block + (size_t)4 * i)
                          : rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        uint32_t next = rotate(v[0], 5) + mix(i, v[1], v[2], v[3]) + v[4] + words[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (unsigned i = 0; i < 5; i++) {
        state[i] += v[i];
    }
}

/* Of less than two blocks, padding included. */
static void sha1(const char *text, size_t len, uint8_t digest[SHA1_BYTES]) {
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t padded[2 * SHA1_BLOCK] = {0};
    size_t end = len + 9 <= SHA1_BLOCK ? SHA1_BLOCK : 2 * SHA1_BLOCK;
    memcpy(padded, text, len);
    padded[len] = 0x80;
    padded[end - 2] = (uint8_t)(len * 8 >> 8);
    padded[end - 1] = (uint8_t)(len * 8);
    for (size_t at = 0; at < end; at += SHA1_BLOCK) {
        add_block(state, padded + at);
    }
    for (unsigned i = 0; i < SHA1_BYTES; i++) {
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    }
}

/* --- keys --- */

bool websocket_handshake_is_key(struct str key) {
    uint8_t bytes[KEY_BYTES + 2];
    size_t len = sizeof bytes;
    return key.len == WEBSOCKET_KEY_SIZE - 1 && text_base64_decode(key, bytes, &len) == STATUS_OK &&
           len == KEY_BYTES;
}

void websocket_handshake_make_key(const struct random *random, char out[WEBSOCKET_KEY_SIZE]) {
    uint8_t bytes[KEY_BYTES];
    random_fill(random, bytes, sizeof bytes);
    (void)text_base64(bytes, sizeof bytes, out);
}

void websocket_handshake_accept(struct str key, char out[WEBSOCKET_ACCEPT_SIZE]) {
    static const struct str guid = STR_INIT("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    char text[KEY_TEXT_MAX + 36];
    uint8_t digest[SHA1_BYTES];
    size_t len = key.len < KEY_TEXT_MAX ? key.len : KEY_TEXT_MAX;
    memcpy(text, key.at, len);
    memcpy(text + len, guid.at, guid.len);
    sha1(text, len + guid.len, digest);
    (void)text_base64(digest, sizeof digest, out);
}

/* --- what was offered and what was chosen --- */

/* The next element of a comma-separated list, without its parameters; false at the end. */
static bool next_element(struct str *list, struct str *name) {
    struct str parameters;
    while (list->len > 0) {
        (void)str_cut(*list, ',', name, list);
        (void)str_cut(*name, ';', name, &parameters);
        *name = str_trim(*name);
        if (name->len > 0) {
            return true;
        }
    }
    return false;
}

static bool is_offered(const struct http_fields *asked, struct str field, struct str wanted) {
    for (size_t i = 0; i < asked->count; i++) {
        struct str list = asked->at[i].value;
        struct str name;
        if (!str_eq(asked->at[i].name, field)) {
            continue;
        }
        while (next_element(&list, &name)) {
            if (str_eq(name, wanted)) {
                return true;
            }
        }
    }
    return false;
}

/* How many elements of `field` the answer has, or SIZE_MAX if one of them was not offered. */
static size_t count_chosen(const struct http_fields *asked, const struct http_fields *answer,
                           struct str field) {
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++) {
        struct str list = answer->at[i].value;
        struct str name;
        if (!str_eq(answer->at[i].name, field)) {
            continue;
        }
        while (next_element(&list, &name)) {
            if (!is_offered(asked, field, name)) {
                return SIZE_MAX;
            }
            count++;
        }
    }
    return count;
}

bool websocket_handshake_is_asked(const struct http_fields *asked,
                                  const struct http_fields *answer) {
    return count_chosen(asked, answer, STR("sec-websocket-protocol")) <= 1 &&
           count_chosen(asked, answer, STR("sec-websocket-extensions")) != SIZE_MAX;
}
