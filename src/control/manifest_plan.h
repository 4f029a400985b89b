/* manifest_plan.h: what applying a manifest changes, one after another: the answer of PUT …/manifest, whether it was done or only tried. */
#ifndef CONTROL_MANIFEST_PLAN_H
#define CONTROL_MANIFEST_PLAN_H

#include <jansson.h>

#include "base/id.h"

enum manifest_action {
    MANIFEST_CREATE,
    MANIFEST_UPDATE,
    MANIFEST_DELETE,
    MANIFEST_KEEP, /* as the document has it: counted only */
};
#define MANIFEST_ACTION_COUNT (MANIFEST_KEEP + 1)

struct manifest_plan {
    json_t *changes;
    size_t counts[MANIFEST_ACTION_COUNT];
};

void manifest_plan_init(struct manifest_plan *plan);
void manifest_plan_fini(struct manifest_plan *plan);
/* `kind`: "environment" or "route"; `pointer`: into the document, NULL where it is not in it; `id` NULL: it has none yet. Takes `before` and
 * `after`, which may be NULL: as the document would have them. */
void manifest_plan_add(struct manifest_plan *plan, enum manifest_action action, const char *kind,
                       const char *pointer, const struct id *id, json_t *before, json_t *after);
/* {"summary": {"create": 1, …}, "changes": […]}; the plan is empty then. */
json_t *manifest_plan_take(struct manifest_plan *plan);

#endif
