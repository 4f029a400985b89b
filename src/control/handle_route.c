#include "base/json.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "control/route_option.h"
#include "policy/bundle.h"
#include "policy/route_program.h"
#include "store/store_route.h"

#define DEFAULT_MATCH STR("prefix")
#define DEFAULT_UPSTREAM STR("default")

static json_t *write_route(const struct store_route *row) {
    struct route_option option = route_option_parse(row->options);
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "environment", api_call_id(&row->environment));
    json_object_set_new(item, "match", json_from_str(row->match));
    json_object_set_new(item, "path", json_from_str(row->path));
    json_object_set_new(item, "upstream", json_from_str(row->upstream));
    route_option_write(&option, item);
    json_object_set_new(item, "position", json_integer((json_int_t)row->position));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

static void answer_route(struct api_call *call, const struct store_route *row) {
    call->answer.body = write_route(row);
    api_call_set_etag(call, row->object.revision, 0);
}

/* Says where in the pattern the fault is. */
static enum status judge_route(struct api_call *call, const struct store_route *route) {
    struct route_pattern pattern = {.path = route->path};
    struct route_regexp_fault fault = {0};
    struct why why = {0};
    if (!bundle_is_upstream_name(route->upstream)) {
        return api_call_refuse(call, "upstream", "upstream_invalid", -1,
                               "has to be 1 to 63 of a-z, 0-9 and -");
    }
    if (route_match_parse(route->match, &pattern.match) != STATUS_OK) {
        return api_call_refuse(call, "match", "member_value", -1,
                               "has to be one of: prefix, exact, regexp");
    }
    enum status status = route_pattern_check(&pattern, &fault, &why);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    /* The slug is the matcher's: kept for as long as the call. */
    struct str code = arena_str(&call->arena, str_from(why.slug));
    return api_call_refuse(call, "path", code.at, (int64_t)fault.offset, why.text);
}

enum status handle_route_list(struct api_call *call) {
    struct store_page page;
    struct store_route *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_route_list(call->tx, &call->organization, &call->object, &page, &call->arena,
                                  &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_route(&rows[i]));
    }
    const struct store_route *last = count > 0 ? &rows[count - 1] : NULL;
    api_cursor_answer(call, &page, items, last != NULL ? &last->object.id : NULL,
                      last != NULL ? last->position : 0);
    return STATUS_OK;
}

static struct str take_options(struct api_call *call, struct str stored) {
    struct route_option option = route_option_parse(stored);
    route_option_patch(&option, call->input);
    return route_option_format(&option, &call->arena);
}

enum status handle_route_create(struct api_call *call) {
    struct store_route route = {
        .object = {.organization = call->organization},
        .environment = call->object,
        .match = api_call_text(call, "match", DEFAULT_MATCH),
        .path = api_call_text(call, "path", STR_EMPTY),
        .upstream = api_call_text(call, "upstream", DEFAULT_UPSTREAM),
        .options = take_options(call, STR_EMPTY),
    };
    enum status status = judge_route(call, &route);
    if (status == STATUS_OK) {
        status = store_route_insert(call->tx, &route);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "route.created", &route.object.id, NULL, write_route(&route));
    }
    if (status == STATUS_OK) {
        api_call_touch(call, &route.environment);
        answer_route(call, &route);
    }
    return status;
}

static enum status get_route(struct api_call *call, struct store_route *route) {
    return store_route_get(call->tx, &call->organization, &call->object, &call->arena, route);
}

enum status handle_route_get(struct api_call *call) {
    struct store_route route;
    enum status status = get_route(call, &route);
    if (status == STATUS_OK) {
        answer_route(call, &route);
    }
    return status;
}

enum status handle_route_patch(struct api_call *call) {
    struct store_route route;
    enum status status = get_route(call, &route);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, route.object.revision, 0, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct store_route changed = route;
    changed.match = api_call_text(call, "match", route.match);
    changed.path = api_call_text(call, "path", route.path);
    changed.upstream = api_call_text(call, "upstream", route.upstream);
    changed.options = take_options(call, route.options);
    changed.position = api_call_integer(call, "position", route.position);
    status = judge_route(call, &changed);
    bool is_same = str_eq(changed.match, route.match) && str_eq(changed.path, route.path) &&
                   str_eq(changed.upstream, route.upstream) &&
                   str_eq(changed.options, route.options) && changed.position == route.position;
    if (status == STATUS_OK && !is_same) {
        status = store_route_update(call->tx, &changed);
        api_call_touch(call, &changed.environment);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "route.updated", &changed.object.id, write_route(&route),
                              write_route(&changed));
    }
    if (status == STATUS_OK) {
        answer_route(call, &changed);
    }
    return status;
}

enum status handle_route_delete(struct api_call *call) {
    struct store_route route;
    enum status status = get_route(call, &route);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, route.object.revision, 0, true);
    }
    if (status == STATUS_OK) {
        status =
            store_route_delete(call->tx, &call->organization, &call->object, route.object.revision);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "route.deleted", &call->object, write_route(&route), NULL);
    }
    if (status == STATUS_OK) {
        api_call_touch(call, &route.environment);
        call->answer.etag[0] = '\0';
    }
    return status;
}
