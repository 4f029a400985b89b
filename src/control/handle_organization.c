#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "control/organization_view.h"
#include "store/store_membership.h"
#include "store/store_organization.h"

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
        json_array_append_new(items, organization_view_write(call, &rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

/* Whether this person may have one more, by the operator's wish and by number. */
static enum status judge_maker(struct api_call *call) {
    if (call->control->only_operators_make_organizations && !call->principal.member.is_operator) {
        return why_set(&call->why, STATUS_DENIED, "forbidden",
                       "on this installation only operators make organizations: ask one of them");
    }
    if (call->principal.membership_count >= STORE_MEMBER_ORGANIZATIONS_MAX) {
        return why_set(&call->why, STATUS_CONFLICT, "organizations_too_many",
                       "nobody is in more than %d organizations", STORE_MEMBER_ORGANIZATIONS_MAX);
    }
    return STATUS_OK;
}

static enum status add_owner(struct api_call *call) {
    struct store_membership_row owner = {
        .object = {.id = call->actor, .organization = call->organization},
        .role = STORE_ROLE_OWNER,
    };
    return store_membership_insert(call->tx, &owner);
}

/* As if they had been its owner when they asked. */
static enum status learn_membership(struct api_call *call) {
    return store_member_roles(call->tx, &call->actor, &call->arena, &call->principal.memberships,
                              &call->principal.membership_count);
}

enum status handle_organization_create(struct api_call *call) {
    struct store_organization row = {.name = api_call_text(call, "name", STR_EMPTY)};
    enum status status = judge_maker(call);
    if (status == STATUS_OK) {
        status = store_organization_insert(call->tx, &row);
    }
    if (status == STATUS_OK) {
        call->organization = row.object.id;
        status = add_owner(call);
    }
    if (status == STATUS_OK) {
        status = learn_membership(call);
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_info("api.organization_created", "organization=%s member=%s", row.object.id.text,
             call->actor.text);
    call->answer.body = organization_view_write(call, &row);
    api_call_set_etag(call, row.object.revision, 0);
    return audit_record(call, "organization.created", &row.object.id, NULL,
                        organization_view_write(call, &row));
}

enum status handle_organization_get(struct api_call *call) {
    struct store_organization row;
    enum status status = store_organization_get(call->tx, &call->object, &call->arena, &row);
    if (status == STATUS_OK) {
        call->answer.body = organization_view_write(call, &row);
        api_call_set_etag(call, row.object.revision, 0);
    }
    return status;
}

enum status handle_organization_patch(struct api_call *call) {
    struct store_organization row;
    enum status status = store_organization_get(call->tx, &call->object, &call->arena, &row);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, row.object.revision, 0, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *before = organization_view_write(call, &row);
    row.name = api_call_text(call, "name", row.name);
    status = store_organization_update(call->tx, &row);
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    call->answer.body = organization_view_write(call, &row);
    api_call_set_etag(call, row.object.revision, 0);
    return audit_record(call, "organization.updated", &row.object.id, before,
                        organization_view_write(call, &row));
}
