/* manifest_apply.h: makes a project what a document says, within the call's transaction.
 *
 * Environments are found by name, routes by match and path (the second of the same by the second). What the document names is managed from
 * then on by `manager`; what another manifest manages is left alone (STATUS_CONFLICT managed) unless `is_forced`. What the document does not
 * name is deleted as `prune` says. Every change is audited, and is in the plan. Blocks on the store; pool threads.
 */
#ifndef CONTROL_MANIFEST_APPLY_H
#define CONTROL_MANIFEST_APPLY_H

#include "control/api_call.h"
#include "control/manifest_plan.h"

enum manifest_prune {
    MANIFEST_PRUNE_MANAGED, /* what this manager manages */
    MANIFEST_PRUNE_ALL,     /* everything */
    MANIFEST_PRUNE_NONE,
};

struct manifest_wish {
    const json_t *document; /* that its schema has judged */
    struct str manager;     /* "manifest:<name>" */
    enum manifest_prune prune;
    bool is_forced;
};

/* STATUS_INVALID (validation_failed, with pointers into the document; name_invalid), STATUS_CONFLICT (managed, hostname_taken, hostname_held),
 * STATUS_TOO_LARGE (routes_too_many, manifest_too_large), or what the store says. */
enum status manifest_apply(struct api_call *call, const struct manifest_wish *wish,
                           struct manifest_plan *plan) MUST_USE;

/* For manifest_routes.h: whether this manifest may change what `managed_by` manages, and whether it deletes what it does not name. */
enum status manifest_apply_may(struct api_call *call, const struct manifest_wish *wish,
                               struct str managed_by, const char *pointer) MUST_USE;
bool manifest_apply_is_pruned(const struct manifest_wish *wish, struct str managed_by);

#endif
