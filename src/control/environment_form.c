#include "control/environment_form.h"

#include <string.h>

#include "base/json.h"
#include "control/control_names.h"
#include "control/health_option.h"
#include "control/setting_document.h"
#include "store/store_hostname.h"
#include "store/store_project.h"

_Static_assert(STORE_ENVIRONMENT_SETTINGS_MAX == ENVIRONMENT_SETTINGS_BYTES_MAX,
               "what the API accepts the store keeps");
_Static_assert(ENVIRONMENT_HOSTNAMES_MAX *(STORE_HOSTNAME_MAX + 1) <= STORE_HOSTNAMES_MAX,
               "as many names as there may be fit");

static struct str text_of(const json_t *value) {
    return str_make(json_string_value(value), json_string_length(value));
}

/* ---- host names ---- */

static bool has_name(const struct store_environment *row, struct str name) {
    struct str rest = row->hostnames;
    if (str_eq(row->hostname, name)) {
        return true;
    }
    while (!str_is_empty(rest)) {
        struct str item;
        (void)str_cut(rest, ' ', &item, &rest);
        if (str_eq(item, name)) {
            return true;
        }
    }
    return false;
}

/* "co.uk" and its like belong to nobody: having one says nothing about what is below. */
static bool may_be_public_suffix(struct str name) {
    struct str label;
    struct str rest;
    (void)str_cut(name, '.', &label, &rest);
    return label.len <= 3 && rest.len == 2;
}

