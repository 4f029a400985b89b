/* handle_operation.c: what goes on after its answer: asking for it, how far it is, its result. */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "control/audit.h"
#include "control/control_operation.h"
#include "control/handle.h"

#define PARTS_AT_ONCE 8 /* of the store's, in one answer */

static int64_t count_chunks(const struct store_operation *row) {
    return (row->part_count + PARTS_AT_ONCE - 1) / PARTS_AT_ONCE;
}

static json_t *write_result(const struct store_operation *row) {
    char url[96];
    if (row->state != STORE_OPERATION_SUCCEEDED) {
        return json_null();
    }
    (void)snprintf(url, sizeof(url), "/v1/operations/%s/result", row->object.id.text);
    json_t *result = json_object();
    json_object_set_new(result, "url", json_string(url));
    json_object_set_new(result, "parts", json_integer(count_chunks(row)));
    json_object_set_new(result, "bytes", json_integer(row->byte_count));
    json_object_set_new(result, "expires_at", api_call_time(row->expires_at_ms));
    return result;
}

static json_t *write_operation(const struct store_operation *row) {
    static const char *const states[] = {
        [STORE_OPERATION_QUEUED] = "queued",
        [STORE_OPERATION_RUNNING] = "running",
        [STORE_OPERATION_SUCCEEDED] = "succeeded",
        [STORE_OPERATION_FAILED] = "failed",
    };
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "organization", api_call_id(&row->object.organization));
    json_object_set_new(item, "kind", json_from_str(row->kind));
    json_object_set_new(item, "status", json_string(states[row->state]));
    json_object_set_new(item, "error",
                        row->error.len == 0 ? json_null() : json_from_str(row->error));
    json_object_set_new(item, "result", write_result(row));
    json_object_set_new(item, "requested_by", api_call_id(&row->requested_by));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "finished_at", api_call_time(row->finished_at_ms));
    return item;
}

enum status handle_operation_export(struct api_call *call) {
    int64_t unfinished = 0;
    enum status status = store_operation_count(call->tx, &call->organization, &unfinished);
    if (status == STATUS_OK && unfinished > 0) {
        return why_set(&call->why, STATUS_CONFLICT, "operation_running",
                       "an operation of the organization is still going on: wait for it");
    }
    struct store_operation row = {
        .object = {.organization = call->organization},
        .requested_by = call->actor,
        .state = STORE_OPERATION_QUEUED,
        .kind = CONTROL_OPERATION_EXPORT,
    };
    if (status == STATUS_OK) {
        status = store_operation_insert(call->tx, &row);
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_info("api.export_requested", "operation=%s organization=%s member=%s", row.object.id.text,
             call->organization.text, call->actor.text);
    call->answer.body = write_operation(&row);
    return audit_record(call, "organization.export_requested", &row.object.id, NULL,
                        write_operation(&row));
}

static enum status get(struct api_call *call, struct store_operation *row) {
    return store_operation_get(call->tx, &call->organization, &call->object, &call->arena, row);
}

enum status handle_operation_get(struct api_call *call) {
    struct store_operation row;
    enum status status = get(call, &row);
    if (status == STATUS_OK) {
        call->answer.body = write_operation(&row);
        api_call_set_etag(call, row.object.revision, 0);
    }
    return status;
}

/* Parts put together, up to what one answer holds; all answers together are the document. */
static enum status write_chunk(struct api_call *call, const struct store_operation *row,
                               int64_t chunk) {
    int64_t first = (chunk - 1) * PARTS_AT_ONCE + 1;
    enum status status = STATUS_OK;
    for (int64_t i = first;
         i < first + PARTS_AT_ONCE && i <= row->part_count && status == STATUS_OK; i++) {
        struct arena arena;
        struct str content;
        arena_init(&arena);
        status = store_operation_get_part(call->tx, &call->organization, &row->object.id, i, &arena,
                                          &content);
        if (status == STATUS_OK) {
            status = buf_append_str(&call->answer.bytes, content);
        }
        arena_fini(&arena);
    }
    if (status != STATUS_OK) {
        buf_clear(&call->answer.bytes);
    }
    return status;
}

enum status handle_operation_result(struct api_call *call) {
    struct store_operation row;
    const json_t *part = json_object_get(call->asked.filters, "part");
    int64_t chunk = part == NULL ? 1 : (int64_t)json_integer_value(part);
    enum status status = get(call, &row);
    if (status != STATUS_OK) {
        return status;
    }
    if (row.state != STORE_OPERATION_SUCCEEDED || row.expires_at_ms <= store_tx_now_ms(call->tx) ||
        chunk > count_chunks(&row)) {
        return why_set(&call->why, STATUS_NOT_FOUND, "not_found",
                       "there is no such result: it is not finished, failed, or has expired");
    }
    return write_chunk(call, &row, chunk);
}
