#include "policy/setting.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

static void *at_offset(void *value, const struct setting *setting) {
    return (char *)value + setting->offset;
}

/* ---- faults ---- */

void setting_reader_init(struct setting_reader *reader, struct arena *arena, const char *pointer,
                         setting_fault_fn on_fault, void *context) {
    *reader = (struct setting_reader){.arena = arena, .on_fault = on_fault, .context = context};
    snprintf(reader->pointer, sizeof(reader->pointer), "%s", pointer);
}

/* Appends "/name" with "~" and "/" escaped (RFC 6901 §3); what is cut stays UTF-8. Returns the length before. */
static size_t descend(char pointer[SETTING_POINTER_SIZE], const char *name) {
    size_t before = strlen(pointer);
    size_t at = before;
    if (at + 3 >= SETTING_POINTER_SIZE) {
        return before;
    }
    pointer[at++] = '/';
    for (; *name != '\0' && at + 3 < SETTING_POINTER_SIZE; name++) {
        bool is_special = *name == '~' || *name == '/';
        if (is_special) {
            pointer[at++] = '~';
        }
        pointer[at++] = *name == '~' ? '0' : *name == '/' ? '1' : *name;
    }
    pointer[text_utf8_prefix(str_make(pointer, at))] = '\0';
    return before;
}

static size_t descend_index(char pointer[SETTING_POINTER_SIZE], size_t index) {
    char name[24];
    snprintf(name, sizeof(name), "%zu", index);
    return descend(pointer, name);
}

void setting_fault(struct setting_reader *reader, const char *member, const char *code,
                   const char *format, ...) {
    char pointer[SETTING_POINTER_SIZE];
    char detail[SETTING_DETAIL_SIZE];
    va_list args;
    memcpy(pointer, reader->pointer, sizeof(pointer));
    if (member != NULL) {
        (void)descend(pointer, member);
    }
    va_start(args, format);
    if (vsnprintf(detail, sizeof(detail), format, args) < 0) {
        detail[0] = '\0';
    }
    va_end(args);
    reader->fault_count++;
    reader->on_fault(reader->context, pointer, code, detail);
}

/* ---- one value each ---- */

static void read_boolean(struct setting_reader *reader, const struct setting *setting,
                         const json_t *value, bool *out) {
    if (!json_is_boolean(value)) {
        setting_fault(reader, setting->name, "member_type", "has to be true or false");
        return;
    }
    *out = json_is_true(value);
}

static bool is_in_range(const struct setting *setting, const json_t *value) {
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) &&
           ((number == 0 && setting->may_be_zero) ||
            (number >= (json_int_t)setting->min && number <= (json_int_t)setting->max));
}

static void read_integer(struct setting_reader *reader, const struct setting *setting,
                         const json_t *value, uint64_t *out) {
    if (!is_in_range(setting, value)) {
        setting_fault(reader, setting->name, "member_value",
                      "has to be %san integer from %llu to %llu",
                      setting->may_be_zero ? "0 or " : "", (unsigned long long)setting->min,
                      (unsigned long long)setting->max);
        return;
    }
    *out = (uint64_t)json_integer_value(value);
}

static bool find_word(const char *const *words, const json_t *value, unsigned *index) {
    const char *text = json_string_value(value); /* NULL for what is no string */
    for (unsigned i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void refuse_word(struct setting_reader *reader, const struct setting *setting,
                        const char *member) {
    char list[160] = "";
    size_t len = 0;
    for (size_t i = 0; setting->words[i] != NULL; i++) {
        int added =
            snprintf(list + len, sizeof(list) - len, "%s%s", i == 0 ? "" : ", ", setting->words[i]);
        len += added > 0 && (size_t)added < sizeof(list) - len ? (size_t)added : 0;
    }
    setting_fault(reader, member, "member_value", "has to be one of: %s", list);
}

static void read_word(struct setting_reader *reader, const struct setting *setting,
                      const json_t *value, unsigned *out) {
    if (!find_word(setting->words, value, out)) {
        refuse_word(reader, setting, setting->name);
    }
}

static bool has_control(struct str text, bool may_have_lines) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < 0x20 && !(c == '\n' && may_have_lines)) || c == 0x7f) {
            return true;
        }
    }
    return false;
}

