#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/control_names.h"
#include "control/handle.h"
#include "control/health_option.h"
#include "store/store_project.h"

static json_t *write_environment(const struct api_call *call, const struct store_environment *row) {
    char url[CONTROL_NAMES_URL_SIZE];
    control_names_url(row->hostname, call->control->public_port, url);
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "organization", api_call_id(&row->object.organization));
    json_object_set_new(item, "project", api_call_id(&row->project));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "enabled", json_boolean(row->is_enabled));
    json_object_set_new(item, "health_checks", health_option_write(row->health_checks));
    json_object_set_new(item, "hostname", json_from_str(row->hostname));
    json_object_set_new(item, "url", json_string(url));
    json_object_set_new(item, "bundle_revision", json_integer((json_int_t)row->bundle_revision));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

static void answer_environment(struct api_call *call, const struct store_environment *row) {
    call->answer.body = write_environment(call, row);
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
        json_array_append_new(items, write_environment(call, &rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

static enum status choose_hostname(struct api_call *call, struct str name,
                                   char out[CONTROL_NAMES_HOST_SIZE]) {
    struct store_project project;
    struct store_environment *rows = NULL;
    size_t count = 0;
    struct store_page page = {.limit = 1, .order = STORE_ASCENDING};
    enum status status =
        store_project_get(call->tx, &call->organization, &call->object, &call->arena, &project);
    if (status == STATUS_OK) {
        status = store_environment_list(call->tx, &call->organization, &call->object, &page,
                                        &call->arena, &rows, &count);
    }
    return status != STATUS_OK
               ? status
               : control_names_hostname(str_from(call->control->domain), project.name, name,
                                        count == 0, out, &call->why);
}

enum status handle_environment_create(struct api_call *call) {
    char hostname[CONTROL_NAMES_HOST_SIZE];
    struct str name = api_call_text(call, "name", STR_EMPTY);
    struct store_environment environment;
    /* Its own name first: a name that is taken says more than the host name that follows from it. */
    enum status status = store_environment_find(call->tx, &call->organization, &call->object, name,
                                                &call->arena, &environment);
    if (status == STATUS_OK) {
        return why_set(&call->why, STATUS_CONFLICT, "name_taken",
                       "the project has an environment of this name");
    }
    if (status == STATUS_NOT_FOUND) {
        status = choose_hostname(call, name, hostname);
    }
    if (status != STATUS_OK) {
        return status;
    }
    environment = (struct store_environment){
        .object = {.organization = call->organization},
        .project = call->object,
        .is_enabled = api_call_boolean(call, "enabled", true),
        .name = name,
        .hostname = str_from(hostname),
    };
    status = health_option_take(call, &environment.health_checks);
    if (status == STATUS_OK) {
        status = store_environment_insert(call->tx, &environment);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "environment.created", &environment.object.id, NULL,
                              write_environment(call, &environment));
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

/* The host name stays when the name changes: links and certificates hang on it. */
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
    changed.name = api_call_text(call, "name", environment.name);
    changed.is_enabled = api_call_boolean(call, "enabled", environment.is_enabled);
    status = health_option_take(call, &changed.health_checks);
    bool is_same = str_eq(changed.name, environment.name) &&
                   changed.is_enabled == environment.is_enabled &&
                   str_eq(changed.health_checks, environment.health_checks);
    if (status == STATUS_OK && !is_same) {
        status = store_environment_update(call->tx, &changed);
        api_call_touch(call, &changed.object.id);
    }
    if (status == STATUS_OK) {
        status =
            audit_record(call, "environment.updated", &changed.object.id,
                         write_environment(call, &environment), write_environment(call, &changed));
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
                              write_environment(call, &environment), NULL);
    }
    if (status == STATUS_OK) {
        call->answer.etag[0] = '\0';
        log_info("api.environment_deleted", "environment=%s member=%s", call->object.text,
                 call->actor.text);
    }
    return status;
}
