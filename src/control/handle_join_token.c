/* handle_join_token.c: one-time tokens by which edges join. The token itself is in one answer, the one that made it. */
#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/control_ca.h"
#include "control/handle.h"
#include "store/store_join_token.h"
#include "tunnel/join_token.h"

#define LIFETIME_SECONDS_DEFAULT 3600

static json_t *write_token(const struct store_join_token *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "name",
                        str_is_empty(row->name) ? json_null() : json_from_str(row->name));
    json_object_set_new(item, "edge",
                        id_is_none(&row->edge) ? json_null() : api_call_id(&row->edge));
    json_object_set_new(item, "expires_at", api_call_time(row->expires_at_ms));
    json_object_set_new(item, "used_at", api_call_time(row->used_at_ms));
    json_object_set_new(item, "revoked_at", api_call_time(row->revoked_at_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    return item;
}

enum status handle_join_token_list(struct api_call *call) {
    struct store_page page;
    struct store_join_token *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_join_token_list(call->tx, &page, &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_token(&rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

/* As many control planes as fit: the edge learns the others from the one that it reaches. */
static enum status write_secret(const struct control *control, struct join_token *token,
                                struct secret *text) {
    control_ca_root_sha256(control, token->root_sha256);
    enum status status =
        str_to_cstr(str_from(control->api_name), token->server_name, sizeof(token->server_name));
    for (size_t i = 0; i < control->controls.count && status == STATUS_OK; i++) {
        if (i < JOIN_TOKEN_CONTROLS_MAX) {
            status = str_to_cstr(control->controls.at[i].address, token->controls[i],
                                 sizeof(token->controls[i]));
            token->control_count++;
        }
    }
    while (status == STATUS_OK) {
        status = join_token_write(token, text);
        if (status != STATUS_TOO_LARGE || token->control_count == 1) {
            return status;
        }
        token->control_count--;
        status = STATUS_OK;
    }
    return status;
}

static enum status insert(struct api_call *call, const struct join_token *token,
                          struct store_join_token *row) {
    char secret[JOIN_TOKEN_SECRET_SIZE];
    uint8_t digest[DIGEST_BYTES];
    join_token_secret_text(token, secret);
    join_token_digest(str_from(secret), digest);
    secret_wipe(secret, sizeof(secret));
    enum status status = store_join_token_insert(call->tx, row, digest);
    return status == STATUS_OK
               ? audit_record(call, "join_token.created", &row->object.id, NULL, write_token(row))
               : status;
}

enum status handle_join_token_create(struct api_call *call) {
    struct join_token token = {.control_count = 0};
    struct secret text;
    int64_t seconds = api_call_integer(call, "expires_in_seconds", LIFETIME_SECONDS_DEFAULT);
    struct store_join_token row = {
        .name = api_call_text(call, "name", STR_EMPTY),
        .expires_at_ms = store_tx_now_ms(call->tx) + seconds * 1000,
    };
    secret_init(&text);
    join_token_make_secret(store_random(call->control->store), &token);
    enum status status = write_secret(call->control, &token, &text);
    if (status != STATUS_OK) {
        status = why_set(&call->why, STATUS_FAILED, "internal_error",
                         "the control planes' addresses are too long for a token");
    }
    if (status == STATUS_OK) {
        status = insert(call, &token, &row);
    }
    if (status == STATUS_OK) {
        call->answer.body = write_token(&row);
        json_object_set_new(call->answer.body, "token", json_from_str(secret_str(&text)));
    }
    join_token_fini(&token);
    secret_fini(&text);
    return status;
}

enum status handle_join_token_delete(struct api_call *call) {
    enum status status = store_join_token_revoke(call->tx, &call->object);
    if (status == STATUS_NOT_FOUND) {
        return why_set(&call->why, STATUS_NOT_FOUND, "not_found",
                       "there is no such token, or it has been used or revoked");
    }
    return status == STATUS_OK ? audit_record(call, "join_token.revoked", &call->object, NULL, NULL)
                               : status;
}
