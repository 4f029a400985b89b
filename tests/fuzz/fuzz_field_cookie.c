/* fuzz_field_cookie.c: a hostile Cookie field: nothing of ours is left in it, and nothing new appears. */
#include <stdlib.h>

#include "policy/field_cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct arena arena;
    struct http_fields fields = {0};
    arena_init(&arena);
    http_fields_add(&fields, &arena, STR("cookie"), str_make(bytes, len));
    struct str value = field_cookie_take(&fields, &arena, STR("me"));
    if (value.len > len || (fields.count > 0 && fields.at[0].value.len > len)) {
        abort();
    }
    /* Taken once, there is nothing more to take. */
    if (fields.count > 0 && field_cookie_take(&fields, &arena, STR("me")).len > 0) {
        abort();
    }
    arena_fini(&arena);
    return 0;
}
