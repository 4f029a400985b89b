#include "base/id.h"

#include <string.h>

#define BODY_LEN ((size_t)26)

static const char *const prefixes[ID_KIND_COUNT] = {
    [ID_ORGANIZATION] = "org", [ID_PROJECT] = "prj",    [ID_ENVIRONMENT] = "env",
    [ID_ROUTE] = "rt",         [ID_WARPGATE] = "wg",    [ID_SERVICE_ACCOUNT] = "sa",
    [ID_KEY] = "key",          [ID_MEMBER] = "mem",     [ID_SESSION] = "ses",
    [ID_EDGE] = "edg",         [ID_REQUEST] = "req",    [ID_EVENT] = "evt",
    [ID_CONTROL] = "ctl",      [ID_INVITATION] = "inv", [ID_JOIN_TOKEN] = "jt",
    [ID_OPERATION] = "op",     [ID_MAIL] = "mail",
};

/* Crockford's: without i, l, o and u. */
static const char alphabet[32] = "0123456789abcdefghjkmnpqrstvwxyz";

/* 128 bits in 26 characters of five: the two bits over are zeros in front, so that text sorts as the number does. */
static void encode_body(const uint8_t uuid[16], char out[26]) {
    unsigned bits = 0;
    unsigned held = 2;
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        bits = (bits << 8) | uuid[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            out[at++] = alphabet[(bits >> held) & 31];
        }
        bits &= 31;
    }
}

/* Over the first bytes of `uuid` goes the time. */
static struct id write_id(enum id_kind kind, uint64_t wall_ms, uint8_t uuid[16]) {
    struct id id = {0};
    for (unsigned i = 0; i < 6; i++) {
        uuid[i] = (uint8_t)(wall_ms >> (40 - 8 * i));
    }
    size_t len = strlen(prefixes[kind]);
    memcpy(id.text, prefixes[kind], len);
    id.text[len] = '_';
    encode_body(uuid, id.text + len + 1);
    return id;
}

struct id id_new(enum id_kind kind, const struct clock *clock, const struct random *random) {
    uint8_t uuid[16];
    random_fill(random, uuid, sizeof(uuid));
    uuid[6] = (uint8_t)(0x70 | (uuid[6] & 0x0f)); /* version 7 */
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f)); /* variant 10 */
    return write_id(kind, (uint64_t)clock_wall_ms(clock), uuid);
}

/* RFC 9562 §6.2, method 1: the twelve bits after the version count. */
struct id id_next(enum id_kind kind, const struct clock *clock, const struct random *random,
                  struct id_sequence *sequence) {
    uint8_t uuid[16];
    uint64_t now = (uint64_t)clock_wall_ms(clock);
    if (now > sequence->wall_ms) {
        sequence->wall_ms = now;
        sequence->count = 0;
    } else if (++sequence->count > 0xfff) {
        sequence->wall_ms++;
        sequence->count = 0;
    }
    random_fill(random, uuid, sizeof(uuid));
    uuid[6] = (uint8_t)(0x70 | (sequence->count >> 8));
    uuid[7] = (uint8_t)sequence->count;
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
    return write_id(kind, sequence->wall_ms, uuid);
}

struct id id_floor(enum id_kind kind, int64_t wall_ms) {
    uint8_t uuid[16] = {0};
    return write_id(kind, (uint64_t)wall_ms, uuid);
}

static bool is_body(struct str body) {
    if (body.len != BODY_LEN || body.at[0] < '0' || body.at[0] > '7') {
        return false;
    }
    for (size_t i = 0; i < body.len; i++) {
        if (memchr(alphabet, body.at[i], sizeof(alphabet)) == NULL) {
            return false;
        }
    }
    return true;
}

enum status id_parse(enum id_kind kind, struct str text, struct id *id) {
    struct str prefix;
    struct str body;
    if (!str_cut(text, '_', &prefix, &body) || !str_eq(prefix, str_from(prefixes[kind])) ||
        !is_body(body)) {
        return STATUS_INVALID;
    }
    *id = (struct id){0};
    memcpy(id->text, text.at, text.len);
    return STATUS_OK;
}

const char *id_prefix(enum id_kind kind) {
    return prefixes[kind];
}

struct str id_str(const struct id *id) {
    return str_from(id->text);
}

bool id_eq(const struct id *a, const struct id *b) {
    return str_eq(id_str(a), id_str(b));
}

bool id_is_none(const struct id *id) {
    return id->text[0] == '\0';
}
