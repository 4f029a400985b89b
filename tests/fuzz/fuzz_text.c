/* fuzz_text.c: the small decoders. What one of them accepts has exactly one canonical text. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static uint8_t out[4096];
    static char back[TEXT_BASE64_SIZE(sizeof(out))];
    struct str text = str_make(bytes, len);
    size_t room = sizeof(out);
    int64_t ms;
    struct id id;
    if (text_base64_decode(text, out, &room) == STATUS_OK &&
        !str_eq(text, str_make(back, text_base64(out, room, back)))) {
        abort();
    }
    room = len % sizeof(out);
    if (text_base64url_decode(text, out, &room) == STATUS_OK &&
        !str_eq(text, str_make(back, text_base64url(out, room, back)))) {
        abort();
    }
    (void)!text_hex_decode(text, out, len / 2 < sizeof(out) ? len / 2 : 0);
    if (text_is_utf8(text) != (text_utf8_prefix(text) == len) ||
        (id_parse(ID_ROUTE, text, &id) == STATUS_OK && !str_eq(id_str(&id), text))) {
        abort();
    }
    return clock_parse_rfc3339(text, &ms) == STATUS_OK && ms > INT64_MAX / 2 ? -1 : 0;
}