/* A name below one that another organization has would share cookies with it. */
static enum status find_foreign_parent(struct api_call *call, struct str name, bool *is_below) {
    struct str rest = name;
    struct str label;
    *is_below = false;
    while (str_cut(rest, '.', &label, &rest) && str_find(rest, '.') < rest.len && !*is_below) {
        enum status status =
            may_be_public_suffix(rest)
                ? STATUS_OK
                : store_hostname_is_foreign(call->tx, &call->organization, rest, is_below);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* `member` is where it stands; NULL: where the faults stand already. */
static enum status judge_name(struct api_call *call, const char *member, struct str name,
                              bool is_first) {
    char detail[CONTROL_NAMES_DETAIL_SIZE];
    struct str domain = str_from(call->control->domain);
    bool is_below = false;
    const char *code = control_names_judge(domain, name, is_first, detail);
    if (code != NULL) {
        api_schema_add_fault(&call->faults, member, code, -1, "%s", detail);
        return STATUS_OK;
    }
    enum status status = control_names_is_covered(domain, name)
                             ? STATUS_OK
                             : find_foreign_parent(call, name, &is_below);
    if (is_below) {
        api_schema_add_fault(&call->faults, member, "hostname_overlaps", -1,
                             "is below a name that another organization has");
    }
    return status;
}

static enum status take_first(struct api_call *call, const json_t *body, const char *pointer,
                              struct store_environment *row) {
    const json_t *value = json_object_get(body, "hostname");
    enum status status = STATUS_OK;
    if (value != NULL && !str_eq(text_of(value), row->hostname)) {
        api_schema_enter(&call->faults, "%s", pointer);
        status = judge_name(call, "hostname", text_of(value), true);
        api_schema_enter(&call->faults, "%s", "");
        row->hostname = text_of(value);
    }
    return status;
}

static enum status judge_item(struct api_call *call, const struct store_environment *before,
                              const json_t *list, size_t index, struct str first) {
    struct str name = text_of(json_array_get(list, index));
    for (size_t i = 0; i < index; i++) {
        if (str_eq(name, text_of(json_array_get(list, i)))) {
            api_schema_add_fault(&call->faults, NULL, "repeated", -1, "stands here twice");
            return STATUS_OK;
        }
    }
    if (str_eq(name, first)) {
        api_schema_add_fault(&call->faults, NULL, "repeated", -1, "is the first host name already");
        return STATUS_OK;
    }
    return has_name(before, name) ? STATUS_OK : judge_name(call, NULL, name, false);
}

static struct str join_names(struct api_call *call, const json_t *list) {
    struct buf out;
    struct str text;
    size_t i;
    json_t *item;
    buf_init(&out, STORE_HOSTNAMES_MAX);
    json_array_foreach(list, i, item) {
        if ((i > 0 && buf_append_str(&out, STR(" ")) != STATUS_OK) ||
            buf_append_str(&out, text_of(item)) != STATUS_OK) {
            break; /* as many as there may be fit */
        }
    }
    text = arena_str(&call->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* Their form was judged by the shape. */
static enum status take_others(struct api_call *call, const json_t *body, const char *pointer,
                               const struct store_environment *before,
                               struct store_environment *row) {
    const json_t *list = json_object_get(body, "hostnames");
    size_t faults = call->faults.count;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++) {
        api_schema_enter(&call->faults, "%s/hostnames/%zu", pointer, i);
        status = judge_item(call, before, list, i, row->hostname);
        api_schema_enter(&call->faults, "%s", "");
    }
    if (list != NULL && call->faults.count == faults) {
        row->hostnames = join_names(call, list);
    }
    return status;
}

enum status environment_form_default_hostname(struct api_call *call, const struct id *project,
                                              struct str name, struct str *hostname) {
    char text[CONTROL_NAMES_HOST_SIZE];
    struct store_project row;
    struct store_environment *rows = NULL;
    size_t count = 0;
    struct store_page page = {.limit = 1, .order = STORE_ASCENDING};
    enum status status =
        store_project_get(call->tx, &call->organization, project, &call->arena, &row);
    if (status == STATUS_OK) {
        status = store_environment_list(call->tx, &call->organization, project, &page, &call->arena,
                                        &rows, &count);
    }
    if (status == STATUS_OK) {
        status = control_names_hostname(str_from(call->control->domain), row.name, name, count == 0,
                                        text, &call->why);
    }
    if (status == STATUS_OK) {
        *hostname = arena_str(&call->arena, str_from(text));
    }
    return status;
}

/* ---- the whole ---- */

/* What is merged is what the table knows: the rest has to be told. */
static void refuse_unknown(struct api_call *call, const json_t *settings, const char *place) {
    const char *name;
    json_t *value;
    api_schema_enter(&call->faults, "%s", place);
    json_object_foreach((json_t *)(uintptr_t)settings, name, value) {
        bool is_known = false;
        for (size_t i = 0; i < environment_settings_shape.count && !is_known; i++) {
            is_known = strcmp(environment_settings_shape.members[i].name, name) == 0;
        }
        if (!is_known) {
            api_schema_add_fault(&call->faults, name, "unknown_member", -1, "is not known here");
        }
    }
    api_schema_enter(&call->faults, "%s", "");
}

static void take_settings(struct api_call *call, const json_t *body, const char *pointer,
                          struct store_environment *row) {
    char place[API_POINTER_SIZE];
    const json_t *settings = json_object_get(body, "settings");
    snprintf(place, sizeof(place), "%s/settings", pointer);
    if (settings == NULL) {
        return;
    }
    if (json_is_null(settings)) {
        row->settings = STR_EMPTY;
        return;
    }
    refuse_unknown(call, settings, place);
    row->settings = setting_document_take(&environment_settings_shape, settings, place,
                                          STORE_ENVIRONMENT_SETTINGS_MAX, &call->arena,
                                          &call->faults, row->settings);
}

/* Lists and objects are what they have to be. */
static bool judge_shape(struct api_call *call, const json_t *body, const char *pointer) {
    json_t *own = json_object();
    setting_document_merge(&environment_settings_members, own, body);
    (void)json_object_del(own, "settings");
    bool is_good =
        setting_document_check(&environment_settings_members, own, pointer, &call->faults);
    const json_t *settings = json_object_get(body, "settings");
    if (settings != NULL && !json_is_object(settings) && !json_is_null(settings)) {
        api_schema_enter(&call->faults, "%s", pointer);
        api_schema_add_fault(&call->faults, "settings", "member_type", -1, "has to be an object");
        api_schema_enter(&call->faults, "%s", "");
        is_good = false;
    }
    json_decref(own);
    return is_good;
}

enum status environment_form_take(struct api_call *call, const json_t *body, const char *pointer,
                                  struct store_environment *row) {
    const struct store_environment before = *row;
    const json_t *name = json_object_get(body, "name");
    const json_t *enabled = json_object_get(body, "enabled");
    if (!judge_shape(call, body, pointer)) {
        return STATUS_OK;
    }
    if (name != NULL) {
        row->name = text_of(name);
    }
    if (enabled != NULL) {
        row->is_enabled = json_is_true(enabled);
    }
    health_option_take(call, body, pointer, &row->health_checks);
    take_settings(call, body, pointer, row);
    enum status status = take_first(call, body, pointer, row);
    return status == STATUS_OK ? take_others(call, body, pointer, &before, row) : status;
}

enum status environment_form_blame(struct api_call *call, const json_t *body, const char *pointer,
                                   enum status status) {
    static const char *const codes[] = {"hostname_taken", "hostname_held"};
    const char *member = json_object_get(body, "hostnames") != NULL ? "hostnames" : "hostname";
    for (size_t i = 0; status == STATUS_CONFLICT && i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(call->why.slug, codes[i]) == 0 && json_object_get(body, member) != NULL) {
            api_schema_enter(&call->faults, "%s", pointer);
            api_schema_add_fault(&call->faults, member, codes[i], -1, "%s", call->why.text);
            api_schema_enter(&call->faults, "%s", "");
        }
    }
    return status;
}

bool environment_form_is_same(const struct store_environment *a,
                              const struct store_environment *b) {
    return str_eq(a->name, b->name) && a->is_enabled == b->is_enabled &&
           str_eq(a->hostname, b->hostname) && str_eq(a->hostnames, b->hostnames) &&
           str_eq(a->health_checks, b->health_checks) && str_eq(a->settings, b->settings) &&
           str_eq(a->managed_by, b->managed_by);
}

json_t *environment_form_hostnames(const struct store_environment *row) {
    json_t *list = json_array();
    struct str rest = row->hostnames;
    json_array_append_new(list, json_from_str(row->hostname));
    while (!str_is_empty(rest)) {
        struct str item;
        (void)str_cut(rest, ' ', &item, &rest);
        json_array_append_new(list, json_from_str(item));
    }
    return list;
}

/* Of each name whether visitors can come by it: the platform has a certificate for names under its own domain. */
static json_t *write_states(const struct api_call *call, const json_t *names) {
    json_t *list = json_array();
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        bool is_platform = control_names_is_covered(str_from(call->control->domain), text_of(name));
        json_array_append_new(list, json_pack("{s:O, s:s, s:s}", "hostname", name, "kind",
                                              is_platform || i == 0 ? "platform" : "own", "state",
                                              is_platform || i == 0 ? "served" : "no_certificate"));
    }
    return list;
}

static json_t *write_settings(const struct store_environment *row) {
    json_t *document = setting_document_parse(row->settings);
    json_t *complete = setting_document_complete(&environment_settings_shape, document);
    json_decref(document);
    return complete;
}

json_t *environment_form_write(const struct api_call *call, const struct store_environment *row) {
    char url[CONTROL_NAMES_URL_SIZE];
    control_names_url(row->hostname, call->control->public_port, url);
    json_t *names = environment_form_hostnames(row);
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "organization", api_call_id(&row->object.organization));
    json_object_set_new(item, "project", api_call_id(&row->project));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "enabled", json_boolean(row->is_enabled));
    json_object_set_new(item, "health_checks", health_option_write(row->health_checks));
    json_object_set_new(item, "hostname", json_from_str(row->hostname));
    json_object_set_new(item, "hostname_states", write_states(call, names));
    (void)json_array_remove(names, 0);
    json_object_set_new(item, "hostnames", names);
    json_object_set_new(item, "url", json_string(url));
    json_object_set_new(item, "settings", write_settings(row));
    json_object_set_new(item, "managed_by",
                        str_is_empty(row->managed_by) ? json_null()
                                                      : json_from_str(row->managed_by));
    json_object_set_new(item, "bundle_revision", json_integer((json_int_t)row->bundle_revision));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

struct environment_logs environment_form_logs(const struct store_environment *row) {
    struct environment_logs logs = {.enabled = true, .retention_days = 7};
    json_t *settings = write_settings(row);
    const json_t *from = json_object_get(settings, "logs");
    logs.enabled = json_is_true(json_object_get(from, "enabled"));
    logs.include_query = json_is_true(json_object_get(from, "include_query"));
    logs.retention_days = (uint64_t)json_integer_value(json_object_get(from, "retention_days"));
    json_decref(settings);
    return logs;
}
