#include "tunnel/usage_record.h"

#include <stddef.h>

#include "base/json.h"
#include "tunnel/message_form.h"

unsigned usage_record_class(unsigned status) {
    unsigned class = status / 100;
    return class < USAGE_RECORD_CLASSES ? class : 0;
}

void usage_record_merge(struct usage_record_count *into, const struct usage_record_count *from) {
    for (unsigned i = 0; i < USAGE_RECORD_CLASSES; i++) {
        into->status[i] += from->status[i];
    }
    for (unsigned i = 0; i < USAGE_RECORD_CODES_MAX; i++) {
        into->codes[i] += from->codes[i];
    }
    into->bytes_in += from->bytes_in;
    into->bytes_out += from->bytes_out;
    into->unlogged += from->unlogged;
    histogram_merge(&into->latency, &from->latency);
}

/* Counts */

#define NUMBER(name, member)                                                                       \
    { name, MESSAGE_REVISION, offsetof(struct count_form, member), .max = MESSAGE_REVISION_MAX }

/* As the form sees a count. */
struct count_form {
    struct usage_record_key key;
    struct usage_record_count count;
    const json_t *codes;
    const char *(*code_name)(unsigned code);
};

static enum status refuse(const char *member, struct why *why) {
    return why_set(why, STATUS_INVALID, "member_value", "/%s has a value that is not allowed",
                   member);
}

static bool is_number(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           (uint64_t)json_integer_value(value) <= MESSAGE_REVISION_MAX;
}

static enum status read_classes(const json_t *value, void *at, struct why *why) {
    struct count_form *form = at;
    bool is_good = json_is_array(value) && json_array_size(value) == USAGE_RECORD_CLASSES;
    for (size_t i = 0; i < USAGE_RECORD_CLASSES && is_good; i++) {
        const json_t *number = json_array_get(value, i);
        is_good = is_number(number);
        form->count.status[i] = is_good ? (uint64_t)json_integer_value(number) : 0;
    }
    return is_good ? STATUS_OK : refuse("status", why);
}

static json_t *write_classes(const void *at) {
    const struct count_form *form = at;
    json_t *array = json_array();
    for (size_t i = 0; i < USAGE_RECORD_CLASSES; i++) {
        json_array_append_new(array, json_integer((json_int_t)form->count.status[i]));
    }
    return array;
}

