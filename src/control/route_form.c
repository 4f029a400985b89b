#include "control/route_form.h"

#include "base/json.h"
#include "control/setting_document.h"
#include "policy/bundle.h"
#include "policy/route_program.h"

#define DEFAULT_MATCH STR("prefix")
#define DEFAULT_UPSTREAM STR("default")

_Static_assert(STORE_ROUTE_OPTIONS_MAX == ROUTE_SETTINGS_BYTES_MAX,
               "what the API accepts the store keeps");

static struct str text_of(const json_t *body, const char *name, struct str present,
                          struct str standard) {
    const json_t *value = json_object_get(body, name);
    if (value != NULL) {
        return str_make(json_string_value(value), json_string_length(value));
    }
    return str_is_empty(present) ? standard : present;
}

/* Says where in the pattern the fault is. */
static void judge(struct api_call *call, const struct store_route *row) {
    struct route_pattern pattern = {.path = row->path};
    struct route_regexp_fault fault = {0};
    struct why why = {0};
    if (!bundle_is_upstream_name(row->upstream)) {
        api_schema_add_fault(&call->faults, "upstream", "upstream_invalid", -1,
                             "has to be 1 to 63 of a-z, 0-9 and -");
    }
    if (route_match_parse(row->match, &pattern.match) != STATUS_OK) {
        api_schema_add_fault(&call->faults, "match", "member_value", -1,
                             "has to be one of: prefix, exact, regexp");
        return;
    }
    if (route_pattern_check(&pattern, &fault, &why) != STATUS_OK) {
        /* The slug is the matcher's: kept for as long as the call. */
        struct str code = arena_str(&call->arena, str_from(why.slug));
        api_schema_add_fault(&call->faults, "path", code.at, (int64_t)fault.offset, "%s", why.text);
    }
}

void route_form_take(struct api_call *call, const json_t *body, const char *pointer,
                     struct store_route *row) {
    row->match = text_of(body, "match", row->match, DEFAULT_MATCH);
    row->path = text_of(body, "path", row->path, STR_EMPTY);
    row->upstream = text_of(body, "upstream", row->upstream, DEFAULT_UPSTREAM);
    row->options =
        setting_document_take(&route_settings_shape, body, pointer, STORE_ROUTE_OPTIONS_MAX,
                              &call->arena, &call->faults, row->options);
    api_schema_enter(&call->faults, "%s", pointer);
    judge(call, row);
    api_schema_enter(&call->faults, "%s", "");
}

bool route_form_is_same(const struct store_route *a, const struct store_route *b) {
    return str_eq(a->match, b->match) && str_eq(a->path, b->path) &&
           str_eq(a->upstream, b->upstream) && str_eq(a->options, b->options) &&
           a->position == b->position && str_eq(a->managed_by, b->managed_by);
}

/* Takes `settings`. */
static json_t *write_with(const struct store_route *row, json_t *settings) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "match", json_from_str(row->match));
    json_object_set_new(item, "path", json_from_str(row->path));
    json_object_set_new(item, "upstream", json_from_str(row->upstream));
    json_object_update(item, settings);
    json_decref(settings);
    return item;
}

json_t *route_form_write(const struct store_route *row) {
    json_t *document = setting_document_parse(row->options);
    json_t *item = write_with(row, setting_document_complete(&route_settings_shape, document));
    json_decref(document);
    json_object_set_new(item, "environment", api_call_id(&row->environment));
    json_object_set_new(item, "position", json_integer((json_int_t)row->position));
    json_object_set_new(item, "managed_by",
                        str_is_empty(row->managed_by) ? json_null()
                                                      : json_from_str(row->managed_by));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

json_t *route_form_deliver(const struct store_route *row) {
    json_t *document = setting_document_parse(row->options);
    json_t *item = write_with(row, setting_document_deliver(&route_settings_shape, document));
    json_decref(document);
    return item;
}
