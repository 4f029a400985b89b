/* handle_session.c: signing in and out. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "control/audit_access.h"
#include "control/handle.h"

json_t *handle_session_write(const struct identity_login_result *result) {
    json_t *body = json_object();
    json_object_set_new(body, "id", api_call_id(&result->session.object.id));
    json_object_set_new(body, "token", json_from_str(secret_str(&result->token)));
    json_object_set_new(body, "token_type", json_string("Bearer"));
    json_object_set_new(body, "member", api_call_id(&result->session.member));
    json_object_set_new(body, "expires_at", api_call_time(result->session.expires_at_ms));
    return body;
}

static json_t *write_shown(const struct store_session *session) {
    json_t *item = json_object();
    json_object_set_new(item, "member", api_call_id(&session->member));
    json_object_set_new(item, "expires_at", api_call_time(session->expires_at_ms));
    return item;
}

/* In each organization that the member belongs to: whoever watches over one sees who comes. */
static enum status record(struct api_call *call, const char *action,
                          const struct store_session *session, bool is_begun) {
    struct store_member member;
    struct store_membership *rows = NULL;
    size_t count = 0;
    enum status status = store_member_get_any(call->tx, &session->member, &call->arena, &member);
    if (status == STATUS_OK) {
        status = store_member_roles(call->tx, &session->member, &call->arena, &rows, &count);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct audit_fact fact = {
            .action = action,
            .organization = rows[i].organization,
            .actor = session->member,
            .actor_name = member.email,
            .target = session->object.id,
            .request = call->request_id,
            .ip_address = str_from(call->ip_address),
            .before = is_begun ? NULL : write_shown(session),
            .after = is_begun ? write_shown(session) : NULL,
        };
        status = audit_record_system(call->tx, &fact);
    }
    audit_unchanged(call); /* what there was to say has been said */
    return status;
}

/* A session that could not be recorded is nobody's: its token is never told. */
static enum status record_begun(struct api_call *call, const struct store_session *session) {
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = record(call, "session.created", session, true);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&call->tx);
    }
    if (status != STATUS_OK) {
        store_tx_rollback(&call->tx);
        (void)!identity_session_end(call->control->store, &session->object.id, NULL);
    }
    return status;
}

/* Overload is nobody's attempt. */
static void note_refusal(struct api_call *call, enum status status) {
    if (status != STATUS_DENIED && strcmp(call->why.slug, "too_many_attempts") != 0) {
        return;
    }
    struct audit_access_note note = {.action = "session.refused", .request = call->request_id};
    struct str email = str_trim(api_call_text(call, "email", STR_EMPTY));
    if (str_to_cstr(email, note.email, sizeof(note.email)) != STATUS_OK) {
        note.email[0] = '\0';
    }
    snprintf(note.code, sizeof(note.code), "%s", call->why.slug);
    snprintf(note.ip_address, sizeof(note.ip_address), "%s", call->ip_address);
    audit_access_add(call->control->access, &note);
}

enum status handle_session_create(struct api_call *call) {
    struct identity_login_result result = {0};
    const struct identity_origin origin = api_call_origin(call);
    secret_init(&result.token);
    enum status status = identity_login_try(
        &call->control->login, api_call_text(call, "email", STR_EMPTY),
        api_call_text(call, "password", STR_EMPTY), &origin, &result, &call->why);
    if (status == STATUS_OK) {
        status = record_begun(call, &result.session);
    }
    if (status == STATUS_OK) {
        call->answer.body = handle_session_write(&result);
        log_info("api.signed_in", "member=%s session=%s address=%s", result.session.member.text,
                 result.session.object.id.text, call->ip_address);
    } else if (status == STATUS_DENIED || status == STATUS_UNAVAILABLE) {
        note_refusal(call, status);
        call->answer.retry_after_seconds = result.retry_after_seconds;
        log_info("api.sign_in_refused", "address=%s code=%s", call->ip_address, call->why.slug);
    }
    /* An address that cannot be one is no other answer than one that is nobody's. */
    if (status == STATUS_INVALID || status == STATUS_TOO_LARGE) {
        status = why_set(&call->why, STATUS_DENIED, "credentials_wrong",
                         "e-mail address or password is wrong");
    }
    secret_fini(&result.token);
    return status;
}

enum status handle_session_delete(struct api_call *call) {
    const struct store_session *session = &call->principal.session;
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = record(call, "session.deleted", session, false);
    }
    if (status == STATUS_OK) {
        status = store_session_delete(call->tx, &session->object.id);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&call->tx);
    }
    if (status == STATUS_NOT_FOUND) { /* another call was faster */
        store_tx_rollback(&call->tx);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        log_info("api.signed_out", "member=%s session=%s", call->actor.text,
                 session->object.id.text);
    }
    return status;
}
