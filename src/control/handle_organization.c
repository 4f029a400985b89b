#include "base/json.h"
#include "control/api_cursor.h"
#include "control/handle.h"
#include "store/store_organization.h"

static json_t *write_organization(const struct api_call *call,
                                  const struct store_organization *row) {
    enum store_role role = STORE_ROLE_VIEWER;
    /* The list is of this member's organizations: there is a role. */
    (void)!identity_session_role(&call->principal, &row->object.id, &role);
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "role", json_string(store_role_name(role)));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

enum status handle_organization_list(struct api_call *call) {
    struct store_page page;
    struct store_organization *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_organization_list_of_member(call->tx, &call->actor, &page, &call->arena,
                                                   &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_organization(call, &rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}
