/* fuzz_canonical_path.c: what is accepted holds no forbidden form, is no longer, and stays what it is. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "policy/canonical_path.h"

static bool has(struct str s, const char *text) {
    return memmem(s.at, s.len, text, strlen(text)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct str target = str_make(bytes, len), path, again;
    struct arena arena;
    arena_init(&arena);
    if (canonical_path(target, &arena, &path, NULL) == STATUS_OK) {
        bool is_same = str_eq(path, str_sub(target, 0, str_find(target, '?')));
        if (path.len == 0 || path.len > target.len || has(path, "//") || has(path, "/./") ||
            has(path, "/../") || str_ends_with(path, STR("/.")) ||
            str_ends_with(path, STR("/..")) || has(path, "\\") || has(path, ";") ||
            str_find(path, '\0') != path.len || has(path, "\xc0") ||
            (!is_same && str_find(target, '%') == target.len)) {
            abort();
        }
        /* A configured path may be every canonical path but one with "?" or "#". */
        bool is_literal = str_find(path, '?') == path.len && str_find(path, '#') == path.len;
        if (is_literal != (canonical_path_check(path, NULL, NULL) == STATUS_OK) ||
            (is_same &&
             (canonical_path(path, NULL, &again, NULL) != STATUS_OK || !str_eq(path, again)))) {
            abort();
        }
    }
    arena_fini(&arena);
    return 0;
}
