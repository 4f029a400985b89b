/* handle_session.c: signing in and out, and who is signed in. */
#include "base/json.h"
#include "base/log.h"
#include "control/handle.h"

static json_t *write_session(const struct identity_login_result *result) {
    json_t *body = json_object();
    json_object_set_new(body, "id", api_call_id(&result->session.object.id));
    json_object_set_new(body, "token", json_from_str(secret_str(&result->token)));
    json_object_set_new(body, "token_type", json_string("Bearer"));
    json_object_set_new(body, "member", api_call_id(&result->session.member));
    json_object_set_new(body, "expires_at", api_call_time(result->session.expires_at_ms));
    return body;
}

enum status handle_session_create(struct api_call *call) {
    struct identity_login_result result = {0};
    secret_init(&result.token);
    enum status status =
        identity_login_try(&call->control->login, api_call_text(call, "email", STR_EMPTY),
                           api_call_text(call, "password", STR_EMPTY), str_from(call->ip_address),
                           &result, &call->why);
    if (status == STATUS_OK) {
        call->answer.body = write_session(&result);
        log_info("api.signed_in", "member=%s session=%s address=%s", result.session.member.text,
                 result.session.object.id.text, call->ip_address);
    } else if (status == STATUS_DENIED || status == STATUS_UNAVAILABLE) {
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
    const struct id *session = &call->principal.session.object.id;
    enum status status = identity_session_end(call->control->store, session, &call->why);
    if (status == STATUS_OK) {
        log_info("api.signed_out", "member=%s session=%s", call->actor.text, session->text);
    }
    return status;
}

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

enum status handle_session_me(struct api_call *call) {
    const struct store_member *member = &call->principal.member;
    const struct store_session *session = &call->principal.session;
    json_t *shown = json_object();
    json_object_set_new(shown, "id", api_call_id(&session->object.id));
    json_object_set_new(shown, "expires_at", api_call_time(session->expires_at_ms));
    json_t *body = json_object();
    json_object_set_new(body, "id", api_call_id(&member->object.id));
    json_object_set_new(body, "email", json_from_str(member->email));
    json_object_set_new(body, "name", json_from_str(member->name));
    json_object_set_new(body, "memberships", write_memberships(&call->principal));
    json_object_set_new(body, "session", shown);
    call->answer.body = body;
    return STATUS_OK;
}
