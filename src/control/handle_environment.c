#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/environment_form.h"
#include "control/handle.h"
#include "control/managed.h"

static void answer_environment(struct api_call *call, const struct store_environment *row) {
    call->answer.body = environment_form_write(call, row);
    api_call_set_etag(call, row->object.revision, row->bundle_revision);
}

enum status handle_environment_list(struct api_call *call) {
    struct store_page page;
    struct store_environment *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_environment_list(call->tx, &call->organization, &call->object, &page,
                                        &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, environment_form_write(call, &rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

enum status handle_environment_create(struct api_call *call) {
    struct str name = api_call_text(call, "name", STR_EMPTY);
    struct store_environment environment;
    /* Its own name first: a name that is taken says more than the host name that follows from it. */
    enum status status = store_environment_find(call->tx, &call->organization, &call->object, name,
                                                &call->arena, &environment);
    if (status == STATUS_OK) {
        return why_set(&call->why, STATUS_CONFLICT, "name_taken",
                       "the project has an environment of this name");
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    environment = (struct store_environment){
        .object = {.organization = call->organization},
        .project = call->object,
        .is_enabled = true,
    };
    status = environment_form_take(call, call->input, "", &environment);
    if (status == STATUS_OK) {
        status = api_call_judged(call);
    }
    if (status == STATUS_OK && str_is_empty(environment.hostname)) {
        status =
            environment_form_default_hostname(call, &call->object, name, &environment.hostname);
    }
    if (status == STATUS_OK) {
        status = environment_form_blame(call, call->input, "",
                                        store_environment_insert(call->tx, &environment));
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "environment.created", &environment.object.id, NULL,
                              environment_form_write(call, &environment));
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_info("api.environment_created", "environment=%s member=%s", environment.object.id.text,
             call->actor.text);
    api_call_touch(call, &environment.object.id);
    answer_environment(call, &environment);
    return STATUS_OK;
}

static enum status get_environment(struct api_call *call, struct store_environment *environment) {
    return store_environment_get(call->tx, &call->organization, &call->object, &call->arena,
                                 environment);
}

enum status handle_environment_get(struct api_call *call) {
    struct store_environment environment;
    enum status status = get_environment(call, &environment);
    if (status == STATUS_OK) {
        answer_environment(call, &environment);
    }
    return status;
}

/* The host name stays when the name alone changes: links and certificates hang on it. */
enum status handle_environment_patch(struct api_call *call) {
    struct store_environment environment;
    enum status status = get_environment(call, &environment);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, environment.object.revision,
                                       environment.bundle_revision, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct store_environment changed = environment;
    status = managed_take_over(call, &changed.managed_by);
    if (status == STATUS_OK) {
        status = environment_form_take(call, call->input, "", &changed);
    }
    if (status == STATUS_OK) {
        status = api_call_judged(call);
    }
    bool is_same = environment_form_is_same(&changed, &environment);
    if (status == STATUS_OK && !is_same) {
        status = environment_form_blame(call, call->input, "",
                                        store_environment_update(call->tx, &changed));
        api_call_touch(call, &changed.object.id);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "environment.updated", &changed.object.id,
                              environment_form_write(call, &environment),
                              environment_form_write(call, &changed));
    }
    if (status == STATUS_OK) {
        answer_environment(call, &changed);
    }
    return status;
}

enum status handle_environment_delete(struct api_call *call) {
    struct store_environment environment;
    enum status status = get_environment(call, &environment);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, environment.object.revision,
                                       environment.bundle_revision, true);
    }
    if (status == STATUS_OK) {
        struct str managed_by = environment.managed_by;
        status = managed_take_over(call, &managed_by);
    }
    if (status == STATUS_OK) {
        status = store_environment_delete(call->tx, &call->organization, &call->object,
                                          environment.object.revision,
                                          store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    }
    if (status == STATUS_OK) {
        change_list_add(&call->changes, CHANGE_ENVIRONMENT_REMOVED)->environment = call->object;
        status = change_reader_revocations(call->tx, "environment_deleted", &call->changes);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "environment.deleted", &call->object,
                              environment_form_write(call, &environment), NULL);
    }
    if (status == STATUS_OK) {
        call->answer.etag[0] = '\0';
        log_info("api.environment_deleted", "environment=%s member=%s", call->object.text,
                 call->actor.text);
    }
    return status;
}
