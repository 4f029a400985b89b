/* manifest_apply.c: environments; their routes are manifest_routes.c's. */
#include "control/manifest_apply.h"

#include <stdio.h>

#include "base/json.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/environment_form.h"
#include "control/manifest_document.h"
#include "control/manifest_routes.h"

static struct str text_of(const json_t *item, const char *name) {
    const json_t *value = json_object_get(item, name);
    return str_make(json_string_value(value), json_string_length(value));
}

enum status manifest_apply_may(struct api_call *call, const struct manifest_wish *wish,
                               struct str managed_by, const char *pointer) {
    if (str_is_empty(managed_by) || str_eq(managed_by, wish->manager) || wish->is_forced) {
        return STATUS_OK;
    }
    api_schema_enter(&call->faults, "%s", pointer);
    api_schema_add_fault(&call->faults, NULL, "managed", -1, "\"%.*s\" manages this",
                         STR_ARG(managed_by));
    api_schema_enter(&call->faults, "%s", "");
    return why_set(&call->why, STATUS_CONFLICT, "managed",
                   "\"%.*s\" manages %s: leave it out, or take it over with ?force=true",
                   STR_ARG(managed_by), pointer);
}

/* ---- one environment ---- */

/* What is not said is the standard, but the host name, which stays or is chosen. */
static enum status take_environment(struct api_call *call, const json_t *item, const char *pointer,
                                    const struct id *project, struct store_environment *row) {
    row->is_enabled = true;
    row->settings = STR_EMPTY;
    row->hostnames = STR_EMPTY;
    row->health_checks = STR_EMPTY;
    enum status status = environment_form_take(call, item, pointer, row);
    if (status == STATUS_OK) {
        status = api_call_judged(call);
    }
    if (status == STATUS_OK && str_is_empty(row->hostname)) {
        status = environment_form_default_hostname(call, project, row->name, &row->hostname);
    }
    return status;
}

static enum status create_environment(struct api_call *call, const struct manifest_wish *wish,
                                      const json_t *item, const char *pointer,
                                      struct manifest_plan *plan, struct store_environment *row) {
    *row = (struct store_environment){.object = {.organization = call->organization},
                                      .project = call->object,
                                      .managed_by = wish->manager};
    enum status status = take_environment(call, item, pointer, &call->object, row);
    if (status == STATUS_OK) {
        status =
            environment_form_blame(call, item, pointer, store_environment_insert(call->tx, row));
    }
    if (status == STATUS_OK) {
        manifest_plan_add(plan, MANIFEST_CREATE, "environment", pointer, NULL, NULL,
                          manifest_document_environment(row));
        status = audit_record(call, "environment.created", &row->object.id, NULL,
                              environment_form_write(call, row));
    }
    if (status == STATUS_OK) {
        api_call_touch(call, &row->object.id);
    }
    return status;
}

static enum status change_environment(struct api_call *call, const struct manifest_wish *wish,
                                      const json_t *item, const char *pointer,
                                      struct manifest_plan *plan, struct store_environment *row) {
    struct store_environment before = *row;
    enum status status = manifest_apply_may(call, wish, before.managed_by, pointer);
    if (status == STATUS_OK) {
        status = take_environment(call, item, pointer, &call->object, row);
    }
    row->managed_by = wish->manager;
    if (status != STATUS_OK || environment_form_is_same(&before, row)) {
        manifest_plan_add(plan, MANIFEST_KEEP, "environment", pointer, NULL, NULL, NULL);
        return status;
    }
    status = environment_form_blame(call, item, pointer, store_environment_update(call->tx, row));
    if (status == STATUS_OK) {
        manifest_plan_add(plan, MANIFEST_UPDATE, "environment", pointer, &row->object.id,
                          manifest_document_environment(&before),
                          manifest_document_environment(row));
        status =
            audit_record(call, "environment.updated", &row->object.id,
                         environment_form_write(call, &before), environment_form_write(call, row));
    }
    if (status == STATUS_OK) {
        api_call_touch(call, &row->object.id);
    }
    return status;
}

