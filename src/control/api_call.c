#include "control/api_call.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"

void api_call_init(struct api_call *call, struct control *control) {
    *call = (struct api_call){.control = control};
    arena_init(&call->arena);
    buf_init(&call->body, API_BODY_BYTES_MAX);
    buf_init(&call->answer.bytes, API_ANSWER_BYTES_MAX);
    change_list_init(&call->changes);
    call->request_id = id_new(ID_REQUEST, loop_clock(control->loop), loop_random(control->loop));
    call->begun_at_ms = clock_mono_ms(loop_clock(control->loop));
}

void api_call_fini(struct api_call *call) {
    json_decref(call->input);
    json_decref(call->asked.filters);
    json_decref(call->answer.body);
    change_list_fini(&call->changes);
    buf_fini_wiped(&call->answer.bytes);
    buf_fini_wiped(&call->body);
    arena_fini(&call->arena);
}

struct str api_call_field(const struct api_call *call, struct str name) {
    const struct http_field *field = http_fields_get(&call->head.fields, name);
    return field == NULL ? STR_EMPTY : field->value;
}

enum status api_call_bearer(struct api_call *call, struct str *token) {
    struct str scheme;
    struct str value = api_call_field(call, STR("authorization"));
    if (!str_cut(value, ' ', &scheme, token) || !str_eq_nocase(scheme, STR("bearer"))) {
        return why_set(&call->why, STATUS_DENIED, "session_missing",
                       "this needs \"Authorization: Bearer\" with a token");
    }
    *token = str_trim(*token);
    return STATUS_OK;
}

struct identity_origin api_call_origin(const struct api_call *call) {
    return (struct identity_origin){
        .ip_address = str_from(call->ip_address),
        .user_agent = api_call_field(call, STR("user-agent")),
    };
}

/* Members */

struct str api_call_text(const struct api_call *call, const char *name, struct str fallback) {
    const json_t *value = json_object_get(call->input, name);
    return value == NULL ? fallback : str_make(json_string_value(value), json_string_length(value));
}

bool api_call_boolean(const struct api_call *call, const char *name, bool fallback) {
    const json_t *value = json_object_get(call->input, name);
    return value == NULL ? fallback : json_is_true(value);
}

int64_t api_call_integer(const struct api_call *call, const char *name, int64_t fallback) {
    const json_t *value = json_object_get(call->input, name);
    return value == NULL ? fallback : (int64_t)json_integer_value(value);
}

/* Filters */

bool api_call_has_filter(const struct api_call *call, const char *name) {
    return json_object_get(call->asked.filters, name) != NULL;
}

struct str api_call_filter(const struct api_call *call, const char *name) {
    const json_t *value = json_object_get(call->asked.filters, name);
    return value == NULL ? STR_EMPTY
                         : str_make(json_string_value(value), json_string_length(value));
}

bool api_call_filter_boolean(const struct api_call *call, const char *name, bool fallback) {
    const json_t *value = json_object_get(call->asked.filters, name);
    return value == NULL ? fallback : json_is_true(value);
}

int64_t api_call_filter_integer(const struct api_call *call, const char *name, int64_t fallback) {
    const json_t *value = json_object_get(call->asked.filters, name);
    return value == NULL ? fallback : (int64_t)json_integer_value(value);
}

enum status api_call_refuse(struct api_call *call, const char *member, const char *code,
                            int64_t position, const char *detail) {
    api_schema_add_fault(&call->faults, member, code, position, "%s", detail);
    return why_set(&call->why, STATUS_INVALID, "validation_failed",
                   "the request's content is not acceptable");
}

enum status api_call_take_expiry(struct api_call *call, int64_t *expires_at_ms) {
    const json_t *value = json_object_get(call->input, "expires_at");
    if (value == NULL) {
        return STATUS_OK;
    }
    if (json_is_null(value)) {
        *expires_at_ms = 0;
        return STATUS_OK;
    }
    /* The schema has parsed it before. */
    enum status status = clock_parse_rfc3339(str_from(json_string_value(value)), expires_at_ms);
    return status == STATUS_OK && *expires_at_ms > store_tx_now_ms(call->tx)
               ? STATUS_OK
               : api_call_refuse(call, "expires_at", "time_past", -1, "has to be in the future");
}

enum status api_call_judged(struct api_call *call) {
    return call->faults.count == 0
               ? STATUS_OK
               : why_set(&call->why, STATUS_INVALID, "validation_failed", "%s %s",
                         call->faults.at[0].pointer, call->faults.at[0].detail);
}

