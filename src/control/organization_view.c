#include "control/organization_view.h"

#include "base/json.h"

json_t *organization_view_write(const struct api_call *call, const struct store_organization *row) {
    enum store_role role;
    bool has_role = identity_session_role(&call->principal, &row->object.id, &role) == STATUS_OK;
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "role", has_role ? json_string(store_role_name(role)) : json_null());
    json_object_set_new(item, "status",
                        json_string(row->delete_at_ms == 0 ? "active" : "deleting"));
    json_object_set_new(item, "delete_at", api_call_time(row->delete_at_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}
