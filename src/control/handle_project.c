#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/control_names.h"
#include "control/handle.h"
#include "store/store_project.h"

#define FIRST_ENVIRONMENT STR("production")

static json_t *write_project(const struct store_project *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "organization", api_call_id(&row->object.organization));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

enum status handle_project_list(struct api_call *call) {
    struct store_page page;
    struct store_project *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status =
            store_project_list(call->tx, &call->organization, &page, &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_project(&rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

/* For the audit event: the API's own words for what matters of it. */
static json_t *write_first(const struct store_environment *environment) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&environment->object.id));
    json_object_set_new(item, "project", api_call_id(&environment->project));
    json_object_set_new(item, "name", json_from_str(environment->name));
    json_object_set_new(item, "enabled", json_boolean(environment->is_enabled));
    json_object_set_new(item, "hostname", json_from_str(environment->hostname));
    return item;
}

/* A new project brings its first environment, which gets the project's own host name. */
static enum status add_first_environment(struct api_call *call,
                                         const struct store_project *project) {
    char hostname[CONTROL_NAMES_HOST_SIZE];
    enum status status = control_names_hostname(str_from(call->control->domain), project->name,
                                                FIRST_ENVIRONMENT, true, hostname, &call->why);
    if (status != STATUS_OK) {
        return status;
    }
    struct store_environment environment = {
        .object = {.organization = call->organization},
        .project = project->object.id,
        .is_enabled = true,
        .name = FIRST_ENVIRONMENT,
        .hostname = str_from(hostname),
    };
    status = store_environment_insert(call->tx, &environment);
    if (status == STATUS_OK) {
        api_call_touch(call, &environment.object.id);
        status = audit_record(call, "environment.created", &environment.object.id, NULL,
                              write_first(&environment));
    }
    return status;
}

enum status handle_project_create(struct api_call *call) {
    struct store_project project = {
        .object = {.organization = call->organization},
        .name = api_call_text(call, "name", STR_EMPTY),
    };
    enum status status = store_project_insert(call->tx, &project);
    if (status == STATUS_OK) {
        status = audit_record(call, "project.created", &project.object.id, NULL,
                              write_project(&project));
    }
    if (status == STATUS_OK) {
        status = add_first_environment(call, &project);
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_info("api.project_created", "project=%s member=%s", project.object.id.text,
             call->actor.text);
    call->answer.body = write_project(&project);
    api_call_set_etag(call, project.object.revision, 0);
    return STATUS_OK;
}

enum status handle_project_get(struct api_call *call) {
    struct store_project project;
    enum status status =
        store_project_get(call->tx, &call->organization, &call->object, &call->arena, &project);
    if (status == STATUS_OK) {
        call->answer.body = write_project(&project);
        api_call_set_etag(call, project.object.revision, 0);
    }
    return status;
}

enum status handle_project_patch(struct api_call *call) {
    struct store_project project;
    enum status status =
        store_project_get(call->tx, &call->organization, &call->object, &call->arena, &project);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, project.object.revision, 0, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *before = write_project(&project);
    struct str name = api_call_text(call, "name", project.name);
    if (!str_eq(name, project.name)) {
        project.name = name;
        status = store_project_update(call->tx, &project);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "project.updated", &project.object.id, json_incref(before),
                              write_project(&project));
    }
    json_decref(before);
    if (status == STATUS_OK) {
        call->answer.body = write_project(&project);
        api_call_set_etag(call, project.object.revision, 0);
    }
    return status;
}

/* Edges drop each of its environments. */
static enum status add_removals(struct api_call *call) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    bool has_more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && has_more) {
        struct store_environment *rows = NULL;
        size_t count = 0;
        status = store_environment_list(call->tx, &call->organization, &call->object, &page,
                                        &call->arena, &rows, &count);
        for (size_t i = 0; i < count; i++) {
            change_list_add(&call->changes, CHANGE_ENVIRONMENT_REMOVED)->environment =
                rows[i].object.id;
            page.after = rows[i].object.id;
        }
        page.has_cursor = count > 0;
        has_more = page.has_more && page.has_cursor;
    }
    return status;
}

enum status handle_project_delete(struct api_call *call) {
    struct store_project project;
    enum status status =
        store_project_get(call->tx, &call->organization, &call->object, &call->arena, &project);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, project.object.revision, 0, true);
    }
    if (status == STATUS_OK) {
        status = add_removals(call);
    }
    if (status == STATUS_OK) {
        status = store_project_delete(call->tx, &call->organization, &call->object,
                                      project.object.revision,
                                      store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    }
    if (status == STATUS_OK) {
        status = change_reader_revocations(call->tx, "project_deleted", &call->changes);
    }
    if (status == STATUS_OK) {
        status =
            audit_record(call, "project.deleted", &call->object, write_project(&project), NULL);
    }
    if (status == STATUS_OK) {
        call->answer.etag[0] = '\0';
        log_info("api.project_deleted", "project=%s member=%s", call->object.text,
                 call->actor.text);
    }
    return status;
}
