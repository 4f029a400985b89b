#include "control/manifest_plan.h"

static const char *const action_names[MANIFEST_ACTION_COUNT] = {
    [MANIFEST_CREATE] = "create",
    [MANIFEST_UPDATE] = "update",
    [MANIFEST_DELETE] = "delete",
    [MANIFEST_KEEP] = "unchanged",
};

void manifest_plan_init(struct manifest_plan *plan) {
    *plan = (struct manifest_plan){.changes = json_array()};
}

void manifest_plan_fini(struct manifest_plan *plan) {
    json_decref(plan->changes);
    plan->changes = NULL;
}

void manifest_plan_add(struct manifest_plan *plan, enum manifest_action action, const char *kind,
                       const char *pointer, const struct id *id, json_t *before, json_t *after) {
    plan->counts[action]++;
    if (action == MANIFEST_KEEP) {
        json_decref(before);
        json_decref(after);
        return;
    }
    json_t *item = json_object();
    json_object_set_new(item, "action", json_string(action_names[action]));
    json_object_set_new(item, "kind", json_string(kind));
    json_object_set_new(item, "pointer", pointer != NULL ? json_string(pointer) : json_null());
    json_object_set_new(item, "id", id != NULL ? json_string(id->text) : json_null());
    json_object_set_new(item, "before", before != NULL ? before : json_null());
    json_object_set_new(item, "after", after != NULL ? after : json_null());
    json_array_append_new(plan->changes, item);
}

json_t *manifest_plan_take(struct manifest_plan *plan) {
    json_t *summary = json_object();
    for (size_t i = 0; i < MANIFEST_ACTION_COUNT; i++) {
        json_object_set_new(summary, action_names[i], json_integer((json_int_t)plan->counts[i]));
    }
    json_t *answer = json_pack("{s:o, s:o}", "summary", summary, "changes", plan->changes);
    plan->changes = NULL;
    return answer;
}