/* Entity tags (RFC 9110 §8.8.3) */

void api_call_set_etag(struct api_call *call, uint64_t revision, uint64_t bundle_revision) {
    if (bundle_revision == 0) {
        snprintf(call->answer.etag, sizeof(call->answer.etag), "\"%" PRIu64 "\"", revision);
        return;
    }
    snprintf(call->answer.etag, sizeof(call->answer.etag), "\"%" PRIu64 "-%" PRIu64 "\"", revision,
             bundle_revision);
}

/* Whether a list of entity tags holds `tag`, by strong comparison. Our tags hold neither commas nor spaces. */
static bool holds_tag(struct str list, struct str tag) {
    while (!str_is_empty(list)) {
        struct str item;
        (void)str_cut(list, ',', &item, &list);
        if (str_eq(str_trim(item), tag)) {
            return true;
        }
    }
    return false;
}

/* Whether one of them is of this revision, whatever follows it. */
static bool holds_revision(struct str list, uint64_t revision) {
    char start[32];
    int len = snprintf(start, sizeof(start), "\"%" PRIu64 "-", revision);
    while (!str_is_empty(list)) {
        struct str item;
        (void)str_cut(list, ',', &item, &list);
        if (str_eq(str_sub(str_trim(item), 0, (size_t)len), str_make(start, (size_t)len))) {
            return true;
        }
    }
    return false;
}

bool api_call_is_unmodified(const struct api_call *call) {
    struct str list = api_call_field(call, STR("if-none-match"));
    return call->answer.etag[0] != '\0' &&
           (str_eq(list, STR("*")) || holds_tag(list, str_from(call->answer.etag)));
}

enum status api_call_precondition(struct api_call *call, uint64_t revision,
                                  uint64_t bundle_revision, bool is_required) {
    char bare[32];
    struct str list = api_call_field(call, STR("if-match"));
    api_call_set_etag(call, revision, bundle_revision);
    if (str_is_empty(list)) {
        return is_required ? why_set(&call->why, STATUS_INVALID, "precondition_required",
                                     "this needs If-Match with the object's ETag")
                           : STATUS_OK;
    }
    snprintf(bare, sizeof(bare), "\"%" PRIu64 "\"", revision);
    if (str_eq(list, STR("*")) || holds_tag(list, str_from(call->answer.etag)) ||
        holds_tag(list, str_from(bare)) ||
        (bundle_revision == 0 && holds_revision(list, revision))) {
        return STATUS_OK;
    }
    return why_set(&call->why, STATUS_CONFLICT, "revision_mismatch",
                   "the object has changed; its ETag is now %s", call->answer.etag);
}

enum status api_call_precondition_tag(struct api_call *call, bool is_required) {
    struct str list = api_call_field(call, STR("if-match"));
    if (str_is_empty(list)) {
        return is_required ? why_set(&call->why, STATUS_INVALID, "precondition_required",
                                     "this needs If-Match with the object's ETag")
                           : STATUS_OK;
    }
    if (str_eq(list, STR("*")) || holds_tag(list, str_from(call->answer.etag))) {
        return STATUS_OK;
    }
    return why_set(&call->why, STATUS_CONFLICT, "revision_mismatch",
                   "the object has changed; its ETag is now %s", call->answer.etag);
}

/* Changes */

void api_call_touch(struct api_call *call, const struct id *environment) {
    for (size_t i = 0; i < call->touched_count; i++) {
        if (id_eq(&call->touched[i], environment)) {
            return;
        }
    }
    if (call->touched_count == call->touched_cap) {
        size_t cap = call->touched_cap > 0 ? call->touched_cap * 2 : 4;
        struct id *grown = arena_alloc(&call->arena, cap * sizeof(struct id));
        for (size_t i = 0; i < call->touched_count; i++) {
            grown[i] = call->touched[i];
        }
        call->touched = grown;
        call->touched_cap = cap;
    }
    call->touched[call->touched_count++] = *environment;
}

/* Representations */

json_t *api_call_time(int64_t wall_ms) {
    char text[CLOCK_RFC3339_SIZE];
    if (wall_ms == 0) {
        return json_null();
    }
    clock_format_rfc3339(wall_ms, text);
    return json_string(text);
}

json_t *api_call_id(const struct id *id) {
    return json_string(id->text);
}

json_t *api_call_words(struct str words) {
    json_t *list = json_array();
    while (!str_is_empty(words)) {
        struct str word;
        (void)str_cut(words, ' ', &word, &words);
        json_array_append_new(list, json_from_str(word));
    }
    return list;
}
