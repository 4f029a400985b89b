/* handle_warpgate.c: the warpgates of an environment: what the store keeps, and what the edges say just now. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/handle.h"
#include "control/presence.h"
#include "store/store_warpgate.h"

/* What was reported since this process began goes before what was kept. */
static void merge_view(const struct store_warpgate *row, struct presence_view *view) {
    if (row->applied_revision > view->applied_revision) {
        view->applied_revision = row->applied_revision;
    }
    if (row->last_seen_at_ms > view->seen_at_ms) {
        view->seen_at_ms = row->last_seen_at_ms;
    }
    if (!view->is_known) {
        (void)!str_to_cstr(row->refused_code, view->refused_code, sizeof(view->refused_code));
    }
    if (view->ip_address[0] == '\0') {
        (void)!str_to_cstr(row->ip_address, view->ip_address, sizeof(view->ip_address));
    }
    if (view->version[0] == '\0') {
        (void)!str_to_cstr(row->version, view->version, sizeof(view->version));
    }
    /* One that never connected is not in doubt. */
    if (row->revoked_at_ms != 0 ||
        (view->status == PRESENCE_UNKNOWN && !view->is_known && row->last_seen_at_ms == 0)) {
        view->status = PRESENCE_DISCONNECTED;
    }
}

static json_t *text_or_null(const char *text) {
    return text[0] == '\0' ? json_null() : json_from_str(str_from(text));
}

static json_t *write_warpgate(struct api_call *call, const struct store_warpgate *row,
                              uint64_t bundle_revision) {
    struct presence_view view;
    presence_get(call->control->presence, &row->object.id, &view);
    merge_view(row, &view);
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "environment", api_call_id(&row->environment));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "status", json_string(presence_status_name(view.status)));
    json_object_set_new(item, "tunnels", json_integer(view.tunnel_count));
    json_object_set_new(item, "upstreams",
                        presence_write_upstreams(view.upstreams, view.upstream_count));
    json_object_set_new(item, "ip_address", text_or_null(view.ip_address));
    json_object_set_new(item, "version", text_or_null(view.version));
    json_object_set_new(item, "platform", json_from_str(row->platform));
    json_object_set_new(
        item, "applied_revision",
        view.applied_revision == 0 ? json_null() : json_integer((json_int_t)view.applied_revision));
    json_object_set_new(item, "bundle_revision", json_integer((json_int_t)bundle_revision));
    json_object_set_new(item, "refused_code", text_or_null(view.refused_code));
    json_object_set_new(item, "last_seen_at", api_call_time(view.seen_at_ms));
    json_object_set_new(item, "revoked_at", api_call_time(row->revoked_at_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    return item;
}

enum status handle_warpgate_list(struct api_call *call) {
    struct store_page page;
    struct store_environment environment;
    struct store_warpgate *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_environment_get(call->tx, &call->organization, &call->object, &call->arena,
                                       &environment);
    }
    if (status == STATUS_OK) {
        status = store_warpgate_list(call->tx, &call->organization, &call->object, &page,
                                     &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_warpgate(call, &rows[i], environment.bundle_revision));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}
