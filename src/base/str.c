#include "base/str.h"

#include <string.h>

#include "base/random.h"

/* The key of str_hash. Drawn before main, so that no lookup has to ask whether it is there. */
static uint64_t hash_key[2];

__attribute__((constructor)) static void draw_hash_key(void) {
    random_fill(random_system(), hash_key, sizeof(hash_key));
}

struct str str_from(const char *terminated) {
    if (terminated == NULL) {
        return STR_EMPTY;
    }
    return (struct str){terminated, strlen(terminated)};
}

bool str_eq_nocase(struct str a, struct str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (str_lower_char(a.at[i]) != str_lower_char(b.at[i])) {
            return false;
        }
    }
    return true;
}

bool str_ends_with(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq(str_make(s.at + (s.len - suffix.len), suffix.len), suffix);
}

struct str str_sub(struct str s, size_t offset, size_t len) {
    if (offset > s.len) {
        offset = s.len;
    }
    size_t rest = s.len - offset;
    return str_make(s.at + offset, len < rest ? len : rest);
}

size_t str_find(struct str s, char c) {
    if (s.len == 0) {
        return 0;
    }
    const char *found = memchr(s.at, c, s.len);
    return found == NULL ? s.len : (size_t)(found - s.at);
}

bool str_cut(struct str s, char c, struct str *head, struct str *tail) {
    size_t at = str_find(s, c);
    *head = str_make(s.at, at);
    if (at == s.len) {
        *tail = STR_EMPTY;
        return false;
    }
    *tail = str_make(s.at + at + 1, s.len - at - 1);
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s) {
    while (s.len > 0 && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

enum status str_to_u64(struct str s, uint64_t max, uint64_t *value) {
    uint64_t sum = 0;
    bool is_over = false;
    if (s.len == 0) {
        return STATUS_INVALID;
    }
    /* To the end even when it is too large: a stray character is the graver fault. */
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return STATUS_INVALID;
        }
        is_over = is_over || __builtin_mul_overflow(sum, 10, &sum) ||
                  __builtin_add_overflow(sum, (uint64_t)(s.at[i] - '0'), &sum);
    }
    if (is_over || sum > max) {
        return STATUS_TOO_LARGE;
    }
    *value = sum;
    return STATUS_OK;
}

enum status str_to_cstr(struct str s, char *out, size_t out_size) {
    if (s.len >= out_size) {
        return STATUS_TOO_LARGE;
    }
    if (str_find(s, '\0') != s.len) {
        return STATUS_INVALID;
    }
    if (s.len > 0) {
        memcpy(out, s.at, s.len);
    }
    out[s.len] = '\0';
    return STATUS_OK;
}

void str_lower(struct str s, char *out) {
    for (size_t i = 0; i < s.len; i++) {
        out[i] = str_lower_char(s.at[i]);
    }
}

struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t value, unsigned bits) {
    return (value << bits) | (value >> (64 - bits));
}

static inline void sip_round(struct sip *v) {
    v->a += v->b;
    v->c += v->d;
    v->b = rotate(v->b, 13) ^ v->a;
    v->d = rotate(v->d, 16) ^ v->c;
    v->a = rotate(v->a, 32) + v->d;
    v->c += v->b;
    v->d = rotate(v->d, 21) ^ v->a;
    v->b = rotate(v->b, 17) ^ v->c;
    v->c = rotate(v->c, 32);
}

/* SipHash-1-3: quick on host names, and nobody without the key can make keys collide. */
uint64_t str_hash(struct str s) {
    struct sip v = {hash_key[0] ^ 0x736f6d6570736575u, hash_key[1] ^ 0x646f72616e646f6du,
                    hash_key[0] ^ 0x6c7967656e657261u, hash_key[1] ^ 0x7465646279746573u};
    size_t i = 0;
    uint64_t word;
    for (; s.len - i >= 8; i += 8) {
        memcpy(&word, s.at + i, 8);
        v.d ^= word;
        sip_round(&v);
        v.a ^= word;
    }
    word = (uint64_t)s.len << 56;
    for (unsigned shift = 0; i < s.len; i++, shift += 8) {
        word |= (uint64_t)(uint8_t)s.at[i] << shift;
    }
    v.d ^= word;
    sip_round(&v);
    v.a ^= word;
    v.c ^= 0xff;
    sip_round(&v);
    sip_round(&v);
    sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}
