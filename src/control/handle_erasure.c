/* handle_erasure.c: deleting an organization, and taking that back while there is time.
 *
 * From the first moment everything is switched off: edges drop its environments and end their tunnels, its keys open nothing, what its members
 * may do is look, export and restore. Warpgates keep their certificates and go on trying, so after a restore they are back by themselves.
 * When the grace is over it is erased (control_erasure.h).
 */
#include "base/json.h"
#include "base/log.h"
#include "control/audit.h"
#include "control/bundle_builder.h"
#include "control/handle.h"
#include "control/organization_view.h"
#include "store/store_erasure.h"
#include "store/store_project.h"

typedef enum status (*environment_fn)(struct api_call *call,
                                      const struct store_environment *environment);

static enum status each_of_project(struct api_call *call, const struct id *project,
                                   environment_fn visit) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    bool has_more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && has_more) {
        struct store_environment *rows = NULL;
        size_t count = 0;
        status = store_environment_list(call->tx, &call->organization, project, &page, &call->arena,
                                        &rows, &count);
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            status = visit(call, &rows[i]);
            page.after = rows[i].object.id;
        }
        page.has_cursor = count > 0;
        has_more = page.has_more && page.has_cursor;
    }
    return status;
}

static enum status each_environment(struct api_call *call, environment_fn visit) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    bool has_more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && has_more) {
        struct store_project *rows = NULL;
        size_t count = 0;
        status =
            store_project_list(call->tx, &call->organization, &page, &call->arena, &rows, &count);
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            status = each_of_project(call, &rows[i].object.id, visit);
            page.after = rows[i].object.id;
        }
        page.has_cursor = count > 0;
        has_more = page.has_more && page.has_cursor;
    }
    return status;
}

static enum status switch_off(struct api_call *call, const struct store_environment *environment) {
    change_list_add(&call->changes, CHANGE_ENVIRONMENT_REMOVED)->environment =
        environment->object.id;
    return STATUS_OK;
}

static enum status switch_on(struct api_call *call, const struct store_environment *environment) {
    enum status status =
        store_erasure_return(call->tx, &call->organization, &environment->object.id);
    return status == STATUS_OK
               ? bundle_builder_make(call->control->bundle_key, call->tx, &call->organization,
                                     &environment->object.id, &call->changes, &call->why)
               : status;
}

/* Writes delete_at_ms, and tells. */
static enum status set_end(struct api_call *call, struct store_organization *row,
                           int64_t delete_at_ms, const char *action, environment_fn visit) {
    json_t *before = organization_view_write(call, row);
    row->delete_at_ms = delete_at_ms;
    enum status status = store_organization_update(call->tx, row);
    if (status == STATUS_OK) {
        status = each_environment(call, visit);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    call->answer.body = organization_view_write(call, row);
    api_call_set_etag(call, row->object.revision, 0);
    return audit_record(call, action, &row->object.id, before, organization_view_write(call, row));
}

enum status handle_erasure_begin(struct api_call *call) {
    struct store_organization row;
    enum status status = store_organization_get(call->tx, &call->object, &call->arena, &row);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, row.object.revision, 0, true);
    }
    const json_t *name = json_object_get(call->asked.filters, "name");
    if (status == STATUS_OK &&
        !str_eq(str_make(json_string_value(name), json_string_length(name)), row.name)) {
        return why_set(&call->why, STATUS_INVALID, "query_invalid",
                       "name has to be the organization's name, to confirm");
    }
    if (status == STATUS_OK && row.delete_at_ms != 0) {
        return why_set(&call->why, STATUS_CONFLICT, "organization_deleting",
                       "the organization is being deleted already");
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_warn("api.organization_deleting", "organization=%s member=%s", row.object.id.text,
             call->actor.text);
    return set_end(call, &row, store_tx_now_ms(call->tx) + call->control->deletion_grace_ms,
                   "organization.deletion_begun", switch_off);
}

enum status handle_erasure_undo(struct api_call *call) {
    struct store_organization row;
    enum status status = store_organization_get(call->tx, &call->object, &call->arena, &row);
    if (status != STATUS_OK) {
        return status;
    }
    if (row.delete_at_ms == 0) {
        call->answer.body = organization_view_write(call, &row);
        api_call_set_etag(call, row.object.revision, 0);
        audit_unchanged(call);
        return STATUS_OK;
    }
    log_info("api.organization_restored", "organization=%s member=%s", row.object.id.text,
             call->actor.text);
    return set_end(call, &row, 0, "organization.restored", switch_on);
}
