#include "control/invitation_view.h"

#include "base/json.h"
#include "store/store_outbox.h"

/* Where the mail is. What is no longer in the outbox has been sent. */
static enum status find_delivery(struct api_call *call, const struct store_invitation *row,
                                 const char **delivery, struct str *error) {
    struct store_mail mail;
    *delivery = "none";
    *error = STR_EMPTY;
    if (id_is_none(&row->mail)) {
        return STATUS_OK;
    }
    enum status status =
        store_outbox_get(call->tx, &row->object.organization, &row->mail, &call->arena, &mail);
    if (status == STATUS_NOT_FOUND) {
        *delivery = "sent";
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        *delivery = mail.failed_at_ms != 0 ? "failed" : "queued";
        *error = mail.last_error;
    }
    return status;
}

static json_t *text_or_null(struct str text) {
    return str_is_empty(text) ? json_null() : json_from_str(text);
}

enum status invitation_view_write(struct api_call *call, const struct store_invitation *row,
                                  struct str accept_url, json_t **out) {
    const char *delivery;
    struct str error;
    enum status status = find_delivery(call, row, &delivery, &error);
    if (status != STATUS_OK) {
        return status;
    }
    bool has_expired = row->expires_at_ms <= store_tx_now_ms(call->tx);
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "organization", api_call_id(&row->object.organization));
    json_object_set_new(item, "email", json_from_str(row->email));
    json_object_set_new(item, "role", json_string(store_role_name((enum store_role)row->role)));
    json_object_set_new(item, "status", json_string(has_expired ? "expired" : "pending"));
    json_object_set_new(item, "delivery", json_string(delivery));
    json_object_set_new(item, "delivery_error", text_or_null(error));
    json_object_set_new(item, "invited_by",
                        id_is_none(&row->invited_by) ? json_null() : api_call_id(&row->invited_by));
    json_object_set_new(item, "accept_url", text_or_null(accept_url));
    json_object_set_new(item, "sent_at", api_call_time(row->sent_at_ms));
    json_object_set_new(item, "expires_at", api_call_time(row->expires_at_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    *out = item;
    return STATUS_OK;
}
