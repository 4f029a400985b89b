#include "control/managed.h"

static const struct api_member query[] = {{"force", API_BOOLEAN, .is_required = false}};
const struct api_schema api_schema_managed_query = {"", query, 1, NULL};

enum status managed_take_over(struct api_call *call, struct str *managed_by) {
    if (!str_is_empty(*managed_by) && !api_call_filter_boolean(call, "force", false)) {
        return why_set(&call->why, STATUS_CONFLICT, "managed",
                       "\"%.*s\" manages this: change it there, or take it over with ?force=true",
                       STR_ARG(*managed_by));
    }
    *managed_by = STR_EMPTY;
    return STATUS_OK;
}
