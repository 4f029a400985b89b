/* handle_member.c: the people of an organization and their roles.
 *
 * Only owners make and unmake owners, and there is always one: whoever would be the last to go has to name another first. What is counted
 * in the writing transaction stays true until it commits, so two at a time cannot both be the last but one.
 */
#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "identity/identity_email.h"
#include "store/store_membership.h"

/* A membership with whose it is. */
struct seat {
    struct store_membership_row row;
    struct store_member person;
};

static json_t *write_seat(const struct seat *seat) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&seat->row.object.id));
    json_object_set_new(item, "organization", api_call_id(&seat->row.object.organization));
    json_object_set_new(item, "email", json_from_str(seat->person.email));
    json_object_set_new(item, "name", json_from_str(seat->person.name));
    json_object_set_new(item, "role",
                        json_string(store_role_name((enum store_role)seat->row.role)));
    json_object_set_new(item, "joined_at", api_call_time(seat->row.object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(seat->row.object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)seat->row.object.revision));
    return item;
}

static enum status find_seat(struct api_call *call, const struct id *member, struct seat *seat) {
    enum status status = store_membership_get(call->tx, &call->organization, member, &seat->row);
    return status == STATUS_OK ? store_member_get_any(call->tx, member, &call->arena, &seat->person)
                               : status;
}

/* Lists */

static enum status read_role(struct api_call *call, int64_t *role) {
    enum store_role parsed;
    struct str text = api_cursor_filter(call, "role");
    *role = 0;
    if (str_is_empty(text)) {
        return STATUS_OK;
    }
    if (store_role_parse(text, &parsed) != STATUS_OK) {
        return why_set(&call->why, STATUS_INVALID, "query_invalid", "there is no such role");
    }
    *role = parsed;
    return STATUS_OK;
}

/* An address has one person at the most: the list is that one, if they are in it. */
static enum status list_one(struct api_call *call, struct str text, int64_t role, json_t *items) {
    struct identity_email email;
    struct seat seat;
    if (identity_email_parse(text, &email, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    enum status status =
        store_member_find_any(call->tx, identity_email_str(&email), &call->arena, &seat.person);
    if (status == STATUS_OK) {
        status = find_seat(call, &seat.person.object.id, &seat);
    }
    if (status == STATUS_OK && (role == 0 || seat.row.role == role)) {
        json_array_append_new(items, write_seat(&seat));
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status list_page(struct api_call *call, int64_t role, struct store_page *page,
                             json_t *items, struct id *last) {
    struct store_membership_row *rows = NULL;
    size_t count = 0;
    enum status status = store_membership_list(call->tx, &call->organization, role, page,
                                               &call->arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct seat seat = {.row = rows[i]};
        status = store_member_get_any(call->tx, &rows[i].object.id, &call->arena, &seat.person);
        if (status == STATUS_OK) {
            json_array_append_new(items, write_seat(&seat));
            *last = rows[i].object.id;
        }
    }
    return status;
}

enum status handle_member_list(struct api_call *call) {
    struct store_page page;
    struct id last = {.text = ""};
    int64_t role = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = read_role(call, &role);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct str email = api_cursor_filter(call, "email");
    json_t *items = json_array();
    status = str_is_empty(email) ? list_page(call, role, &page, items, &last)
                                 : list_one(call, email, role, items);
    if (status != STATUS_OK) {
        json_decref(items);
        return status;
    }
    api_cursor_answer(call, &page, items, &last, 0);
    return STATUS_OK;
}

enum status handle_member_get(struct api_call *call) {
    struct seat seat;
    enum status status = find_seat(call, &call->part, &seat);
    if (status == STATUS_OK) {
        call->answer.body = write_seat(&seat);
        api_call_set_etag(call, seat.row.object.revision, seat.person.object.revision);
    }
    return status;
}

/* Changes */

/* Whether the caller may make of `role` a `new_role` (0: none any more), and whether an owner is left then. */
static enum status judge_change(struct api_call *call, int64_t role, int64_t new_role,
                                bool is_own) {
    int64_t owners = 0;
    bool is_about_owners = role == STORE_ROLE_OWNER || new_role == STORE_ROLE_OWNER;
    if (is_about_owners && !is_own &&
        (call->permissions & PERMISSION_BIT(PERMISSION_ORGANIZATION_OWN)) == 0) {
        return why_set(&call->why, STATUS_DENIED, "forbidden",
                       "only an owner makes or unmakes owners");
    }
    if (role != STORE_ROLE_OWNER || new_role == STORE_ROLE_OWNER) {
        return STATUS_OK;
    }
    enum status status = store_membership_count_owners(call->tx, &call->organization, &owners);
    if (status == STATUS_OK && owners <= 1) {
        return why_set(&call->why, STATUS_CONFLICT, "last_owner",
                       "this is the organization's only owner: make another member owner first");
    }
    return status;
}

enum status handle_member_patch(struct api_call *call) {
    struct seat seat;
    enum store_role role;
    enum status status = find_seat(call, &call->part, &seat);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, seat.row.object.revision, seat.person.object.revision,
                                       false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    role = (enum store_role)seat.row.role;
    /* The schema has judged it. */
    (void)!store_role_parse(api_call_text(call, "role", STR_EMPTY), &role);
    if ((int64_t)role == seat.row.role) {
        call->answer.body = write_seat(&seat);
        audit_unchanged(call);
        return STATUS_OK;
    }
    status = judge_change(call, seat.row.role, role, false);
    json_t *before = write_seat(&seat);
    if (status == STATUS_OK) {
        seat.row.role = role;
        status = store_membership_update(call->tx, &seat.row);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    call->answer.body = write_seat(&seat);
    api_call_set_etag(call, seat.row.object.revision, seat.person.object.revision);
    return audit_record(call, "member.role_changed", &call->part, before, write_seat(&seat));
}

static enum status remove_member(struct api_call *call, const struct id *member,
                                 const char *action) {
    struct seat seat;
    bool is_own = id_eq(member, &call->actor);
    enum status status = find_seat(call, member, &seat);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, seat.row.object.revision, seat.person.object.revision,
                                       false);
    }
    if (status == STATUS_OK) {
        status = judge_change(call, seat.row.role, 0, is_own);
    }
    if (status == STATUS_OK) {
        status = store_membership_delete(call->tx, &call->organization, member,
                                         seat.row.object.revision);
    }
    if (status != STATUS_OK) {
        return status;
    }
    call->answer.etag[0] = '\0';
    log_info("api.member_removed", "organization=%s member=%s by=%s", call->organization.text,
             member->text, call->actor.text);
    return audit_record(call, action, member, write_seat(&seat), NULL);
}

enum status handle_member_delete(struct api_call *call) {
    return remove_member(call, &call->part, "member.removed");
}

enum status handle_member_leave(struct api_call *call) {
    return remove_member(call, &call->actor, "member.left");
}
