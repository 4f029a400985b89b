#include "control/edge_view.h"

#include <stdio.h>

#include "base/json.h"
#include "control/api_call.h"
#include "control/edge_presence.h"
#include "control/presence.h"

static json_t *text_or_null(struct str text) {
    return str_is_empty(text) ? json_null() : json_from_str(text);
}

json_t *edge_view_write_kept(const struct store_edge *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "address", json_from_str(row->address));
    json_object_set_new(item, "enabled", json_boolean(row->is_enabled));
    json_object_set_new(item, "embedded", json_boolean(row->is_embedded));
    return item;
}

static json_t *write_load(const struct feed_load *load) {
    json_t *item = json_object();
    json_object_set_new(item, "connections", json_integer(load->connections));
    json_object_set_new(item, "tunnels", json_integer(load->tunnels));
    json_object_set_new(item, "requests_per_second", json_integer(load->requests_per_second));
    json_object_set_new(item, "cpu_percent", json_integer(load->cpu_percent));
    json_object_set_new(item, "memory_bytes", json_integer((json_int_t)load->memory_bytes));
    json_object_set_new(item, "environments", json_integer(load->environments));
    return item;
}

json_t *edge_view_write(struct control *control, const struct store_edge *row) {
    struct edge_presence_view view;
    struct presence_edge_count count;
    edge_presence_get(control->edge_presence, &row->object.id, &view);
    presence_edge_count(control->presence, &row->object.id, &count);
    int64_t seen_at_ms =
        view.seen_at_ms > row->last_seen_at_ms ? view.seen_at_ms : row->last_seen_at_ms;
    json_t *item = edge_view_write_kept(row);
    json_object_set_new(item, "status",
                        json_string(view.is_connected ? "connected" : "disconnected"));
    json_object_set_new(
        item, "version",
        text_or_null(view.version[0] != '\0' ? str_from(view.version) : row->version));
    json_object_set_new(
        item, "ip_address",
        text_or_null(view.ip_address[0] != '\0' ? str_from(view.ip_address) : row->ip_address));
    json_object_set_new(item, "load", view.has_load ? write_load(&view.load) : json_null());
    json_object_set_new(item, "environments_applied", json_integer((json_int_t)count.applied));
    json_object_set_new(item, "environments_refused", json_integer((json_int_t)count.refused));
    json_object_set_new(item, "environments_behind", json_integer((json_int_t)count.behind));
    json_object_set_new(item, "last_seen_at", api_call_time(seen_at_ms));
    json_object_set_new(item, "certificate_expires_at",
                        api_call_time(view.certificate_until_ms != 0 ? view.certificate_until_ms
                                                                     : row->certificate_until_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

void edge_view_change(const struct store_edge *row, struct change_list *changes) {
    struct change *change = change_list_add(changes, CHANGE_EDGE);
    change->edge = row->object.id;
    change->revision = row->object.revision;
    change->is_enabled = row->is_enabled;
    change->is_revoked = row->revoked_at_ms != 0;
    snprintf(change->address, sizeof(change->address), "%.*s", STR_ARG(row->address));
}
