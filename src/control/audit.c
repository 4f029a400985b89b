#include "control/audit.h"

#include "base/log.h"

enum status audit_record(struct api_call *call, const char *action, const struct id *target,
                         json_t *before, json_t *after) {
    log_info("api.changed", "action=%s target=%s actor=%s request=%s", action, target->text,
             call->actor.text, call->request_id.text);
    json_decref(before);
    json_decref(after);
    return STATUS_OK;
}
