#include "control/audit.h"
#include "control/handle.h"
#include "control/manifest_apply.h"
#include "control/manifest_document.h"

#define MANAGER_DEFAULT STR("manifest")

static enum status read_document(struct api_call *call, json_t **document) {
    struct store_project project;
    enum status status =
        store_project_get(call->tx, &call->organization, &call->object, &call->arena, &project);
    return status == STATUS_OK ? manifest_document_make(call, &project, document) : status;
}

enum status handle_manifest_get(struct api_call *call) {
    json_t *document = NULL;
    enum status status = read_document(call, &document);
    if (status == STATUS_OK) {
        manifest_document_tag(document, call->answer.etag);
        call->answer.body = document;
    }
    return status;
}

static enum manifest_prune read_prune(const struct api_call *call) {
    struct str word = api_call_filter(call, "prune");
    if (str_eq(word, STR("all"))) {
        return MANIFEST_PRUNE_ALL;
    }
    return str_eq(word, STR("none")) ? MANIFEST_PRUNE_NONE : MANIFEST_PRUNE_MANAGED;
}

/* Against what is there now; a dry run may do without. */
static enum status judge_tag(struct api_call *call, bool is_dry_run) {
    json_t *document = NULL;
    enum status status = read_document(call, &document);
    if (status != STATUS_OK) {
        return status;
    }
    manifest_document_tag(document, call->answer.etag);
    json_decref(document);
    return api_call_precondition_tag(call, !is_dry_run);
}

/* A document of another project would delete what it does not name. */
static enum status judge_project(struct api_call *call) {
    struct store_project project;
    struct str name = api_call_text(call, "project", STR_EMPTY);
    enum status status =
        store_project_get(call->tx, &call->organization, &call->object, &call->arena, &project);
    if (status == STATUS_OK && !str_is_empty(name) && !str_eq(name, project.name)) {
        status = api_call_refuse(call, "project", "project_mismatch", -1,
                                 "is not the name of this project");
    }
    return status;
}

static enum status answer_plan(struct api_call *call, const struct manifest_wish *wish,
                               struct manifest_plan *plan, bool is_dry_run) {
    /* A dry run tells the tag of what is there, for the If-Match of the run that follows. */
    if (!is_dry_run) {
        json_t *document = NULL;
        enum status status = read_document(call, &document);
        if (status != STATUS_OK) {
            return status;
        }
        manifest_document_tag(document, call->answer.etag);
        json_decref(document);
    }
    call->answer.body = manifest_plan_take(plan);
    json_object_set_new(call->answer.body, "dry_run", json_boolean(is_dry_run));
    json_object_set_new(call->answer.body, "managed_by",
                        json_stringn(wish->manager.at, wish->manager.len));
    return STATUS_OK;
}

enum status handle_manifest_put(struct api_call *call) {
    struct str name = api_call_filter(call, "field_manager");
    bool is_dry_run = api_call_filter_boolean(call, "dry_run", false);
    struct manifest_plan plan;
    const struct manifest_wish wish = {
        .document = call->input,
        .manager = arena_printf(&call->arena, "manifest:%.*s",
                                STR_ARG(str_is_empty(name) ? MANAGER_DEFAULT : name)),
        .prune = read_prune(call),
        .is_forced = api_call_filter_boolean(call, "force", false),
    };
    enum status status = judge_tag(call, is_dry_run);
    if (status == STATUS_OK) {
        status = judge_project(call);
    }
    if (status != STATUS_OK) {
        return status;
    }
    manifest_plan_init(&plan);
    status = manifest_apply(call, &wish, &plan);
    if (status == STATUS_OK) {
        audit_unchanged(call); /* perhaps; what was changed is told */
        call->is_dry_run = is_dry_run;
        status = answer_plan(call, &wish, &plan, is_dry_run);
    }
    manifest_plan_fini(&plan);
    return status;
}
