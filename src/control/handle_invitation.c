/* handle_invitation.c: asking people into an organization, asking again, taking it back. Accepting: handle_acceptance.c.
 *
 * Bounded for each organization: INVITATIONS_MAX at a time, and so many mails an hour (mail_budget.h), since they go to people who have not
 * asked for them.
 */
#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "control/invitation_view.h"
#include "control/mail_budget.h"
#include "identity/identity_invitation.h"
#include "store/store_membership.h"
#include "store/store_organization.h"

#define INVITATIONS_MAX 200
#define RESEND_AFTER_MS INT64_C(60000)

static enum status judge_email(struct api_call *call, struct identity_email *email) {
    struct why why = {0};
    return identity_email_parse(api_call_text(call, "email", STR_EMPTY), email, &why) == STATUS_OK
               ? STATUS_OK
               : api_call_refuse(call, "email", "email_invalid", -1, why.text);
}

static enum status judge_role(struct api_call *call, enum store_role role) {
    return role != STORE_ROLE_OWNER ||
                   (call->permissions & PERMISSION_BIT(PERMISSION_ORGANIZATION_OWN)) != 0
               ? STATUS_OK
               : why_set(&call->why, STATUS_DENIED, "forbidden", "only an owner invites owners");
}

/* Nobody is invited who is there already. */
static enum status judge_person(struct api_call *call, struct str email) {
    struct store_member person;
    struct store_membership_row membership;
    enum status status = store_member_find_any(call->tx, email, &call->arena, &person);
    if (status == STATUS_OK) {
        status =
            store_membership_get(call->tx, &call->organization, &person.object.id, &membership);
    }
    if (status == STATUS_OK) {
        return why_set(&call->why, STATUS_CONFLICT, "already_member",
                       "whoever has this address is a member of the organization");
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* One that has run out makes room for the next. */
static enum status make_room(struct api_call *call, struct str email) {
    struct store_invitation former;
    int64_t count = 0;
    enum status status =
        store_invitation_find(call->tx, &call->organization, email, &call->arena, &former);
    if (status == STATUS_OK && former.expires_at_ms <= store_tx_now_ms(call->tx)) {
        status = store_invitation_delete(call->tx, &call->organization, &former.object.id,
                                         former.object.revision);
    }
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        status = store_invitation_count(call->tx, &call->organization, &count);
    }
    if (status == STATUS_OK && count >= INVITATIONS_MAX) {
        return why_set(&call->why, STATUS_CONFLICT, "invitations_too_many",
                       "an organization has at most %d invitations at a time: revoke some",
                       INVITATIONS_MAX);
    }
    return status;
}

static struct str name_inviter(const struct api_call *call) {
    const struct store_member *member = &call->principal.member;
    return str_is_empty(member->name) ? member->email : member->name;
}

/* A letter with this link, if mails are sent here. */
static enum status send_mail(struct api_call *call, struct store_invitation *row, struct str url) {
    struct store_organization organization;
    struct identity_letter letter = {.organization = call->organization,
                                     .expires_at_ms = row->expires_at_ms};
    row->mail = (struct id){.text = ""};
    if (!identity_outbox_is_open(call->control->outbox)) {
        return STATUS_OK;
    }
    enum status status = mail_budget_take(&call->control->mail_budget, &call->organization,
                                          &call->answer.retry_after_seconds, &call->why);
    if (status == STATUS_OK) {
        status = store_organization_get(call->tx, &call->organization, &call->arena, &organization);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct identity_invitation_words words = {
        .organization = organization.name,
        .inviter = name_inviter(call),
        .role = str_from(store_role_name((enum store_role)row->role)),
        .url = url,
        .expires_at_ms = row->expires_at_ms,
    };
    status = identity_email_parse(row->email, &letter.to.email, &call->why);
    if (status == STATUS_OK) {
        status = identity_invitation_write(&words, &call->arena, &letter);
    }
    return status == STATUS_OK
               ? identity_outbox_put(call->control->outbox, call->tx, &letter, &row->mail)
               : status;
}

/* A new token, the mail with it, and the row: inserted or changed. */
static enum status
issue(struct api_call *call, struct store_invitation *row, char url[IDENTITY_INVITATION_URL_SIZE],
      enum status (*keep)(struct store_tx *tx, struct store_invitation *invitation,
                          const uint8_t sha256[DIGEST_BYTES])) {
    struct secret token;
    uint8_t digest[DIGEST_BYTES];
    identity_invitation_token(loop_random(call->control->loop), &token, digest);
    identity_invitation_url(str_from(call->control->console_url), secret_str(&token), url);
    secret_fini(&token);
    row->sent_at_ms = store_tx_now_ms(call->tx);
    row->sent_count++;
    enum status status = send_mail(call, row, str_from(url));
    if (status == STATUS_OK) {
        status = keep(call->tx, row, digest);
    }
    if (status != STATUS_OK || !id_is_none(&row->mail)) {
        secret_wipe(url, IDENTITY_INVITATION_URL_SIZE); /* the mail has it, nobody else */
        url[0] = '\0';
    }
    return status;
}

static enum status answer(struct api_call *call, const struct store_invitation *row, struct str url,
                          const char *action, json_t *before) {
    json_t *after = NULL;
    enum status status = invitation_view_write(call, row, url, &call->answer.body);
    if (status == STATUS_OK) {
        status = invitation_view_write(call, row, STR_EMPTY, &after);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    api_call_set_etag(call, row->object.revision, 0);
    return audit_record(call, action, &row->object.id, before, after);
}

enum status handle_invitation_create(struct api_call *call) {
    struct identity_email email;
    char url[IDENTITY_INVITATION_URL_SIZE];
    enum store_role role = STORE_ROLE_VIEWER;
    enum status status = judge_email(call, &email);
    /* The schema has judged it. */
    (void)!store_role_parse(api_call_text(call, "role", STR_EMPTY), &role);
    if (status == STATUS_OK) {
        status = judge_role(call, role);
    }
    if (status == STATUS_OK) {
        status = judge_person(call, identity_email_str(&email));
    }
    if (status == STATUS_OK) {
        status = make_room(call, identity_email_str(&email));
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t life_seconds =
        api_call_integer(call, "expires_in_seconds", IDENTITY_INVITATION_LIFE_SECONDS);
    struct store_invitation row = {
        .object = {.organization = call->organization},
        .invited_by = call->actor,
        .role = role,
        .expires_at_ms = store_tx_now_ms(call->tx) + life_seconds * 1000,
        .email = identity_email_str(&email),
    };
    status = issue(call, &row, url, store_invitation_insert);
    if (status == STATUS_OK) {
        log_info("api.invited", "invitation=%s organization=%s member=%s", row.object.id.text,
                 call->organization.text, call->actor.text);
        status =
            answer(call, &row, arena_str(&call->arena, str_from(url)), "invitation.created", NULL);
    }
    return status;
}

static enum status get(struct api_call *call, struct store_invitation *row) {
    return store_invitation_get(call->tx, &call->organization, &call->object, &call->arena, row);
}

/* The link before is void from here on, and the time begins anew. */
enum status handle_invitation_resend(struct api_call *call) {
    struct store_invitation row;
    char url[IDENTITY_INVITATION_URL_SIZE];
    json_t *before = NULL;
    enum status status = get(call, &row);
    if (status == STATUS_OK) {
        status = judge_role(call, (enum store_role)row.role);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const int64_t now_ms = store_tx_now_ms(call->tx);
    if (now_ms - row.sent_at_ms < RESEND_AFTER_MS) {
        call->answer.retry_after_seconds = (row.sent_at_ms + RESEND_AFTER_MS - now_ms + 999) / 1000;
        return why_set(&call->why, STATUS_UNAVAILABLE, "too_many_attempts",
                       "it was sent less than a minute ago");
    }
    status = invitation_view_write(call, &row, STR_EMPTY, &before);
    if (status != STATUS_OK) {
        return status;
    }
    if (!id_is_none(&row.mail)) {
        status = store_outbox_delete_any(call->tx, &row.mail); /* if it waits still */
    }
    row.expires_at_ms += now_ms - row.sent_at_ms;
    if (status == STATUS_OK) {
        status = issue(call, &row, url, store_invitation_update);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    return answer(call, &row, arena_str(&call->arena, str_from(url)), "invitation.resent", before);
}

enum status handle_invitation_list(struct api_call *call) {
    struct store_page page;
    struct store_invitation *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_invitation_list(call->tx, &call->organization, &page, &call->arena, &rows,
                                       &count);
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        json_t *item = NULL;
        status = invitation_view_write(call, &rows[i], STR_EMPTY, &item);
        if (status == STATUS_OK) {
            json_array_append_new(items, item);
        }
    }
    if (status != STATUS_OK) {
        json_decref(items);
        return status;
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

enum status handle_invitation_get(struct api_call *call) {
    struct store_invitation row;
    enum status status = get(call, &row);
    if (status == STATUS_OK) {
        status = invitation_view_write(call, &row, STR_EMPTY, &call->answer.body);
    }
    if (status == STATUS_OK) {
        api_call_set_etag(call, row.object.revision, 0);
    }
    return status;
}

enum status handle_invitation_delete(struct api_call *call) {
    struct store_invitation row;
    json_t *before = NULL;
    enum status status = get(call, &row);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, row.object.revision, 0, false);
    }
    if (status == STATUS_OK) {
        status = judge_role(call, (enum store_role)row.role);
    }
    if (status == STATUS_OK) {
        status = invitation_view_write(call, &row, STR_EMPTY, &before);
    }
    if (status == STATUS_OK && !id_is_none(&row.mail)) {
        status = store_outbox_delete_any(call->tx, &row.mail);
    }
    if (status == STATUS_OK) {
        status = store_invitation_delete(call->tx, &call->organization, &row.object.id,
                                         row.object.revision);
    }
    if (status != STATUS_OK) {
        json_decref(before);
        return status;
    }
    call->answer.etag[0] = '\0';
    return audit_record(call, "invitation.revoked", &row.object.id, before, NULL);
}
