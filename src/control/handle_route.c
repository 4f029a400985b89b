#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "control/managed.h"
#include "control/route_form.h"

static void answer_route(struct api_call *call, const struct store_route *row) {
    call->answer.body = route_form_write(row);
    api_call_set_etag(call, row->object.revision, 0);
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
        json_array_append_new(items, route_form_write(&rows[i]));
    }
    const struct store_route *last = count > 0 ? &rows[count - 1] : NULL;
    api_cursor_answer(call, &page, items, last != NULL ? &last->object.id : NULL,
                      last != NULL ? last->position : 0);
    return STATUS_OK;
}

enum status handle_route_create(struct api_call *call) {
    struct store_route route = {
        .object = {.organization = call->organization},
        .environment = call->object,
    };
    route_form_take(call, call->input, "", &route);
    enum status status = api_call_judged(call);
    if (status == STATUS_OK) {
        status = store_route_insert(call->tx, &route);
    }
    if (status == STATUS_OK) {
        status =
            audit_record(call, "route.created", &route.object.id, NULL, route_form_write(&route));
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
    status = managed_take_over(call, &changed.managed_by);
    if (status == STATUS_OK) {
        route_form_take(call, call->input, "", &changed);
        changed.position = api_call_integer(call, "position", route.position);
        status = api_call_judged(call);
    }
    bool is_same = route_form_is_same(&changed, &route);
    if (status == STATUS_OK && !is_same) {
        status = store_route_update(call->tx, &changed);
        api_call_touch(call, &changed.environment);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "route.updated", &changed.object.id, route_form_write(&route),
                              route_form_write(&changed));
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
        struct str managed_by = route.managed_by;
        status = managed_take_over(call, &managed_by);
    }
    if (status == STATUS_OK) {
        status =
            store_route_delete(call->tx, &call->organization, &call->object, route.object.revision);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "route.deleted", &call->object, route_form_write(&route), NULL);
    }
    if (status == STATUS_OK) {
        api_call_touch(call, &route.environment);
        call->answer.etag[0] = '\0';
    }
    return status;
}
