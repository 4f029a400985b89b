/* handle_route_order.c: the list order of an environment's routes, as a whole. */
#include "base/json.h"
#include "base/map.h"
#include "control/audit.h"
#include "control/handle.h"
#include "control/managed.h"
#include "control/route_form.h"
#include "control/setting_document.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct order {
    struct setting_list routes; /* struct str */
};

static const struct setting members[] = {
    {"routes", SETTING_TEXTS, offsetof(struct order, routes), .min = 29, .max = 29,
     .count_max = STORE_ROUTES_MAX, .is_required = true,
     .about = "The ids of all of its routes, in the order that they shall have."},
};
static const struct setting_shape shape = {"RouteOrder", sizeof(struct order), members,
                                           COUNT(members), NULL};
const struct api_schema api_schema_route_order = {"RouteOrder", NULL, 0, &shape};

static json_t *write_order(const struct store_route *rows, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, api_call_id(&rows[i].object.id));
    }
    return json_pack("{s:o}", "routes", list);
}

/* Whether the list names each of the rows once: then `order` is filled. The shape has refused what stands there twice. */
static enum status find_rows(struct api_call *call, const json_t *list, struct store_route *rows,
                             size_t count, struct store_route **order) {
    struct map map;
    map_init(&map);
    for (size_t i = 0; i < count; i++) {
        (void)map_set(&map, id_str(&rows[i].object.id), &rows[i]);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct store_route *row =
            map_get(&map, str_make(json_string_value(item), json_string_length(item)));
        if (row == NULL) {
            api_schema_enter(&call->faults, "/routes/%zu", i);
            api_schema_add_fault(&call->faults, NULL, "route_unknown", -1,
                                 "is not a route of this environment");
            api_schema_enter(&call->faults, "%s", "");
        } else {
            order[i] = row;
        }
    }
    map_fini(&map);
    if (call->faults.count == 0 && json_array_size(list) != count) {
        api_schema_add_fault(&call->faults, "routes", "route_missing", -1,
                             "has to name all %zu routes of the environment", count);
    }
    return api_call_judged(call);
}

static enum status move_rows(struct api_call *call, struct store_route **order, size_t count) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (order[i]->position == (int64_t)i + 1) {
            continue;
        }
        order[i]->position = (int64_t)i + 1;
        status = managed_take_over(call, &order[i]->managed_by);
        if (status == STATUS_OK) {
            status = store_route_update(call->tx, order[i]);
        }
        api_call_touch(call, &call->object);
    }
    return status;
}

static enum status read_wish(struct api_call *call, const json_t **list) {
    (void)setting_document_check(&shape, call->input, "", &call->faults);
    *list = json_object_get(call->input, "routes");
    return api_call_judged(call);
}

static enum status answer(struct api_call *call, const struct id *environment) {
    struct store_environment row;
    struct store_route *rows = NULL;
    size_t count = 0;
    enum status status =
        store_environment_get(call->tx, &call->organization, environment, &call->arena, &row);
    if (status == STATUS_OK) {
        status = store_route_list_all(call->tx, &call->organization, environment, &call->arena,
                                      &rows, &count);
    }
    if (status == STATUS_OK) {
        call->answer.body = write_order(rows, count);
        api_call_set_etag(call, row.object.revision, row.bundle_revision);
    }
    return status;
}

enum status handle_route_order_put(struct api_call *call) {
    struct store_environment environment;
    struct store_route *rows = NULL;
    size_t count = 0;
    const json_t *list = NULL;
    enum status status = store_environment_get(call->tx, &call->organization, &call->object,
                                               &call->arena, &environment);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, environment.object.revision,
                                       environment.bundle_revision, true);
    }
    if (status == STATUS_OK) {
        status = read_wish(call, &list);
    }
    if (status == STATUS_OK) {
        status = store_route_list_all(call->tx, &call->organization, &call->object, &call->arena,
                                      &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct store_route **order =
        arena_zalloc(&call->arena, (json_array_size(list) + 1) * sizeof(*order));
    json_t *before = write_order(rows, count);
    status = find_rows(call, list, rows, count, order);
    if (status == STATUS_OK) {
        status = move_rows(call, order, count);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    status = answer(call, &call->object);
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    return audit_record(call, "environment.routes_ordered", &call->object, before,
                        json_incref(call->answer.body));
}
