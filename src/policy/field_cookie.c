#include "policy/field_cookie.h"

static bool contains(struct str text, struct str part) {
    for (size_t at = 0; at + part.len <= text.len; at++) {
        at += str_find(str_sub(text, at, text.len), part.at[0]);
        if (str_starts_with(str_sub(text, at, text.len), part)) {
            return true;
        }
    }
    return false;
}

/* One pair, without the white space around it. */
static bool is_named(struct str pair, struct str name, struct str *value) {
    struct str found;
    return str_cut(str_trim(pair), '=', &found, value) && str_eq(str_trim(found), name);
}

static struct str skip_space(struct str text) {
    size_t at = 0;
    while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t')) {
        at++;
    }
    return str_sub(text, at, text.len);
}

/* The pairs that stay, with the separators that stood between them, byte for byte. */
static struct str without(struct str field, struct arena *arena, struct str name,
                          struct str *value) {
    char *out = arena_bytes(arena, field.len);
    size_t len = 0;
    bool is_first = true;
    for (size_t at = 0; at <= field.len;) {
        struct str rest = str_sub(field, at, field.len);
        struct str pair = str_sub(rest, 0, str_find(rest, ';'));
        struct str found;
        at += pair.len + 1;
        if (is_named(pair, name, &found)) {
            if (value->len == 0) {
                *value = str_trim(found);
            }
            continue;
        }
        if (!is_first) {
            out[len++] = ';';
        } else if (at > pair.len + 1) {
            pair = skip_space(pair); /* it followed a separator that is gone */
        }
        memcpy(out + len, pair.at, pair.len);
        len += pair.len;
        is_first = false;
    }
    return str_make(out, len);
}

struct str field_cookie_take(struct http_fields *fields, struct arena *arena, struct str name) {
    struct str value = STR_EMPTY;
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->at[i];
        if (str_eq(field.name, STR("cookie")) && contains(field.value, name)) {
            field.value = without(field.value, arena, name, &value);
            if (str_is_empty(field.value)) {
                continue;
            }
        }
        fields->at[kept++] = field;
    }
    fields->count = kept;
    return value;
}
