#include "tunnel/message_form.h"

#include "base/json.h"

#define TYPE_BYTES_MAX 32

enum status message_form_type(const json_t *object, struct str *type, struct why *why) {
    if (!json_is_object(object)) {
        return why_set(why, STATUS_INVALID, "member_type", "a message is an object");
    }
    enum status status = json_get_str(object, "type", type, why);
    if (status == STATUS_OK && (str_is_empty(*type) || type->len > TYPE_BYTES_MAX)) {
        return why_set(why, STATUS_INVALID, "member_value", "/type is empty or too long");
    }
    return status;
}

size_t message_form_find(const struct message_form *forms, size_t count, struct str type) {
    for (size_t i = 0; i < count; i++) {
        if (forms[i].type != NULL && str_eq(str_from(forms[i].type), type)) {
            return i;
        }
    }
    return count;
}

static bool is_graphic(char c) {
    return c > ' ' && c <= '~';
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool is_all(struct str s, bool (*is_allowed)(char c)) {
    for (size_t i = 0; i < s.len; i++) {
        if (!is_allowed(s.at[i])) {
            return false;
        }
    }
    return true;
}

static enum status refuse_value(const struct message_member *member, struct why *why) {
    return why_set(why, STATUS_INVALID, "member_value", "/%s has a value that is not allowed",
                   member->name);
}

static enum status read_text(const struct message_member *member, const json_t *object,
                             struct str *text, struct why *why) {
    enum status status = json_get_str(object, member->name, text, why);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_bad = text->len > member->max;
    is_bad = is_bad || ((member->kind == MESSAGE_TOKEN || member->kind == MESSAGE_WORD) &&
                        !is_all(*text, is_graphic));
    is_bad = is_bad || (member->kind == MESSAGE_WORD && str_is_empty(*text));
    is_bad = is_bad || (member->kind == MESSAGE_NAME && !is_all(*text, is_name_char));
    return is_bad ? refuse_value(member, why) : STATUS_OK;
}

static enum status read_id(const struct message_member *member, const json_t *object, struct id *id,
                           struct why *why) {
    struct str text;
    enum status status = json_get_str(object, member->name, &text, why);
    if (status != STATUS_OK) {
        return status;
    }
    *id = (struct id){.text = ""};
    if (member->kind == MESSAGE_MAYBE_ID && str_is_empty(text)) {
        return STATUS_OK;
    }
    return id_parse(member->id_kind, text, id) == STATUS_OK ? STATUS_OK : refuse_value(member, why);
}

static enum status read_member(const struct message_member *member, const json_t *object,
                               void *message, struct why *why) {
    void *at = (char *)message + member->offset;
    uint64_t number = 0;
    json_t *child = NULL;
    enum status status;
    if (member->is_optional && json_object_get(object, member->name) == NULL) {
        if (member->kind == MESSAGE_CUSTOM) {
            return member->read(NULL, message, why);
        }
        *(struct str *)at = STR_EMPTY;
        return STATUS_OK;
    }
    switch (member->kind) {
    case MESSAGE_TEXT:
    case MESSAGE_TOKEN:
    case MESSAGE_WORD:
    case MESSAGE_NAME:
        return read_text(member, object, at, why);
    case MESSAGE_REVISION:
        return json_get_u64(object, member->name, member->max, at, why);
    case MESSAGE_COUNT:
        status = json_get_u64(object, member->name, member->max, &number, why);
        *(unsigned *)at = (unsigned)number;
        return status;
    case MESSAGE_ID:
    case MESSAGE_MAYBE_ID:
        return read_id(member, object, at, why);
    case MESSAGE_OBJECT:
        status = json_get_object(object, member->name, &child, why);
        *(const json_t **)at = child;
        return status;
    case MESSAGE_CUSTOM:
        child = json_object_get(object, member->name);
        if (child == NULL) {
            return why_set(why, STATUS_INVALID, "member_missing", "/%s is missing", member->name);
        }
        return member->read(child, message, why);
    }
    return refuse_value(member, why);
}

enum status message_form_read(const struct message_form *form, const json_t *object, void *message,
                              struct why *why) {
    const char *names[MESSAGE_FORM_MEMBERS_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < form->count; i++) {
        names[count++] = form->members[i].name;
    }
    if (form->type != NULL) {
        names[count++] = "type";
    }
    enum status status = json_object_check(object, names, count, why);
    for (size_t i = 0; i < form->count && status == STATUS_OK; i++) {
        status = read_member(&form->members[i], object, message, why);
    }
    return status;
}

static json_t *write_member(const struct message_member *member, const void *message) {
    const void *at = (const char *)message + member->offset;
    switch (member->kind) {
    case MESSAGE_TEXT:
    case MESSAGE_TOKEN:
    case MESSAGE_WORD:
    case MESSAGE_NAME:
        return member->is_optional && ((const struct str *)at)->len == 0
                   ? NULL
                   : json_from_str(*(const struct str *)at);
    case MESSAGE_REVISION:
        return json_integer((json_int_t)(*(const uint64_t *)at & INT64_MAX));
    case MESSAGE_COUNT:
        return json_integer((json_int_t) * (const unsigned *)at);
    case MESSAGE_ID:
    case MESSAGE_MAYBE_ID:
        return json_from_str(id_str(at));
    case MESSAGE_OBJECT:
        return json_incref(*(json_t *const *)at);
    case MESSAGE_CUSTOM:
        return member->write(message);
    }
    return NULL;
}

json_t *message_form_write(const struct message_form *form, const void *message) {
    json_t *object = json_object();
    if (form->type != NULL) {
        json_object_set_new(object, "type", json_string(form->type));
    }
    for (size_t i = 0; i < form->count; i++) {
        json_t *value = write_member(&form->members[i], message);
        if (value != NULL) {
            json_object_set_new(object, form->members[i].name, value);
        }
    }
    return object;
}