/* `member` is the setting's name, or NULL where the pointer stands at the value itself. */
static bool check_text(struct setting_reader *reader, const struct setting *setting,
                       const char *member, const json_t *value, struct str *out) {
    const char *fault = NULL;
    if (!json_is_string(value)) {
        setting_fault(reader, member, "member_type", "has to be text");
        return false;
    }
    *out = str_make(json_string_value(value), json_string_length(value));
    if (out->len < setting->min) {
        setting_fault(reader, member, "too_short", "has to have at least %llu bytes",
                      (unsigned long long)setting->min);
        return false;
    }
    if (out->len > setting->max) {
        setting_fault(reader, member, "too_long", "has to have at most %llu bytes",
                      (unsigned long long)setting->max);
        return false;
    }
    if (has_control(*out, setting->may_have_lines)) {
        setting_fault(reader, member, "control_character", "must not hold control characters");
        return false;
    }
    if (setting->check != NULL) {
        fault = setting->check(*out);
    }
    if (fault != NULL) {
        setting_fault(reader, member, "member_value", "%s", fault);
        return false;
    }
    return true;
}

static void read_text(struct setting_reader *reader, const struct setting *setting,
                      const json_t *value, struct str *out) {
    struct str text;
    if (check_text(reader, setting, setting->name, value, &text)) {
        *out = arena_str(reader->arena, text);
    }
}

/* ---- lists ---- */

static bool check_list(struct setting_reader *reader, const struct setting *setting,
                       const json_t *value) {
    if (!json_is_array(value)) {
        setting_fault(reader, setting->name, "member_type", "has to be a list");
        return false;
    }
    if (json_array_size(value) > setting->count_max) {
        setting_fault(reader, setting->name, "too_long", "has at most %zu members",
                      setting->count_max);
        return false;
    }
    return true;
}

static void read_words(struct setting_reader *reader, const struct setting *setting,
                       const json_t *value, unsigned *out) {
    size_t i;
    json_t *item;
    if (!json_is_array(value)) {
        setting_fault(reader, setting->name, "member_type", "has to be a list");
        return;
    }
    *out = 0;
    json_array_foreach(value, i, item) {
        unsigned index = 0;
        if (!find_word(setting->words, item, &index)) {
            refuse_word(reader, setting, setting->name);
            return;
        }
        if ((*out & 1U << index) != 0) {
            setting_fault(reader, setting->name, "repeated", "names %s twice",
                          setting->words[index]);
            return;
        }
        *out |= 1U << index;
    }
    if (*out == 0 && setting->min > 0) {
        setting_fault(reader, setting->name, "too_short", "has to name at least one");
    }
}

static void read_text_item(struct setting_reader *reader, const struct setting *setting,
                           const json_t *item, void *items, size_t index) {
    struct str *texts = items;
    struct str text;
    if (!check_text(reader, setting, NULL, item, &text)) {
        return;
    }
    texts[index] = arena_str(reader->arena, text);
    for (size_t i = 0; i < index; i++) {
        if (str_eq(texts[i], text)) {
            setting_fault(reader, NULL, "repeated", "stands here twice");
            return;
        }
    }
}

static void read_number_item(struct setting_reader *reader, const struct setting *setting,
                             const json_t *item, void *items, size_t index) {
    uint64_t *numbers = items;
    if (!is_in_range(setting, item)) {
        setting_fault(reader, NULL, "member_value", "has to be an integer from %llu to %llu",
                      (unsigned long long)setting->min, (unsigned long long)setting->max);
        return;
    }
    numbers[index] = (uint64_t)json_integer_value(item);
    for (size_t i = 0; i < index; i++) {
        if (numbers[i] == numbers[index]) {
            setting_fault(reader, NULL, "repeated", "stands here twice");
            return;
        }
    }
}

static void read_cidr_item(struct setting_reader *reader, const struct setting *setting,
                           const json_t *item, void *items, size_t index) {
    struct setting_cidr *cidrs = items;
    const char *fault = "has to be text";
    (void)setting;
    if (json_is_string(item)) {
        fault = setting_cidr_parse(str_make(json_string_value(item), json_string_length(item)),
                                   &cidrs[index]);
    }
    if (fault != NULL) {
        setting_fault(reader, NULL, "cidr_invalid", "%s", fault);
    }
}

static void read_object_item(struct setting_reader *reader, const struct setting *setting,
                             const json_t *item, void *items, size_t index) {
    (void)setting_read(reader, setting->shape, item, NULL,
                       (char *)items + index * setting->shape->bytes);
}

static const struct {
    size_t bytes; /* 0: the shape's */
    void (*read)(struct setting_reader *reader, const struct setting *setting, const json_t *item,
                 void *items, size_t index);
} item_kinds[] = {
    [SETTING_TEXTS] = {sizeof(struct str), read_text_item},
    [SETTING_NUMBERS] = {sizeof(uint64_t), read_number_item},
    [SETTING_CIDRS] = {sizeof(struct setting_cidr), read_cidr_item},
    [SETTING_OBJECTS] = {0, read_object_item},
};

