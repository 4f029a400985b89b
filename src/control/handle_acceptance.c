/* handle_acceptance.c: accepting an invitation: the token opens it once, for the person whose address it went to.
 *
 * A new person brings a name and a password; somebody who has an account is signed in as that one, or gives its password. A token that is
 * wrong, has run out, was revoked or used: all the same answer. What takes long (hashing) is done before the one writing transaction, in which
 * everything is looked at again.
 */
#include "base/json.h"
#include "base/log.h"
#include "control/audit.h"
#include "control/handle.h"
#include "identity/identity_invitation.h"
#include "store/store_invitation.h"
#include "store/store_membership.h"
#include "store/store_organization.h"

struct acceptance {
    uint8_t digest[DIGEST_BYTES];
    struct store_invitation invitation;
    struct store_member person; /* whose address it is; object.id none: nobody's yet */
    char new_hash[IDENTITY_PASSWORD_HASH_SIZE];
    bool is_signed_in; /* with a session: it needs no other */
    int64_t role;
};

static enum status refuse(struct api_call *call) {
    return why_set(&call->why, STATUS_NOT_FOUND, "invitation_invalid",
                   "the invitation is not valid (any more): ask for another one");
}

/* The invitation as it is in the call's transaction. */
static enum status find(struct api_call *call, struct acceptance *acceptance) {
    struct store_organization organization;
    struct store_invitation *row = &acceptance->invitation;
    enum status status = store_invitation_find_any(call->tx, acceptance->digest, &call->arena, row);
    if (status == STATUS_OK) {
        status = store_organization_get(call->tx, &row->object.organization, &call->arena,
                                        &organization);
    }
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK &&
         (row->expires_at_ms <= store_tx_now_ms(call->tx) || organization.delete_at_ms != 0))) {
        return refuse(call);
    }
    if (status == STATUS_OK) {
        status = store_member_find_any(call->tx, row->email, &call->arena, &acceptance->person);
    }
    if (status == STATUS_NOT_FOUND) {
        acceptance->person = (struct store_member){.email = row->email};
        status = STATUS_OK;
    }
    return status;
}

/* Who tries many tokens waits, as who tries many passwords does. */
static enum status look_up(struct api_call *call, struct acceptance *acceptance) {
    struct str ip = str_from(call->ip_address);
    struct str account = arena_printf(&call->arena, "invitation %s", call->ip_address);
    enum status status = identity_throttle_begin(call->control->throttle, account, ip,
                                                 &call->answer.retry_after_seconds, &call->why);
    if (status != STATUS_OK) {
        return status;
    }
    if (identity_invitation_digest(api_call_text(call, "token", STR_EMPTY), acceptance->digest) !=
        STATUS_OK) {
        return refuse(call);
    }
    status = store_tx_begin(call->control->store, STORE_READ, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find(call, acceptance);
        store_tx_rollback(&call->tx);
    }
    if (status == STATUS_OK) {
        identity_throttle_succeeded(call->control->throttle, account, ip);
    }
    return status;
}

/* Who they are */

static enum status check_session(struct api_call *call, struct str token,
                                 struct acceptance *acceptance) {
    enum status status = identity_session_check(call->control->store, token, &call->arena,
                                                &call->principal, &call->why);
    if (status == STATUS_OK &&
        !id_eq(&call->principal.member.object.id, &acceptance->person.object.id)) {
        return why_set(&call->why, STATUS_DENIED, "forbidden",
                       "the invitation is for another address than that of who is signed in");
    }
    acceptance->is_signed_in = status == STATUS_OK;
    return status;
}

static enum status hash_password(struct api_call *call, struct acceptance *acceptance) {
    struct why why = {0};
    struct str password = api_call_text(call, "password", STR_EMPTY);
    if (str_is_empty(password)) {
        return api_call_refuse(call, "password", "member_missing", -1,
                               "is needed for a new account");
    }
    if (identity_password_check(password, &why) != STATUS_OK) {
        return api_call_refuse(call, "password", "password_weak", -1, why.text);
    }
    return identity_password_hash(call->control->passwords, password, acceptance->new_hash,
                                  &call->why);
}

