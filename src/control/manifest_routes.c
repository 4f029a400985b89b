#include "control/manifest_routes.h"

#include <stdio.h>

#include "base/json.h"
#include "base/map.h"
#include "control/audit.h"
#include "control/manifest_document.h"
#include "control/route_form.h"

/* A route as it is, and as it shall be. */
struct slot {
    struct store_route before; /* of one that is there */
    struct store_route after;
    bool is_there;
    bool is_wanted;
};

struct work {
    struct api_call *call;
    const struct manifest_wish *wish;
    struct manifest_plan *plan;
    const struct store_environment *environment;
    const char *pointer; /* of the environment */
    struct slot *there;
    size_t there_count;
    struct slot **wanted; /* in the document's order: of `there`, or new ones */
    size_t wanted_count;
};

/* "prefix /a 0": the how-many-th of its pattern. */
static struct str key_of(struct work *work, struct map *seen, struct str match, struct str path) {
    size_t nth = 0;
    struct str key;
    do {
        key =
            arena_printf(&work->call->arena, "%.*s %.*s %zu", STR_ARG(match), STR_ARG(path), nth++);
    } while (map_get(seen, key) != NULL);
    return key;
}

static enum status read_there(struct work *work, struct map *map) {
    struct api_call *call = work->call;
    struct store_route *rows = NULL;
    enum status status =
        store_route_list_all(call->tx, &call->organization, &work->environment->object.id,
                             &call->arena, &rows, &work->there_count);
    if (status != STATUS_OK) {
        return status;
    }
    work->there = arena_zalloc(&call->arena, (work->there_count + 1) * sizeof(struct slot));
    for (size_t i = 0; i < work->there_count; i++) {
        struct slot *slot = &work->there[i];
        *slot = (struct slot){.before = rows[i], .after = rows[i], .is_there = true};
        (void)map_set(map, key_of(work, map, rows[i].match, rows[i].path), slot);
    }
    return STATUS_OK;
}

static struct str text_of(const json_t *item, const char *name, struct str standard) {
    const json_t *value = json_object_get(item, name);
    return value != NULL ? str_make(json_string_value(value), json_string_length(value)) : standard;
}

/* What is not said is the standard. */
static enum status read_wanted(struct work *work, const struct map *there, struct map *seen,
                               const json_t *item, size_t index) {
    struct api_call *call = work->call;
    char pointer[API_POINTER_SIZE];
    struct str key =
        key_of(work, seen, text_of(item, "match", STR("prefix")), text_of(item, "path", STR_EMPTY));
    struct slot *slot = map_get(there, key);
    snprintf(pointer, sizeof(pointer), "%s/routes/%zu", work->pointer, index);
    if (slot == NULL) {
        slot = ARENA_NEW(&call->arena, struct slot);
        slot->after = (struct store_route){.object = {.organization = call->organization},
                                           .environment = work->environment->object.id};
    }
    (void)map_set(seen, key, slot);
    work->wanted[index] = slot;
    slot->is_wanted = true;
    slot->after.options = STR_EMPTY;
    slot->after.upstream = STR_EMPTY;
    slot->after.managed_by = work->wish->manager;
    route_form_take(call, item, pointer, &slot->after);
    return manifest_apply_may(call, work->wish, slot->before.managed_by, pointer);
}

/* ---- order ---- */

/* Whether those that are there stand in the document's order already, with the new ones behind them. */
static bool is_in_order(const struct work *work) {
    int64_t last = INT64_MIN;
    bool has_new = false;
    for (size_t i = 0; i < work->wanted_count; i++) {
        const struct slot *slot = work->wanted[i];
        if (slot->is_there && (has_new || slot->before.position <= last)) {
            return false;
        }
        has_new = has_new || !slot->is_there;
        last = slot->is_there ? slot->before.position : last;
    }
    return true;
}

/* Positions change only where they have to; what the document does not name comes last then. */
static void set_order(struct work *work) {
    bool is_kept = is_in_order(work);
    int64_t next = 1;
    for (size_t i = 0; is_kept && i < work->there_count; i++) {
        int64_t position = work->there[i].before.position;
        next = position >= next ? position + 1 : next;
    }
    for (size_t i = 0; i < work->wanted_count; i++) {
        struct slot *slot = work->wanted[i];
        if (!is_kept || !slot->is_there) {
            slot->after.position = next++;
        }
    }
    for (size_t i = 0; !is_kept && i < work->there_count; i++) {
        if (!work->there[i].is_wanted) {
            work->there[i].after.position = next++;
        }
    }
}

/* ---- writing ---- */

