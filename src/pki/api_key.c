#include "pki/api_key.h"

#include <stdlib.h>

#define RANDOM_LEN ((size_t)44)
#define CHECKSUM_LEN ((size_t)6) /* 62^6 > 2^32 */
#define BASE 62

_Static_assert(RANDOM_LEN + CHECKSUM_LEN == API_KEY_LENGTH, "the parts make the whole");

static const char digits[BASE + 1] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 (IEEE 802.3), bit by bit: 44 bytes are few. It tells every burst of up to 32 bits, and so every wrong character
 * and every swapped pair of neighbours; the pair over the border is told too, as the tests show. */
static uint32_t crc32(struct str text) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (uint8_t)text.at[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320 & (0u - (crc & 1)));
        }
    }
    return ~crc;
}

static void write_checksum(struct str random_part, char out[CHECKSUM_LEN]) {
    uint32_t rest = crc32(random_part);
    for (size_t i = CHECKSUM_LEN; i > 0; i--) {
        out[i - 1] = digits[rest % BASE];
        rest /= BASE;
    }
}

void api_key_new(const struct random *random, struct secret *key) {
    char text[API_KEY_LENGTH];
    for (size_t i = 0; i < RANDOM_LEN; i++) {
        text[i] = digits[random_below(random, BASE)];
    }
    write_checksum(str_make(text, RANDOM_LEN), text + RANDOM_LEN);
    if (secret_set(key, str_make(text, sizeof(text))) != STATUS_OK) {
        abort(); /* 50 characters fit */
    }
    secret_wipe(text, sizeof(text));
}

static bool is_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

enum status api_key_check(struct str key, struct why *why) {
    char checksum[CHECKSUM_LEN];
    if (key.len != API_KEY_LENGTH) {
        return why_set(why, STATUS_INVALID, "key_length", "a key has %d characters, this one %zu",
                       API_KEY_LENGTH, key.len);
    }
    for (size_t i = 0; i < key.len; i++) {
        if (!is_digit(key.at[i])) {
            return why_set(why, STATUS_INVALID, "key_character",
                           "character %zu of the key is neither a letter nor a digit", i + 1);
        }
    }
    write_checksum(str_sub(key, 0, RANDOM_LEN), checksum);
    bool is_same = secret_equal(checksum, CHECKSUM_LEN, key.at + RANDOM_LEN, CHECKSUM_LEN);
    secret_wipe(checksum, sizeof(checksum));
    if (!is_same) {
        return why_set(why, STATUS_INVALID, "key_checksum", "the key has a typing error");
    }
    return STATUS_OK;
}

void api_key_hash(struct str key, uint8_t out[DIGEST_BYTES]) {
    digest_sha256(key, out);
}
