/* fuzz_field_policy.c: a name on each line; none that is left may read as a platform name, and order is kept. */
#include <ctype.h>
#include <stdlib.h>

#include "policy/field_policy.h"

static bool is_platform(struct str name) {
    char folded[64] = "";
    for (size_t i = 0; i < name.len && i < sizeof folded - 1; i++) {
        unsigned char c = (unsigned char)name.at[i];
        folded[i] = c < 0x80 && isalnum(c) ? (char)tolower(c) : '-';
    }
    return strncmp(folded, "warpgate-", 9) == 0 || strncmp(folded, "mezusphere-", 11) == 0 ||
           strncmp(folded, "x-forwarded-", 12) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct http_fields fields = {0};
    struct arena arena;
    struct str name, rest = str_make(bytes, len);
    arena_init(&arena);
    for (size_t i = 0; i < 100 && str_cut(rest, '\n', &name, &rest); i++) {
        http_fields_add(&fields, &arena, name, STR_EMPTY);
    }
    field_policy_clean_tunnel_request(&fields);
    field_policy_clean_request(&fields);
    for (size_t i = 0; i < fields.count; i++) {
        name = fields.at[i].name;
        if (is_platform(name) || str_find(name, '_') != name.len ||
            (i > 0 && fields.at[i - 1].name.at > name.at)) {
            abort();
        }
    }
    arena_fini(&arena);
    return 0;
}
