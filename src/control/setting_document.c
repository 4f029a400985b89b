#include "control/setting_document.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"

/* ---- merging ---- */

static void merge_object(json_t *target, const json_t *patch);

/* Objects in lists are taken whole: what is null in them is not there. */
static json_t *copy_without_nulls(const json_t *value) {
    size_t i;
    json_t *item;
    if (!json_is_array(value)) {
        return json_deep_copy(value);
    }
    json_t *list = json_array();
    json_array_foreach(value, i, item) {
        if (json_is_object(item)) {
            json_t *made = json_object();
            merge_object(made, item);
            json_array_append_new(list, made);
        } else {
            json_array_append_new(list, copy_without_nulls(item));
        }
    }
    return list;
}

/* RFC 7396: `patch` is an object. */
static void merge_object(json_t *target, const json_t *patch) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value) {
        if (json_is_null(value)) {
            (void)json_object_del(target, name);
            continue;
        }
        if (!json_is_object(value)) {
            json_object_set_new(target, name, copy_without_nulls(value));
            continue;
        }
        json_t *inside = json_object_get(target, name);
        if (!json_is_object(inside)) {
            json_object_set_new(target, name, json_object());
            inside = json_object_get(target, name);
        }
        merge_object(inside, value);
    }
}

void setting_document_merge(const struct setting_shape *shape, json_t *target,
                            const json_t *patch) {
    json_t *own = json_object();
    for (size_t i = 0; i < shape->count; i++) {
        json_t *value = json_object_get(patch, shape->members[i].name);
        if (value != NULL) {
            json_object_set(own, shape->members[i].name, value);
        }
    }
    merge_object(target, own);
    json_decref(own);
}

/* ---- judging ---- */

static void take_fault(void *context, const char *pointer, const char *code, const char *detail) {
    struct api_faults *faults = context;
    api_schema_enter(faults, "%s", pointer);
    api_schema_add_fault(faults, NULL, code, -1, "%s", detail);
    api_schema_enter(faults, "%s", "");
}

bool setting_document_check(const struct setting_shape *shape, const json_t *document,
                            const char *pointer, struct api_faults *faults) {
    struct arena arena;
    struct setting_reader reader;
    arena_init(&arena);
    setting_reader_init(&reader, &arena, pointer, take_fault, faults);
    bool is_good = setting_read(&reader, shape, document, NULL, arena_zalloc(&arena, shape->bytes));
    arena_fini(&arena);
    return is_good;
}

/* ---- forms ---- */

static json_t *write_words(const struct setting *setting, uint64_t bits) {
    json_t *list = json_array();
    for (size_t i = 0; setting->words[i] != NULL; i++) {
        if ((bits >> i & 1) != 0) {
            json_array_append_new(list, json_string(setting->words[i]));
        }
    }
    return list;
}

/* In the order of the words, whatever order they came in. */
static json_t *sort_words(const struct setting *setting, const json_t *value) {
    uint64_t bits = 0;
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        for (size_t j = 0; setting->words[j] != NULL; j++) {
            bool is_it = strcmp(json_string_value(item), setting->words[j]) == 0;
            bits |= (uint64_t)is_it << j;
        }
    }
    return write_words(setting, bits);
}

/* NULL where there is none: an object that is not there. */
static json_t *write_standard(const struct setting *setting) {
    switch (setting->kind) {
    case SETTING_BOOLEAN:
        return json_boolean(setting->standard != 0);
    case SETTING_INTEGER:
        return json_integer((json_int_t)setting->standard);
    case SETTING_WORD:
        return json_string(setting->words[setting->standard]);
    case SETTING_WORDS:
        return write_words(setting, setting->standard);
    case SETTING_TEXT:
        return json_null();
    case SETTING_TEXTS:
    case SETTING_NUMBERS:
    case SETTING_CIDRS:
    case SETTING_OBJECTS:
        return json_array();
    case SETTING_OBJECT:
        break;
    }
    if (!setting->is_always) {
        return json_null();
    }
    json_t *nothing = json_object();
    json_t *complete = setting_document_complete(setting->shape, nothing);
    json_decref(nothing);
    return complete;
}

