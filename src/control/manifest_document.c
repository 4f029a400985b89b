#include "control/manifest_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "control/environment_form.h"
#include "control/health_option.h"
#include "control/setting_document.h"
#include "pki/digest.h"

#define TAG_BYTES 16

enum status manifest_document_environments(struct api_call *call, const struct id *project,
                                           struct store_environment **rows, size_t *count) {
    struct store_page page = {.limit = MANIFEST_ENVIRONMENTS_MAX, .order = STORE_ASCENDING};
    enum status status = store_environment_list(call->tx, &call->organization, project, &page,
                                                &call->arena, rows, count);
    if (status == STATUS_OK && page.has_more) {
        status = why_set(&call->why, STATUS_TOO_LARGE, "manifest_too_large",
                         "a manifest holds at most %d environments", MANIFEST_ENVIRONMENTS_MAX);
    }
    return status;
}

json_t *manifest_document_environment(const struct store_environment *row) {
    json_t *item = json_object();
    json_t *names = environment_form_hostnames(row);
    json_t *settings = setting_document_parse(row->settings);
    (void)json_array_remove(names, 0);
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "enabled", json_boolean(row->is_enabled));
    json_object_set_new(item, "hostname", json_from_str(row->hostname));
    json_object_set_new(item, "hostnames", names);
    json_object_set_new(item, "health_checks", health_option_write(row->health_checks));
    json_object_set_new(item, "settings", settings);
    return item;
}

json_t *manifest_document_route(const struct store_route *row) {
    json_t *item = json_object();
    json_t *settings = setting_document_parse(row->options);
    json_object_set_new(item, "match", json_from_str(row->match));
    json_object_set_new(item, "path", json_from_str(row->path));
    json_object_set_new(item, "upstream", json_from_str(row->upstream));
    json_object_update(item, settings);
    json_decref(settings);
    return item;
}

static enum status add_environment(struct api_call *call, const struct store_environment *row,
                                   json_t *list) {
    struct store_route *routes = NULL;
    size_t count = 0;
    enum status status = store_route_list_all(call->tx, &call->organization, &row->object.id,
                                              &call->arena, &routes, &count);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *item = manifest_document_environment(row);
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, manifest_document_route(&routes[i]));
    }
    json_object_set_new(item, "routes", items);
    json_array_append_new(list, item);
    return STATUS_OK;
}

enum status manifest_document_make(struct api_call *call, const struct store_project *project,
                                   json_t **document) {
    struct store_environment *rows = NULL;
    size_t count = 0;
    enum status status = manifest_document_environments(call, &project->object.id, &rows, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = add_environment(call, &rows[i], list);
    }
    *document = json_object();
    json_object_set_new(*document, "project", json_from_str(project->name));
    json_object_set_new(*document, "environments", list);
    if (status != STATUS_OK) {
        json_decref(*document);
        *document = NULL;
    }
    return status;
}

void manifest_document_tag(const json_t *document, char etag[64]) {
    uint8_t digest[DIGEST_BYTES];
    char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    digest_sha256(str_from(text), digest);
    free(text);
    int len = snprintf(etag, 64, "\"");
    for (size_t i = 0; i < TAG_BYTES; i++) {
        len += snprintf(etag + len, 64 - (size_t)len, "%02x", digest[i]);
    }
    (void)snprintf(etag + len, 64 - (size_t)len, "\"");
}