static enum status apply_environment(struct api_call *call, const struct manifest_wish *wish,
                                     size_t index, struct manifest_plan *plan) {
    const json_t *item = json_array_get(json_object_get(wish->document, "environments"), index);
    struct store_environment row;
    char pointer[64];
    snprintf(pointer, sizeof(pointer), "/environments/%zu", index);
    enum status status = store_environment_find(call->tx, &call->organization, &call->object,
                                                text_of(item, "name"), &call->arena, &row);
    bool is_new = status == STATUS_NOT_FOUND;
    if (is_new) {
        status = create_environment(call, wish, item, pointer, plan, &row);
    } else if (status == STATUS_OK) {
        status = change_environment(call, wish, item, pointer, plan, &row);
    }
    return status == STATUS_OK
               ? manifest_routes_apply(call, wish, &row, is_new, item, pointer, plan)
               : status;
}

/* ---- what the document does not name ---- */

static bool is_named(const json_t *list, struct str name) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (str_eq(text_of(item, "name"), name)) {
            return true;
        }
    }
    return false;
}

static enum status delete_environment(struct api_call *call, const struct store_environment *row,
                                      struct manifest_plan *plan) {
    enum status status = store_environment_delete(
        call->tx, &call->organization, &row->object.id, row->object.revision,
        store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    if (status == STATUS_OK) {
        change_list_add(&call->changes, CHANGE_ENVIRONMENT_REMOVED)->environment = row->object.id;
        status = change_reader_revocations(call->tx, "environment_deleted", &call->changes);
    }
    if (status == STATUS_OK) {
        manifest_plan_add(plan, MANIFEST_DELETE, "environment", NULL, &row->object.id,
                          manifest_document_environment(row), NULL);
        status = audit_record(call, "environment.deleted", &row->object.id,
                              environment_form_write(call, row), NULL);
    }
    return status;
}

bool manifest_apply_is_pruned(const struct manifest_wish *wish, struct str managed_by) {
    return wish->prune == MANIFEST_PRUNE_ALL ||
           (wish->prune == MANIFEST_PRUNE_MANAGED && str_eq(managed_by, wish->manager));
}

static enum status prune(struct api_call *call, const struct manifest_wish *wish,
                         struct manifest_plan *plan) {
    const json_t *list = json_object_get(wish->document, "environments");
    struct store_environment *rows = NULL;
    size_t count = 0;
    enum status status = manifest_document_environments(call, &call->object, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (is_named(list, rows[i].name) || !manifest_apply_is_pruned(wish, rows[i].managed_by)) {
            continue;
        }
        status = manifest_apply_may(call, wish, rows[i].managed_by, "/environments");
        if (status == STATUS_OK) {
            status = delete_environment(call, &rows[i], plan);
        }
    }
    return status;
}

static enum status judge_names(struct api_call *call, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct str name = text_of(json_array_get(list, i), "name");
        for (size_t j = 0; j < i; j++) {
            if (str_eq(text_of(json_array_get(list, j), "name"), name)) {
                api_schema_enter(&call->faults, "/environments/%zu", i);
                api_schema_add_fault(&call->faults, "name", "repeated", -1,
                                     "is the name of another environment of the document, too");
                api_schema_enter(&call->faults, "%s", "");
            }
        }
    }
    return api_call_judged(call);
}

enum status manifest_apply(struct api_call *call, const struct manifest_wish *wish,
                           struct manifest_plan *plan) {
    const json_t *list = json_object_get(wish->document, "environments");
    enum status status = judge_names(call, list);
    /* First what goes: its host names are free for what comes. */
    if (status == STATUS_OK) {
        status = prune(call, wish, plan);
    }
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++) {
        status = apply_environment(call, wish, i, plan);
    }
    return status;
}