typedef json_t *form_fn(const struct setting_shape *shape, const json_t *document);

/* One member in the form that `form` makes of objects inside. */
static json_t *form_member(const struct setting *setting, const json_t *value, form_fn *form) {
    size_t i;
    json_t *item;
    if (setting->kind == SETTING_OBJECT) {
        return form(setting->shape, value);
    }
    if (setting->kind == SETTING_WORDS) {
        return sort_words(setting, value);
    }
    if (setting->kind != SETTING_OBJECTS) {
        return json_deep_copy(value);
    }
    json_t *list = json_array();
    json_array_foreach(value, i, item) {
        json_array_append_new(list, form(setting->shape, item));
    }
    return list;
}

/* An object that stands there with nothing in it says something, unless it always stands there. */
static bool is_standard(const struct setting *setting, const json_t *formed) {
    if (setting->kind == SETTING_OBJECT) {
        return setting->is_always && json_object_size(formed) == 0;
    }
    json_t *standard = write_standard(setting);
    bool is_same = json_equal(formed, standard);
    json_decref(standard);
    return is_same;
}

static json_t *form_document(const struct setting_shape *shape, const json_t *document,
                             form_fn *form, bool has_people) {
    json_t *made = json_object();
    size_t count = json_object_size(document) == 0 ? 0 : shape->count; /* most routes say nothing */
    for (size_t i = 0; i < count; i++) {
        const struct setting *setting = &shape->members[i];
        const json_t *value = json_object_get(document, setting->name);
        if (value == NULL || (setting->is_for_people && !has_people)) {
            continue;
        }
        json_t *formed = form_member(setting, value, form);
        if (!is_standard(setting, formed)) {
            json_object_set(made, setting->name, formed);
        }
        json_decref(formed);
    }
    return made;
}

json_t *setting_document_reduce(const struct setting_shape *shape, const json_t *document) {
    return form_document(shape, document, setting_document_reduce, true);
}

json_t *setting_document_deliver(const struct setting_shape *shape, const json_t *document) {
    return form_document(shape, document, setting_document_deliver, false);
}

json_t *setting_document_complete(const struct setting_shape *shape, const json_t *document) {
    json_t *made = json_object();
    for (size_t i = 0; i < shape->count; i++) {
        const struct setting *setting = &shape->members[i];
        const json_t *value = json_object_get(document, setting->name);
        json_object_set_new(made, setting->name,
                            value == NULL ? write_standard(setting)
                                          : form_member(setting, value, setting_document_complete));
    }
    return made;
}

/* ---- the store ---- */

struct str setting_document_take(const struct setting_shape *shape, const json_t *patch,
                                 const char *pointer, size_t bytes_max, struct arena *arena,
                                 struct api_faults *faults, struct str stored) {
    struct str text = stored;
    json_t *document = setting_document_parse(stored);
    setting_document_merge(shape, document, patch);
    if (setting_document_check(shape, document, pointer, faults)) {
        json_t *reduced = setting_document_reduce(shape, document);
        if (setting_document_format(reduced, bytes_max, arena, &text) != STATUS_OK) {
            api_schema_enter(faults, "%s", pointer);
            api_schema_add_fault(faults, NULL, "settings_too_large", -1,
                                 "the settings together are over %zu bytes", bytes_max);
            api_schema_enter(faults, "%s", "");
        }
        json_decref(reduced);
    }
    json_decref(document);
    return text;
}

json_t *setting_document_parse(struct str stored) {
    struct why why = {0};
    json_t *document = NULL;
    if (str_is_empty(stored)) {
        return json_object();
    }
    if (json_parse(stored, &document, &why) != STATUS_OK) {
        log_error("control.settings_malformed", "detail=%s", why.text);
        return json_object();
    }
    return document;
}

enum status setting_document_format(const json_t *document, size_t bytes_max, struct arena *arena,
                                    struct str *text) {
    struct buf out;
    enum status status = STATUS_OK;
    *text = STR_EMPTY;
    buf_init(&out, bytes_max);
    if (json_object_size(document) > 0) {
        status = json_write(document, &out);
        *text = arena_str(arena, buf_str(&out));
    }
    buf_fini(&out);
    return status;
}