static enum status delete_route(struct work *work, const struct slot *slot) {
    struct api_call *call = work->call;
    const struct store_route *row = &slot->before;
    enum status status = manifest_apply_may(call, work->wish, row->managed_by, work->pointer);
    if (status == STATUS_OK) {
        status = store_route_delete(call->tx, &call->organization, &row->object.id,
                                    row->object.revision);
    }
    if (status == STATUS_OK) {
        manifest_plan_add(work->plan, MANIFEST_DELETE, "route", NULL, &row->object.id,
                          manifest_document_route(row), NULL);
        status = audit_record(call, "route.deleted", &row->object.id, route_form_write(row), NULL);
    }
    api_call_touch(call, &work->environment->object.id);
    return status;
}

static enum status update_route(struct work *work, struct slot *slot, const char *pointer) {
    struct api_call *call = work->call;
    if (route_form_is_same(&slot->before, &slot->after)) {
        manifest_plan_add(work->plan, MANIFEST_KEEP, "route", pointer, NULL, NULL, NULL);
        return STATUS_OK;
    }
    enum status status = store_route_update(call->tx, &slot->after);
    if (status == STATUS_OK) {
        manifest_plan_add(work->plan, MANIFEST_UPDATE, "route", pointer, &slot->after.object.id,
                          manifest_document_route(&slot->before),
                          manifest_document_route(&slot->after));
        status = audit_record(call, "route.updated", &slot->after.object.id,
                              route_form_write(&slot->before), route_form_write(&slot->after));
    }
    api_call_touch(call, &work->environment->object.id);
    return status;
}

static enum status create_route(struct work *work, struct slot *slot, const char *pointer) {
    struct api_call *call = work->call;
    enum status status = store_route_insert_at(call->tx, &slot->after);
    if (status == STATUS_OK) {
        manifest_plan_add(work->plan, MANIFEST_CREATE, "route", pointer, NULL, NULL,
                          manifest_document_route(&slot->after));
        status = audit_record(call, "route.created", &slot->after.object.id, NULL,
                              route_form_write(&slot->after));
    }
    api_call_touch(call, &work->environment->object.id);
    return status;
}

/* Those that the document does not name: gone, or moved behind. */
static enum status write_unnamed(struct work *work, size_t *kept) {
    enum status status = STATUS_OK;
    *kept = 0;
    for (size_t i = 0; i < work->there_count && status == STATUS_OK; i++) {
        struct slot *slot = &work->there[i];
        if (slot->is_wanted) {
            continue;
        }
        if (manifest_apply_is_pruned(work->wish, slot->before.managed_by)) {
            status = delete_route(work, slot);
            continue;
        }
        (*kept)++;
        if (slot->after.position != slot->before.position) {
            status = update_route(work, slot, NULL);
        }
    }
    return status;
}

static enum status write_all(struct work *work) {
    size_t kept = 0;
    enum status status = write_unnamed(work, &kept);
    if (status == STATUS_OK && kept + work->wanted_count > STORE_ROUTES_MAX) {
        status = why_set(&work->call->why, STATUS_TOO_LARGE, "routes_too_many",
                         "an environment has at most %d routes", STORE_ROUTES_MAX);
    }
    for (size_t i = 0; i < work->wanted_count && status == STATUS_OK; i++) {
        char pointer[API_POINTER_SIZE];
        struct slot *slot = work->wanted[i];
        snprintf(pointer, sizeof(pointer), "%s/routes/%zu", work->pointer, i);
        status =
            slot->is_there ? update_route(work, slot, pointer) : create_route(work, slot, pointer);
    }
    return status;
}

static enum status read_all(struct work *work, const json_t *list, bool is_new) {
    struct map there;
    struct map seen;
    map_init(&there);
    map_init(&seen);
    enum status status = is_new ? STATUS_OK : read_there(work, &there);
    for (size_t i = 0; i < work->wanted_count && status == STATUS_OK; i++) {
        status = read_wanted(work, &there, &seen, json_array_get(list, i), i);
    }
    map_fini(&there);
    map_fini(&seen);
    return status == STATUS_OK ? api_call_judged(work->call) : status;
}

enum status manifest_routes_apply(struct api_call *call, const struct manifest_wish *wish,
                                  const struct store_environment *environment, bool is_new,
                                  const json_t *item, const char *pointer,
                                  struct manifest_plan *plan) {
    const json_t *list = json_object_get(item, "routes");
    struct work work = {.call = call,
                        .wish = wish,
                        .plan = plan,
                        .environment = environment,
                        .pointer = pointer,
                        .wanted_count = json_array_size(list)};
    work.wanted = arena_zalloc(&call->arena, (work.wanted_count + 1) * sizeof(struct slot *));
    enum status status = read_all(&work, list, is_new);
    if (status == STATUS_OK) {
        set_order(&work);
        status = write_all(&work);
    }
    return status;
}