static enum status identify(struct api_call *call, struct acceptance *acceptance) {
    struct str token;
    struct id member;
    struct str password = api_call_text(call, "password", STR_EMPTY);
    if (!str_is_empty(api_call_field(call, STR("authorization")))) {
        enum status status = api_call_bearer(call, &token);
        return status == STATUS_OK ? check_session(call, token, acceptance) : status;
    }
    if (id_is_none(&acceptance->person.object.id)) {
        return hash_password(call, acceptance);
    }
    if (str_is_empty(password)) {
        return why_set(&call->why, STATUS_DENIED, "session_missing",
                       "this address has an account: sign in first, or send its password");
    }
    return identity_login_verify(&call->control->login, acceptance->person.email, password,
                                 str_from(call->ip_address), &member,
                                 &call->answer.retry_after_seconds, &call->why);
}

/* The change */

static enum status add_person(struct api_call *call, struct acceptance *acceptance) {
    if (!id_is_none(&acceptance->person.object.id)) {
        /* An account was made with this address after the password was hashed for a new one. */
        return acceptance->new_hash[0] == '\0' ? STATUS_OK : refuse(call);
    }
    if (acceptance->new_hash[0] == '\0') {
        return refuse(call);
    }
    acceptance->person.name = api_call_text(call, "name", STR_EMPTY);
    acceptance->person.password_hash = str_from(acceptance->new_hash);
    return store_member_insert(call->tx, &acceptance->person);
}

/* Who has a role already keeps it. */
static enum status add_membership(struct api_call *call, struct acceptance *acceptance) {
    struct store_membership_row row;
    enum status status =
        store_membership_get(call->tx, &call->organization, &acceptance->person.object.id, &row);
    if (status == STATUS_NOT_FOUND) {
        row = (struct store_membership_row){
            .object = {.id = acceptance->person.object.id, .organization = call->organization},
            .role = acceptance->invitation.role,
        };
        status = store_membership_insert(call->tx, &row);
    }
    acceptance->role = row.role;
    return status;
}

static enum status begin_session(struct api_call *call, const struct acceptance *acceptance,
                                 json_t **session) {
    struct identity_login_result result = {0};
    const struct identity_origin origin = api_call_origin(call);
    *session = NULL;
    if (acceptance->is_signed_in) {
        *session = json_null();
        return STATUS_OK;
    }
    enum status status = identity_session_begin(call->tx, &acceptance->person.object.id, &origin,
                                                &result.token, &result.session);
    if (status == STATUS_OK) {
        *session = handle_session_write(&result);
        secret_fini(&result.token);
    }
    return status;
}

static json_t *write_joined(const struct acceptance *acceptance) {
    json_t *item = json_object();
    json_object_set_new(item, "organization",
                        api_call_id(&acceptance->invitation.object.organization));
    json_object_set_new(item, "member", api_call_id(&acceptance->person.object.id));
    json_object_set_new(item, "role",
                        json_string(store_role_name((enum store_role)acceptance->role)));
    return item;
}

static enum status join(struct api_call *call, struct acceptance *acceptance) {
    const struct store_invitation *row = &acceptance->invitation;
    json_t *session = NULL;
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find(call, acceptance);
    }
    call->organization = row->object.organization;
    if (status == STATUS_OK) {
        status = add_person(call, acceptance);
    }
    if (status == STATUS_OK) {
        status = add_membership(call, acceptance);
    }
    if (status == STATUS_OK) {
        status = store_invitation_delete(call->tx, &call->organization, &row->object.id,
                                         row->object.revision);
    }
    if (status == STATUS_OK) {
        status = begin_session(call, acceptance, &session);
    }
    if (status != STATUS_OK) {
        return status;
    }
    call->actor = acceptance->person.object.id;
    call->principal.member = acceptance->person;
    call->answer.body = write_joined(acceptance);
    json_object_set_new(call->answer.body, "session", session);
    log_info("api.invitation_accepted", "invitation=%s organization=%s member=%s",
             row->object.id.text, call->organization.text, call->actor.text);
    return audit_record(call, "invitation.accepted", &row->object.id, NULL,
                        write_joined(acceptance));
}

enum status handle_acceptance_create(struct api_call *call) {
    struct acceptance acceptance = {.is_signed_in = false};
    enum status status = look_up(call, &acceptance);
    if (status == STATUS_OK) {
        status = identify(call, &acceptance);
    }
    return status == STATUS_OK ? join(call, &acceptance) : status;
}
