#include <arpa/inet.h>
#include <string.h>

#include "policy/setting.h"

#define V4_BITS 96
#define NOT_A_BLOCK "has to be an address or a block like 192.0.2.0/24 or 2001:db8::/32"

/* Both families as 16 bytes. `bits_max` is what a prefix may have in its own family. */
static bool parse_address(struct str text, uint8_t out[16], uint64_t *bits_max) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char name[INET6_ADDRSTRLEN];
    if (str_to_cstr(text, name, sizeof(name)) != STATUS_OK) {
        return false;
    }
    if (inet_pton(AF_INET, name, out + sizeof(mapped)) == 1) {
        memcpy(out, mapped, sizeof(mapped));
        *bits_max = 32;
        return true;
    }
    *bits_max = 128;
    return inet_pton(AF_INET6, name, out) == 1;
}

static bool has_bits_behind(const uint8_t address[16], unsigned bits) {
    for (unsigned i = bits; i < 128; i++) {
        if ((address[i / 8] >> (7 - i % 8) & 1) != 0) {
            return true;
        }
    }
    return false;
}

const char *setting_cidr_parse(struct str text, struct setting_cidr *cidr) {
    struct str address;
    struct str length;
    uint64_t bits_max = 0;
    uint64_t bits = 0;
    bool has_length = str_cut(text, '/', &address, &length);
    if (!parse_address(address, cidr->address, &bits_max)) {
        return NOT_A_BLOCK;
    }
    bits = bits_max;
    if (has_length && str_to_u64(length, bits_max, &bits) != STATUS_OK) {
        return NOT_A_BLOCK;
    }
    cidr->bits = (uint8_t)(bits + (bits_max == 32 ? V4_BITS : 0));
    if (has_bits_behind(cidr->address, cidr->bits)) {
        return "has bits set behind the length of its prefix";
    }
    return NULL;
}

static bool holds(const struct setting_cidr *cidr, const uint8_t address[16]) {
    unsigned whole = cidr->bits / 8;
    unsigned rest = cidr->bits % 8;
    if (memcmp(cidr->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || (cidr->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool setting_is_address(struct str text) {
    uint8_t bytes[16];
    uint64_t bits_max;
    struct str bare;
    struct str zone;
    (void)str_cut(text, '%', &bare, &zone);
    return parse_address(bare, bytes, &bits_max);
}

bool setting_cidrs_hold(struct setting_list cidrs, struct str address) {
    const struct setting_cidr *at = cidrs.at;
    uint8_t bytes[16];
    uint64_t bits_max;
    struct str bare;
    struct str zone;
    (void)str_cut(address, '%', &bare, &zone);
    if (!parse_address(bare, bytes, &bits_max)) {
        return false;
    }
    for (size_t i = 0; i < cidrs.count; i++) {
        if (holds(&at[i], bytes)) {
            return true;
        }
    }
    return false;
}
