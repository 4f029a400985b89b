#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/handle.h"
#include "store/store_service_account.h"

static json_t *write_account(const struct store_service_account *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "project", api_call_id(&row->project));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

enum status handle_service_account_list(struct api_call *call) {
    struct store_page page;
    struct store_service_account *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_service_account_list(call->tx, &call->organization, &call->object, &page,
                                            &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_account(&rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

enum status handle_service_account_create(struct api_call *call) {
    struct store_service_account account = {
        .object = {.organization = call->organization},
        .project = call->object,
        .name = api_call_text(call, "name", STR_EMPTY),
    };
    enum status status = store_service_account_insert(call->tx, &account);
    if (status == STATUS_OK) {
        status = audit_record(call, "service_account.created", &account.object.id, NULL,
                              write_account(&account));
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_info("api.service_account_created", "service_account=%s member=%s", account.object.id.text,
             call->actor.text);
    call->answer.body = write_account(&account);
    api_call_set_etag(call, account.object.revision, 0);
    return STATUS_OK;
}