static void read_list(struct setting_reader *reader, const struct setting *setting,
                      const json_t *value, struct setting_list *out) {
    size_t bytes = item_kinds[setting->kind].bytes;
    if (!check_list(reader, setting, value)) {
        return;
    }
    size_t count = json_array_size(value);
    void *items =
        arena_zalloc(reader->arena, (bytes > 0 ? bytes : setting->shape->bytes) * (count + 1));
    size_t here = descend(reader->pointer, setting->name);
    for (size_t i = 0; i < count; i++) {
        size_t list = descend_index(reader->pointer, i);
        item_kinds[setting->kind].read(reader, setting, json_array_get(value, i), items, i);
        reader->pointer[list] = '\0';
    }
    reader->pointer[here] = '\0';
    *out = (struct setting_list){items, count};
}

/* ---- objects ---- */

static void read_object(struct setting_reader *reader, const struct setting *setting,
                        const json_t *value, const void **out) {
    void *made = arena_zalloc(reader->arena, setting->shape->bytes);
    size_t here = descend(reader->pointer, setting->name);
    (void)setting_read(reader, setting->shape, value, NULL, made);
    reader->pointer[here] = '\0';
    *out = made;
}

static void read_present(struct setting_reader *reader, const struct setting *setting,
                         const json_t *member, void *at) {
    switch (setting->kind) {
    case SETTING_BOOLEAN:
        read_boolean(reader, setting, member, at);
        return;
    case SETTING_INTEGER:
        read_integer(reader, setting, member, at);
        return;
    case SETTING_WORD:
        read_word(reader, setting, member, at);
        return;
    case SETTING_WORDS:
        read_words(reader, setting, member, at);
        return;
    case SETTING_TEXT:
        read_text(reader, setting, member, at);
        return;
    case SETTING_OBJECT:
        read_object(reader, setting, member, at);
        return;
    case SETTING_TEXTS:
    case SETTING_NUMBERS:
    case SETTING_CIDRS:
    case SETTING_OBJECTS:
        read_list(reader, setting, member, at);
        return;
    }
}

static void set_standard(struct setting_reader *reader, const struct setting *setting, void *at) {
    switch (setting->kind) {
    case SETTING_BOOLEAN:
        *(bool *)at = setting->standard != 0;
        return;
    case SETTING_INTEGER:
        *(uint64_t *)at = setting->standard;
        return;
    case SETTING_WORD:
    case SETTING_WORDS:
        *(unsigned *)at = (unsigned)setting->standard;
        return;
    case SETTING_TEXT:
        *(struct str *)at = STR_EMPTY;
        return;
    case SETTING_OBJECT:
        if (setting->is_always) {
            json_t *nothing = json_object();
            read_object(reader, setting, nothing, at);
            json_decref(nothing);
        }
        return;
    case SETTING_TEXTS:
    case SETTING_NUMBERS:
    case SETTING_CIDRS:
    case SETTING_OBJECTS:
        return; /* zeroed: empty */
    }
}

static bool is_named(const char *const *names, const char *name) {
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static const struct setting *find_member(const struct setting_shape *shape, const char *name) {
    for (size_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->members[i].name, name) == 0) {
            return &shape->members[i];
        }
    }
    return NULL;
}

static void refuse_unknown(struct setting_reader *reader, const struct setting_shape *shape,
                           const json_t *object, const char *const *others) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        const struct setting *member = find_member(shape, name);
        if ((member == NULL && !is_named(others, name)) ||
            (member != NULL && member->is_for_people && reader->is_bundle)) {
            setting_fault(reader, name, "unknown_member", "is not known here");
        }
    }
}

bool setting_read(struct setting_reader *reader, const struct setting_shape *shape,
                  const json_t *object, const char *const *others, void *value) {
    size_t before = reader->fault_count;
    if (!json_is_object(object)) {
        setting_fault(reader, NULL, "member_type", "has to be an object");
        return false;
    }
    refuse_unknown(reader, shape, object, others);
    for (size_t i = 0; i < shape->count; i++) {
        const struct setting *setting = &shape->members[i];
        const json_t *member = json_object_get(object, setting->name);
        set_standard(reader, setting, at_offset(value, setting));
        if (member != NULL) {
            read_present(reader, setting, member, at_offset(value, setting));
        } else if (setting->is_required) {
            setting_fault(reader, setting->name, "member_missing", "is missing");
        }
    }
    if (reader->fault_count == before && shape->judge != NULL) {
        shape->judge(reader, value);
    }
    return reader->fault_count == before;
}