static bool is_code(const char *name) {
    struct str text = str_from(name);
    bool is_good = text.len > 0 && text.len <= USAGE_RECORD_CODE_BYTES_MAX;
    for (size_t i = 0; i < text.len && is_good; i++) {
        char c = text.at[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return is_good;
}

static enum status read_codes(const json_t *value, void *at, struct why *why) {
    struct count_form *form = at;
    const char *name;
    json_t *number;
    bool is_good = json_is_object(value) && json_object_size(value) <= USAGE_RECORD_CODES_MAX;
    json_object_foreach((json_t *)(uintptr_t)value, name, number) {
        is_good = is_good && is_code(name) && is_number(number) && json_integer_value(number) > 0;
    }
    form->codes = value;
    return is_good ? STATUS_OK : refuse("codes", why);
}

static json_t *write_codes(const void *at) {
    const struct count_form *form = at;
    json_t *object = json_object();
    for (unsigned i = 1; i < USAGE_RECORD_CODES_MAX; i++) {
        if (form->count.codes[i] > 0) {
            json_object_set_new(object, form->code_name(i), json_integer(form->count.codes[i]));
        }
    }
    return object;
}

static enum status read_latency(const json_t *value, void *at, struct why *why) {
    return histogram_read(value, &((struct count_form *)at)->count.latency, why);
}

static json_t *write_latency(const void *at) {
    return histogram_write(&((const struct count_form *)at)->count.latency);
}

static const struct message_member count_members[] = {
    {"environment", MESSAGE_ID, offsetof(struct count_form, key.environment),
     .id_kind = ID_ENVIRONMENT},
    {"project", MESSAGE_ID, offsetof(struct count_form, key.project), .id_kind = ID_PROJECT},
    {"organization", MESSAGE_ID, offsetof(struct count_form, key.organization),
     .id_kind = ID_ORGANIZATION},
    {"route", MESSAGE_MAYBE_ID, offsetof(struct count_form, key.route), .id_kind = ID_ROUTE},
    {"status", MESSAGE_CUSTOM, .read = read_classes, .write = write_classes},
    NUMBER("bytes_in", count.bytes_in),
    NUMBER("bytes_out", count.bytes_out),
    NUMBER("unlogged", count.unlogged),
    {"codes", MESSAGE_CUSTOM, .read = read_codes, .write = write_codes},
    {"latency", MESSAGE_CUSTOM, .read = read_latency, .write = write_latency},
};
static const struct message_form count_form = MESSAGE_FORM(NULL, count_members);

json_t *usage_record_write_count(const struct usage_record_key *key,
                                 const struct usage_record_count *count,
                                 const char *(*code_name)(unsigned code)) {
    const struct count_form form = {.key = *key, .count = *count, .code_name = code_name};
    return message_form_write(&count_form, &form);
}

enum status usage_record_read_count(const json_t *object, struct usage_record_key *key,
                                    struct usage_record_count *count, const json_t **codes,
                                    struct why *why) {
    struct count_form form = {0};
    enum status status = message_form_read(&count_form, object, &form, why);
    *key = form.key;
    *count = form.count;
    *codes = form.codes;
    return status;
}

/* Requests */

#define AT(member) offsetof(struct usage_record_request, member)
#define REQUEST_NUMBER(name, member)                                                               \
    { name, MESSAGE_REVISION, AT(member), .max = MESSAGE_REVISION_MAX }

static const struct message_member request_members[] = {
    {"id", MESSAGE_ID, AT(id), .id_kind = ID_REQUEST},
    {"environment", MESSAGE_ID, AT(environment), .id_kind = ID_ENVIRONMENT},
    {"route", MESSAGE_MAYBE_ID, AT(route), .id_kind = ID_ROUTE},
    REQUEST_NUMBER("at", at_ms),
    {"method", MESSAGE_WORD, AT(method), .max = USAGE_RECORD_WORD_MAX},
    {"host", MESSAGE_TOKEN, AT(host), .max = USAGE_RECORD_HOST_MAX},
    {"path", MESSAGE_TOKEN, AT(path), .max = USAGE_RECORD_TEXT_MAX},
    {"query", MESSAGE_TOKEN, AT(query), .max = USAGE_RECORD_TEXT_MAX, .is_optional = true},
    {"status", MESSAGE_COUNT, AT(status), .max = 599},
    {"code", MESSAGE_TOKEN, AT(code), .max = USAGE_RECORD_CODE_BYTES_MAX, .is_optional = true},
    {"step", MESSAGE_TOKEN, AT(step), .max = USAGE_RECORD_WORD_MAX, .is_optional = true},
    {"reason", MESSAGE_TOKEN, AT(reason), .max = USAGE_RECORD_CODE_BYTES_MAX, .is_optional = true},
    {"protocol", MESSAGE_TOKEN, AT(protocol), .max = USAGE_RECORD_WORD_MAX},
    {"ip_address", MESSAGE_TOKEN, AT(ip_address), .max = USAGE_RECORD_WORD_MAX},
    {"warpgate", MESSAGE_MAYBE_ID, AT(warpgate), .id_kind = ID_WARPGATE},
    REQUEST_NUMBER("duration_ms", duration_ms),
    REQUEST_NUMBER("first_byte_ms", first_byte_ms),
    REQUEST_NUMBER("bytes_in", bytes_in),
    REQUEST_NUMBER("bytes_out", bytes_out),
};
static const struct message_form request_form = MESSAGE_FORM(NULL, request_members);

json_t *usage_record_write_request(const struct usage_record_request *request) {
    return message_form_write(&request_form, request);
}

enum status usage_record_read_request(const json_t *object, struct usage_record_request *request,
                                      struct why *why) {
    return message_form_read(&request_form, object, request, why);
}
