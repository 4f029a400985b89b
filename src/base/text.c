#include "base/text.h"

static const char alphabet_url[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet_plain[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_hex(const void *bytes, size_t len, char *out) {
    static const char digits[16] = "0123456789abcdef";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[from[i] >> 4];
        out[2 * i + 1] = digits[from[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = str_lower_char(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum status text_hex_decode(struct str hex, uint8_t *out, size_t len) {
    if (hex.len % 2 != 0 || hex.len / 2 != len) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex.at[2 * i]);
        int low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return STATUS_INVALID;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return STATUS_OK;
}

/* Without padding; returns the length. */
static size_t encode(const char alphabet[64], const uint8_t *from, size_t len, char *out) {
    unsigned bits = 0;
    unsigned held = 0;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | from[i]) & 0xffff;
        held += 8;
        while (held >= 6) {
            held -= 6;
            out[at++] = alphabet[(bits >> held) & 63];
        }
    }
    if (held > 0) {
        out[at++] = alphabet[(bits << (6 - held)) & 63];
    }
    out[at] = '\0';
    return at;
}

size_t text_base64url(const void *bytes, size_t len, char *out) {
    return encode(alphabet_url, bytes, len, out);
}

size_t text_base64(const void *bytes, size_t len, char *out) {
    size_t at = encode(alphabet_plain, bytes, len, out);
    while (at % 4 != 0) {
        out[at++] = '=';
    }
    out[at] = '\0';
    return at;
}

/* The value of a base64 digit, or -1; the last two of the alphabet are given. */
static int base64_digit(char c, char c62, char c63) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == c62) {
        return 62;
    }
    return c == c63 ? 63 : -1;
}

/* Decodes digits without padding. Bits left over must be zero: one value has one text. */
static enum status decode(const char alphabet[64], struct str text, uint8_t *out, size_t *len) {
    unsigned bits = 0;
    unsigned held = 0;
    size_t at = 0;
    if (text.len % 4 == 1) {
        return STATUS_INVALID;
    }
    bool is_over = text.len / 4 * 3 + text.len % 4 * 3 / 4 > *len;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.at[i], alphabet[62], alphabet[63]);
        if (digit < 0) {
            return STATUS_INVALID;
        }
        bits = (bits << 6 | (unsigned)digit) & 0xffff;
        held += 6;
        if (held < 8) {
            continue;
        }
        held -= 8;
        if (!is_over) {
            out[at++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0) {
        return STATUS_INVALID;
    }
    if (is_over) {
        return STATUS_TOO_LARGE;
    }
    *len = at;
    return STATUS_OK;
}

enum status text_base64url_decode(struct str text, uint8_t *out, size_t *len) {
    return decode(alphabet_url, text, out, len);
}

enum status text_base64_decode(struct str text, uint8_t *out, size_t *len) {
    if (text.len % 4 != 0) {
        return STATUS_INVALID;
    }
    for (int padding = 0; padding < 2 && str_ends_with(text, STR("=")); padding++) {
        text.len--;
    }
    return decode(alphabet_plain, text, out, len);
}

/* Legal sequences by their first byte (RFC 3629 §4). The second byte's range shuts out overlongs, surrogates and what
 * lies over U+10FFFF; further bytes are 80 to bf. */
static const struct utf8_lead {
    uint8_t first, last;
    uint8_t second_min, second_max;
    uint8_t len;
} utf8_leads[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* The length of the well-formed sequence at the start of `at`, or 0. */
static size_t utf8_sequence(const uint8_t *at, size_t len) {
    if (at[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++) {
        const struct utf8_lead *lead = &utf8_leads[i];
        if (at[0] < lead->first || at[0] > lead->last) {
            continue;
        }
        if (len < lead->len || at[1] < lead->second_min || at[1] > lead->second_max) {
            return 0;
        }
        for (size_t k = 2; k < lead->len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf) {
                return 0;
            }
        }
        return lead->len;
    }
    return 0;
}

size_t text_utf8_prefix(struct str s) {
    const uint8_t *bytes = (const uint8_t *)s.at;
    size_t at = 0;
    while (at < s.len) {
        size_t step = utf8_sequence(bytes + at, s.len - at);
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

bool text_is_utf8(struct str s) {
    return text_utf8_prefix(s) == s.len;
}
