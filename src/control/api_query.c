#include "control/api_query.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

static enum status refuse(struct api_call *call, struct str name, const char *text) {
    return why_set(&call->why, STATUS_INVALID, "query_invalid", "%.*s: %s",
                   STR_ARG(str_sub(name, 0, 64)), text);
}

static int hex_value(char byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char low = (char)(byte | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* STATUS_INVALID: a broken escape, a NUL, or what is not UTF-8. */
static enum status decode(struct arena *arena, struct str text, struct str *out) {
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i] == '+' ? ' ' : text.at[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_value(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.at[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return STATUS_INVALID;
            }
            byte = (char)(high * 16 + low);
            i += 2;
        }
        bytes[len++] = byte;
    }
    *out = str_make(bytes, len);
    return memchr(bytes, '\0', len) == NULL && text_utf8_prefix(*out) == len ? STATUS_OK
                                                                             : STATUS_INVALID;
}

/* Members that lists have */

static bool find_own(struct api_call *call, struct str name, struct str **target) {
    struct api_query *asked = &call->asked;
    enum api_list list = call->operation->list;
    const struct {
        struct str name;
        struct str *value;
        bool is_allowed;
    } own[] = {
        {STR("limit"), &asked->limit, list != API_LIST_NONE},
        {STR("cursor"), &asked->cursor, list != API_LIST_NONE},
        {STR("order"), &asked->order, list == API_LIST_TIME},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].is_allowed && str_eq(name, own[i].name)) {
            *target = own[i].value;
            return true;
        }
    }
    return false;
}

static enum status take_include(struct api_call *call, struct str value) {
    if (!str_eq(value, STR("total")) || call->asked.wants_total) {
        return refuse(call, STR("include"), "has to be \"total\", once");
    }
    call->asked.wants_total = true;
    return STATUS_OK;
}

/* Members that operations have */

static const struct api_member *find_typed(const struct api_call *call, struct str name) {
    const struct api_schema *typed = call->operation->query;
    for (size_t i = 0; typed != NULL && i < typed->count; i++) {
        if (str_eq(name, str_from(typed->members[i].name))) {
            return &typed->members[i];
        }
    }
    return NULL;
}

static const char *find_text(const struct api_call *call, struct str name) {
    const char *const *text = call->operation->filters;
    for (; text != NULL && *text != NULL; text++) {
        if (str_eq(name, str_from(*text))) {
            return *text;
        }
    }
    return NULL;
}

/* As the value would stand in a body. What is no number or truth value stays text, which the table then refuses. */
static json_t *make_value(const struct api_member *member, struct str value) {
    uint64_t number;
    if (member->kind == API_BOOLEAN && str_eq(value, STR("true"))) {
        return json_true();
    }
    if (member->kind == API_BOOLEAN && str_eq(value, STR("false"))) {
        return json_false();
    }
    if (member->kind == API_INTEGER && str_to_u64(value, INT64_MAX, &number) == STATUS_OK) {
        return json_integer((json_int_t)number);
    }
    return json_from_str(value);
}

static enum status add_filter(struct api_call *call, const char *name, json_t *value) {
    if (call->asked.filters == NULL) {
        call->asked.filters = json_object();
    }
    if (json_object_get(call->asked.filters, name) != NULL) {
        json_decref(value);
        return refuse(call, str_from(name), "is repeated");
    }
    json_object_set_new(call->asked.filters, name, value);
    return STATUS_OK;
}

static enum status take_filter(struct api_call *call, struct str name, struct str value) {
    const struct api_member *typed = find_typed(call, name);
    const char *text = find_text(call, name);
    if (typed != NULL) {
        return add_filter(call, typed->name, make_value(typed, value));
    }
    return text != NULL ? add_filter(call, text, json_from_str(value))
                        : refuse(call, name, "is not a parameter of this query");
}

static enum status take_member(struct api_call *call, struct str name, struct str value) {
    struct str *target = NULL;
    if (str_is_empty(value)) {
        return refuse(call, name, "has no value");
    }
    if (call->operation->list != API_LIST_NONE && str_eq(name, STR("include"))) {
        return take_include(call, value);
    }
    if (find_own(call, name, &target)) {
        if (!str_is_empty(*target)) {
            return refuse(call, name, "is repeated");
        }
        *target = value;
        return STATUS_OK;
    }
    return take_filter(call, name, value);
}

static enum status judge_typed(struct api_call *call) {
    const struct api_schema *typed = call->operation->query;
    struct api_faults faults = {.count = 0};
    json_t *values = json_object();
    for (size_t i = 0; typed != NULL && i < typed->count; i++) {
        const char *name = typed->members[i].name;
        json_object_set(values, name, json_object_get(call->asked.filters, name));
    }
    if (typed != NULL) {
        api_schema_check(typed, values, &faults);
    }
    json_decref(values);
    return faults.count == 0 ? STATUS_OK
                             : refuse(call, str_sub(str_from(faults.at[0].pointer), 1, SIZE_MAX),
                                      faults.at[0].detail);
}

enum status api_query_read(struct api_call *call) {
    struct str rest = call->query;
    if (rest.len > API_QUERY_BYTES_MAX) {
        return refuse(call, STR("query"), "is too long");
    }
    while (!str_is_empty(rest)) {
        struct str item;
        struct str parts[2];
        (void)str_cut(rest, '&', &item, &rest);
        (void)str_cut(item, '=', &parts[0], &parts[1]);
        if (decode(&call->arena, parts[0], &parts[0]) != STATUS_OK ||
            decode(&call->arena, parts[1], &parts[1]) != STATUS_OK) {
            return refuse(call, STR("query"), "is not well encoded");
        }
        enum status status = take_member(call, parts[0], parts[1]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return judge_typed(call);
}
