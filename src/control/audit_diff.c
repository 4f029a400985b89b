#include "control/audit_diff.h"

#include "base/id.h"
#include "base/str.h"
#include "pki/api_key.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whole names, and ends of names after "_" or "-". */
static const char *const secret_names[] = {
    "password", "secret", "token", "key", "authorization", "cookie", "credential", "passphrase",
};

/* They change with everything, or by themselves. */
static const char *const noise_names[] = {"revision", "updated_at", "bundle_revision",
                                          "last_used_at"};

static bool is_id(struct str text) {
    struct id id;
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        if (id_parse((enum id_kind)kind, text, &id) == STATUS_OK) {
            return true;
        }
    }
    return false;
}

static bool names_secret(struct str name) {
    for (size_t i = 0; i < COUNT(secret_names); i++) {
        struct str word = str_from(secret_names[i]);
        if (name.len < word.len ||
            !str_eq_nocase(str_sub(name, name.len - word.len, word.len), word)) {
            continue;
        }
        if (name.len == word.len || name.at[name.len - word.len - 1] == '_' ||
            name.at[name.len - word.len - 1] == '-') {
            return true;
        }
    }
    return false;
}

static json_t *mask(struct str name, const json_t *value);

static json_t *mask_object(const json_t *value) {
    json_t *object = json_object();
    for (void *at = json_object_iter((json_t *)value); at != NULL;
         at = json_object_iter_next((json_t *)value, at)) {
        const char *name = json_object_iter_key(at);
        json_object_set_new(object, name, mask(str_from(name), json_object_iter_value(at)));
    }
    return object;
}

static json_t *mask_array(struct str name, const json_t *value) {
    json_t *array = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_array_append_new(array, mask(name, json_array_get(value, i)));
    }
    return array;
}

/* The id of a key is called "key", too, and is none. */
static json_t *mask(struct str name, const json_t *value) {
    if (json_is_object(value)) {
        return mask_object(value);
    }
    if (json_is_array(value)) {
        return mask_array(name, value);
    }
    if (!json_is_string(value)) {
        return json_deep_copy(value);
    }
    struct str text = str_make(json_string_value(value), json_string_length(value));
    struct why why;
    bool is_secret = (names_secret(name) && text.len > 0 && !is_id(text)) ||
                     api_key_check(text, &why) == STATUS_OK;
    return is_secret ? json_string(AUDIT_DIFF_MASK) : json_deep_copy(value);
}

static bool is_noise(const char *name) {
    for (size_t i = 0; i < COUNT(noise_names); i++) {
        if (str_eq(str_from(name), str_from(noise_names[i]))) {
            return true;
        }
    }
    return false;
}

/* The members of `of` that `other` does not have so, of objects within both only what differs. */
static json_t *find_differing(const json_t *of, const json_t *other) {
    json_t *found = json_object();
    for (void *at = json_object_iter((json_t *)of); at != NULL;
         at = json_object_iter_next((json_t *)of, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        const json_t *counterpart = json_object_get(other, name);
        if (is_noise(name) || (counterpart != NULL && json_equal(value, counterpart))) {
            continue;
        }
        json_object_set_new(found, name,
                            json_is_object(value) && json_is_object(counterpart)
                                ? find_differing(value, counterpart)
                                : json_deep_copy(value));
    }
    return found;
}

static json_t *reduce(const json_t *of, const json_t *other) {
    json_t *found = find_differing(of, other);
    json_t *masked = mask(STR_EMPTY, found);
    json_decref(found);
    return masked;
}

bool audit_diff_make(const json_t *before, const json_t *after, json_t **was, json_t **is) {
    *was = NULL;
    *is = NULL;
    if (before == NULL || after == NULL) {
        *was = before == NULL ? NULL : mask(STR_EMPTY, before);
        *is = after == NULL ? NULL : mask(STR_EMPTY, after);
        return true;
    }
    *was = reduce(before, after);
    *is = reduce(after, before);
    if (json_object_size(*was) > 0 || json_object_size(*is) > 0) {
        return true;
    }
    json_decref(*was);
    json_decref(*is);
    *was = NULL;
    *is = NULL;
    return false;
}
