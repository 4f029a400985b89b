/* handle_me.c: what people do with their own account: name, password, sessions, leaving an organization. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "store/store_session.h"

static json_t *write_memberships(const struct identity_principal *principal) {
    json_t *list = json_array();
    for (size_t i = 0; i < principal->membership_count; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "organization",
                            api_call_id(&principal->memberships[i].organization));
        json_object_set_new(item, "role",
                            json_string(store_role_name(principal->memberships[i].role)));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *write_me(const struct api_call *call, const struct store_member *member) {
    const struct store_session *session = &call->principal.session;
    json_t *shown = json_object();
    json_object_set_new(shown, "id", api_call_id(&session->object.id));
    json_object_set_new(shown, "expires_at", api_call_time(session->expires_at_ms));
    json_t *body = json_object();
    json_object_set_new(body, "id", api_call_id(&member->object.id));
    json_object_set_new(body, "email", json_from_str(member->email));
    json_object_set_new(body, "name", json_from_str(member->name));
    json_object_set_new(body, "operator", json_boolean(member->is_operator));
    json_object_set_new(body, "memberships", write_memberships(&call->principal));
    json_object_set_new(body, "session", shown);
    return body;
}

static json_t *write_account(const struct api_account *caller) {
    const struct store_service_account *account = &caller->account;
    json_t *key = json_object();
    json_object_set_new(key, "id", api_call_id(&caller->key.object.id));
    json_object_set_new(key, "expires_at", api_call_time(caller->key.expires_at_ms));
    json_t *body = json_object();
    json_object_set_new(body, "id", api_call_id(&account->object.id));
    json_object_set_new(body, "name", json_from_str(account->name));
    json_object_set_new(body, "organization", api_call_id(&account->object.organization));
    json_object_set_new(body, "project", api_call_id(&account->project));
    json_object_set_new(body, "environment",
                        id_is_none(&account->environment) ? json_null()
                                                          : api_call_id(&account->environment));
    json_object_set_new(body, "permissions", api_call_words(account->permissions));
    json_object_set_new(body, "expires_at", api_call_time(account->expires_at_ms));
    json_object_set_new(body, "key", key);
    return body;
}

enum status handle_me_get(struct api_call *call) {
    if (api_account_is_known(&call->account)) {
        call->answer.body = write_account(&call->account);
        return STATUS_OK;
    }
    call->answer.body = write_me(call, &call->principal.member);
    return STATUS_OK;
}

/* Name and password */

/* Outside of any transaction: it takes long. The new one is judged first, since that costs nothing. */
static enum status hash_password(struct api_call *call, char hash[IDENTITY_PASSWORD_HASH_SIZE]) {
    struct str password = api_call_text(call, "password", STR_EMPTY);
    struct str former = api_call_text(call, "current_password", STR_EMPTY);
    struct id member;
    struct why why = {0};
    if (json_object_get(call->input, "current_password") == NULL) {
        return api_call_refuse(call, "current_password", "member_missing", -1,
                               "is needed to set another password");
    }
    if (identity_password_check(password, &why) != STATUS_OK) {
        return api_call_refuse(call, "password", "password_weak", -1, why.text);
    }
    enum status status = identity_login_verify(&call->control->login, call->principal.member.email,
                                               former, str_from(call->ip_address), &member,
                                               &call->answer.retry_after_seconds, &call->why);
    if (status == STATUS_DENIED) {
        return api_call_refuse(call, "current_password", "password_wrong", -1,
                               "is not the present password");
    }
    return status == STATUS_OK
               ? identity_password_hash(call->control->passwords, password, hash, &call->why)
               : status;
}

static json_t *write_person(const struct store_member *member) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&member->object.id));
    json_object_set_new(item, "email", json_from_str(member->email));
    json_object_set_new(item, "name", json_from_str(member->name));
    return item;
}

static enum status change_me(struct api_call *call, struct str new_hash) {
    struct store_member member;
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = store_member_get_any(call->tx, &call->actor, &call->arena, &member);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *before = write_person(&member);
    member.name = api_call_text(call, "name", member.name);
    if (!str_is_empty(new_hash)) {
        member.password_hash = new_hash;
        status =
            store_session_delete_others(call->tx, &call->actor, &call->principal.session.object.id);
    }
    if (status == STATUS_OK) {
        status = store_member_update(call->tx, &member);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    call->answer.body = write_me(call, &member);
    status = audit_record(call, "member.updated", &member.object.id, before, write_person(&member));
    return status != STATUS_OK || str_is_empty(new_hash)
               ? status
               : audit_record(call, "member.password_changed", &member.object.id, NULL, NULL);
}

enum status handle_me_patch(struct api_call *call) {
    char hash[IDENTITY_PASSWORD_HASH_SIZE] = "";
    enum status status = STATUS_OK;
    if (json_object_get(call->input, "password") != NULL) {
        status = hash_password(call, hash);
    }
    return status == STATUS_OK ? change_me(call, str_from(hash)) : status;
}

/* Sessions */

static json_t *write_session(const struct api_call *call, const struct store_session *session) {
    json_t *item = json_object();
    bool is_current = id_eq(&session->object.id, &call->principal.session.object.id);
    json_object_set_new(item, "id", api_call_id(&session->object.id));
    json_object_set_new(item, "current", json_boolean(is_current));
    json_object_set_new(item, "ip_address", json_from_str(session->ip_address));
    json_object_set_new(item, "user_agent", json_from_str(session->user_agent));
    json_object_set_new(item, "created_at", api_call_time(session->object.created_at_ms));
    json_object_set_new(item, "last_used_at", api_call_time(session->last_used_at_ms));
    json_object_set_new(item, "expires_at", api_call_time(session->expires_at_ms));
    return item;
}

enum status handle_me_session_list(struct api_call *call) {
    struct store_page page;
    struct store_session *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_session_list(call->tx, &call->actor, &page, &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        /* What has ended is only not swept up yet. */
        if (!identity_session_has_ended(&rows[i], store_tx_now_ms(call->tx))) {
            json_array_append_new(items, write_session(call, &rows[i]));
        }
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

enum status handle_me_session_delete_others(struct api_call *call) {
    enum status status =
        store_session_delete_others(call->tx, &call->actor, &call->principal.session.object.id);
    return status == STATUS_OK
               ? audit_record(call, "member.sessions_ended", &call->actor, NULL, NULL)
               : status;
}

enum status handle_me_session_delete(struct api_call *call) {
    enum status status = store_session_delete_of(call->tx, &call->actor, &call->object);
    return status == STATUS_OK ? audit_record(call, "session.deleted", &call->object, NULL, NULL)
                               : status;
}
