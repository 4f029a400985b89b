#include "edge/edge_affinity.h"

#include <stdio.h>

#include "pki/digest.h"
#include "policy/field_cookie.h"

void edge_affinity_make(const struct id *environment, const struct id *warpgate,
                        char out[EDGE_AFFINITY_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * ID_SIZE + 16];
    uint8_t digest[DIGEST_BYTES];
    (void)snprintf(text, sizeof text, "affinity %s %s", environment->text, warpgate->text);
    digest_sha256(str_from(text), digest);
    for (size_t i = 0; i + 1 < EDGE_AFFINITY_SIZE; i++) {
        out[i] = digits[i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15];
    }
    out[EDGE_AFFINITY_SIZE - 1] = '\0';
}

struct str edge_affinity_take(struct http_fields *fields, struct arena *arena) {
    return field_cookie_take(fields, arena, STR(EDGE_AFFINITY_COOKIE));
}

void edge_affinity_give(struct http_fields *fields, struct arena *arena, const char *affinity) {
    http_fields_add(fields, arena, STR("set-cookie"),
                    arena_printf(arena,
                                 EDGE_AFFINITY_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Lax",
                                 affinity));
}
