#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

#define DEPTH_MAX 32
#define POINTER_SIZE 80 /* a longer member name is cut in `why` texts */

/* No deeper than DEPTH_MAX itself, however deep the tree is. */
static bool is_shallow(const json_t *node, int depth) {
    const char *key;
    json_t *child;
    size_t i;
    if (!json_is_object(node) && !json_is_array(node)) {
        return true;
    }
    if (depth > DEPTH_MAX) {
        return false;
    }
    json_array_foreach(node, i, child) {
        if (!is_shallow(child, depth + 1)) {
            return false;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)node, key, child) {
        if (!is_shallow(child, depth + 1)) {
            return false;
        }
    }
    return true;
}

/* What jansson says quotes the text around the fault, which may be a password: only kind and place are told. */
static enum status refuse_text(const json_error_t *error, struct why *why) {
    const char *fault = "malformed";
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        fault = "duplicate member";
        break;
    case json_error_invalid_utf8:
        fault = "invalid UTF-8";
        break;
    case json_error_null_character:
    case json_error_null_byte_in_key:
        fault = "NUL in a string";
        break;
    case json_error_end_of_input_expected:
        fault = "something follows the end";
        break;
    case json_error_premature_end_of_input:
        fault = "ends too early";
        break;
    case json_error_numeric_overflow:
        fault = "number out of range";
        break;
    default:
        break;
    }
    return why_set(why, STATUS_INVALID, "json_invalid", "not valid JSON at line %d, column %d: %s",
                   error->line, error->column, fault);
}

enum status json_parse(struct str text, json_t **tree, struct why *why) {
    json_error_t error;
    json_t *root = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return refuse_text(&error, why);
    }
    if (!is_shallow(root, 1)) {
        json_decref(root);
        return why_set(why, STATUS_INVALID, "json_invalid", "nested deeper than %d", DEPTH_MAX);
    }
    *tree = root;
    return STATUS_OK;
}

/* "/name" with ~ and / escaped (RFC 6901 §3). */
static void write_pointer(const char *name, char out[POINTER_SIZE]) {
    size_t at = 0;
    out[at++] = '/';
    for (; *name != '\0' && at + 3 < POINTER_SIZE; name++) {
        if (*name == '~' || *name == '/') {
            out[at++] = '~';
            out[at++] = *name == '~' ? '0' : '1';
        } else {
            out[at++] = *name;
        }
    }
    out[at] = '\0';
}

static enum status refuse_member(struct why *why, const char *slug, const char *name,
                                 const char *fault) {
    char pointer[POINTER_SIZE];
    write_pointer(name, pointer);
    return why_set(why, STATUS_INVALID, slug, "%s %s", pointer, fault);
}

static bool is_listed(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum status json_object_check(const json_t *object, const char *const *names, size_t count,
                              struct why *why) {
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        return why_set(why, STATUS_INVALID, "unknown_member", "an object is expected");
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (!is_listed(name, names, count)) {
            return refuse_member(why, "unknown_member", name, "is not known here");
        }
    }
    return STATUS_OK;
}

static enum status get_member(const json_t *object, const char *name, json_t **value,
                              struct why *why) {
    *value = json_object_get(object, name);
    if (*value == NULL) {
        return refuse_member(why, "member_missing", name, "is missing");
    }
    return STATUS_OK;
}

enum status json_get_str(const json_t *object, const char *name, struct str *value,
                         struct why *why) {
    json_t *node;
    enum status status = get_member(object, name, &node, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (!json_is_string(node)) {
        return refuse_member(why, "member_type", name, "has to be a string");
    }
    *value = str_make(json_string_value(node), json_string_length(node));
    return STATUS_OK;
}

enum status json_get_bool(const json_t *object, const char *name, bool *value, struct why *why) {
    json_t *node;
    enum status status = get_member(object, name, &node, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (!json_is_boolean(node)) {
        return refuse_member(why, "member_type", name, "has to be true or false");
    }
    *value = json_is_true(node);
    return STATUS_OK;
}

enum status json_get_u64(const json_t *object, const char *name, uint64_t max, uint64_t *value,
                         struct why *why) {
    json_t *node;
    enum status status = get_member(object, name, &node, why);
    if (status != STATUS_OK) {
        return status;
    }
    json_int_t number = json_integer_value(node);
    if (!json_is_integer(node) || number < 0 || (uint64_t)number > max) {
        char fault[64];
        snprintf(fault, sizeof(fault), "has to be an integer from 0 to %" PRIu64, max);
        return refuse_member(why, "member_type", name, fault);
    }
    *value = (uint64_t)number;
    return STATUS_OK;
}

enum status json_get_array(const json_t *object, const char *name, json_t **value,
                           struct why *why) {
    json_t *node;
    enum status status = get_member(object, name, &node, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (!json_is_array(node)) {
        return refuse_member(why, "member_type", name, "has to be an array");
    }
    *value = node;
    return STATUS_OK;
}

enum status json_get_object(const json_t *object, const char *name, json_t **value,
                            struct why *why) {
    json_t *node;
    enum status status = get_member(object, name, &node, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (!json_is_object(node)) {
        return refuse_member(why, "member_type", name, "has to be an object");
    }
    *value = node;
    return STATUS_OK;
}

static int append_part(const char *part, size_t len, void *out) {
    return buf_append(out, part, len) == STATUS_OK ? 0 : -1;
}

enum status json_write(const json_t *tree, struct buf *out) {
    size_t before = buf_len(out);
    if (json_dump_callback(tree, append_part, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        out->end = out->start + before;
        return STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

static json_t *make_repaired(struct str s) {
    static const char replacement[3] = {'\xef', '\xbf', '\xbd'};
    struct arena arena;
    arena_init(&arena);
    char *fixed = arena_bytes(&arena, s.len * sizeof(replacement));
    size_t at = 0;
    while (s.len > 0) {
        size_t good = text_utf8_prefix(s);
        memcpy(fixed + at, s.at, good);
        at += good;
        s = str_sub(s, good, s.len);
        if (s.len > 0) {
            memcpy(fixed + at, replacement, sizeof(replacement));
            at += sizeof(replacement);
            s = str_sub(s, 1, s.len);
        }
    }
    json_t *node = json_stringn(fixed, at);
    arena_fini(&arena);
    return node;
}

json_t *json_from_str(struct str s) {
    json_t *node = s.len == 0 ? json_string("") : json_stringn(s.at, s.len);
    if (node == NULL) {
        node = make_repaired(s);
    }
    if (node == NULL) {
        abort(); /* memory is exhausted: see memory.h */
    }
    return node;
}
