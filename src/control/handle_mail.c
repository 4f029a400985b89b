/* handle_mail.c: the outbox, for whoever runs the installation: what waits to be sent, and why. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/handle.h"
#include "store/store_outbox.h"

static json_t *write_mail(const struct store_mail *row) {
    bool is_failed = row->failed_at_ms != 0;
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "organization",
                        id_is_none(&row->object.organization)
                            ? json_null()
                            : api_call_id(&row->object.organization));
    json_object_set_new(item, "recipient", json_from_str(row->recipient));
    json_object_set_new(item, "status", json_string(is_failed ? "failed" : "queued"));
    json_object_set_new(item, "attempts", json_integer(row->attempts));
    json_object_set_new(item, "last_error",
                        row->last_error.len == 0 ? json_null() : json_from_str(row->last_error));
    json_object_set_new(item, "next_attempt_at", api_call_time(is_failed ? 0 : row->next_at_ms));
    json_object_set_new(item, "expires_at", api_call_time(row->expires_at_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    return item;
}

enum status handle_mail_list(struct api_call *call) {
    struct store_page page;
    struct store_mail *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_outbox_list_any(call->tx, &page, &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_mail(&rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}
