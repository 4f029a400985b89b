#include "control/control_operation.h"

#include "base/log.h"
#include "base/text.h"

#define LEASE_MS (INT64_C(10) * 60 * 1000)

static const struct {
    struct str kind;
    enum status (*run)(struct control *control, const struct store_operation *operation,
                       struct buf *result, struct why *why);
} kinds[] = {
    {STR_INIT("organization.export"), control_operation_export},
};

/* STATUS_NOT_FOUND: nothing waits. */
static enum status take(struct control *control, struct arena *arena,
                        struct store_operation *operation, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_READ, why, &tx);
    if (status == STATUS_OK) {
        status = store_operation_due_any(tx, arena, operation);
    }
    if (status != STATUS_OK) {
        return status;
    }
    store_tx_rollback(&tx);
    status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_operation_due_any(tx, arena, operation);
    }
    if (status == STATUS_OK) {
        operation->state = STORE_OPERATION_RUNNING;
        operation->lease_at_ms = store_tx_now_ms(tx) + LEASE_MS;
        status = store_operation_update(tx, operation);
    }
    if (status == STATUS_OK) {
        status =
            store_operation_drop_parts(tx, &operation->object.organization, &operation->object.id);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static enum status run(struct control *control, const struct store_operation *operation,
                       struct buf *result, struct why *why) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (str_eq(kinds[i].kind, operation->kind)) {
            return kinds[i].run(control, operation, result, why);
        }
    }
    return why_set(why, STATUS_UNSUPPORTED, "operation_unknown",
                   "this version of the program does not know such operations");
}

/* Each in a transaction of its own: others get their turn in between. */
static enum status keep_part(struct control *control, const struct store_operation *operation,
                             int64_t number, struct str content, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_operation_add_part(tx, operation, number, content);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static enum status keep_result(struct control *control, struct store_operation *operation,
                               struct str result, struct why *why) {
    enum status status = STATUS_OK;
    operation->byte_count = (int64_t)result.len;
    while (result.len > 0 && status == STATUS_OK) {
        struct str part = str_sub(result, 0, STORE_OPERATION_PART_MAX);
        part = str_sub(part, 0, text_utf8_prefix(part));
        operation->part_count++;
        status = keep_part(control, operation, operation->part_count, part, why);
        result = str_sub(result, part.len, SIZE_MAX);
    }
    return status;
}

static enum status finish(struct control *control, struct store_operation *operation,
                          enum status result, const struct why *reason, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    if (status != STATUS_OK) {
        return status;
    }
    operation->state = result == STATUS_OK ? STORE_OPERATION_SUCCEEDED : STORE_OPERATION_FAILED;
    operation->finished_at_ms = store_tx_now_ms(tx);
    operation->expires_at_ms = operation->finished_at_ms + CONTROL_OPERATION_RESULT_MS;
    operation->error = result == STATUS_OK
                           ? STR_EMPTY
                           : str_sub(str_from(reason->text), 0, STORE_OPERATION_ERROR_MAX);
    status = store_operation_update(tx, operation);
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static void work_off(struct control *control, struct store_operation *operation) {
    struct buf result;
    struct why why = {0};
    struct why ignored = {0};
    buf_init(&result, CONTROL_OPERATION_BYTES_MAX);
    enum status status = run(control, operation, &result, &why);
    if (status == STATUS_OK) {
        status = keep_result(control, operation, buf_str(&result), &why);
    }
    buf_fini_wiped(&result);
    log_write(status == STATUS_OK ? LOG_INFO : LOG_WARN, "control.operation_finished",
              "operation=%s kind=%.*s code=%s detail=%s", operation->object.id.text,
              STR_ARG(operation->kind), status == STATUS_OK ? "" : why.slug,
              status == STATUS_OK ? "" : why.text);
    if (finish(control, operation, status, &why, &ignored) != STATUS_OK) {
        log_warn("control.operation_not_finished", "operation=%s code=%s detail=%s",
                 operation->object.id.text, ignored.slug, ignored.text);
    }
}

void control_operation_run(struct control *control) {
    struct arena arena;
    struct store_operation operation;
    struct why why = {0};
    arena_init(&arena);
    enum status status = take(control, &arena, &operation, &why);
    if (status == STATUS_OK) {
        work_off(control, &operation);
    } else if (status != STATUS_NOT_FOUND) {
        log_warn("control.operations_not_read", "code=%s detail=%s", why.slug, why.text);
    }
    arena_fini(&arena);
}
