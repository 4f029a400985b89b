/* ca_step.h: steps of the internal CA's rotation in the store: read, made, kept, and announced to the other control planes. Blocks.
 *
 * The phases are pki/ca_rotation.h's. Whether a step may be taken yet is the caller's to judge (ca_progress.h). The change is applied by
 * control_trust.h once it is committed.
 */
#ifndef CONTROL_CA_STEP_H
#define CONTROL_CA_STEP_H

#include "control/change.h"
#include "pki/ca_rotation.h"
#include "store/store_tx.h"

enum ca_step {
    CA_STEP_ANNOUNCE,
    CA_STEP_ISSUE,
    CA_STEP_FINISH,
    CA_STEP_BACK,
    CA_STEP_RENEW_INTERMEDIATES,
};

/* In the API, ending with NULL: "announce", "issue", … */
extern const char *const ca_step_names[];
/* By such a name, which was judged before. */
enum ca_step ca_step_of(struct str name);

/* Intermediates are renewed so long before they end: no certificate under them is longer. */
#define CA_STEP_RENEW_BEFORE_MS (INT64_C(180) * 24 * 3600 * 1000)

/* What the store has, and how many steps there were so far. The rotation is the caller's to ca_rotation_free. */
enum status ca_step_read(struct store_tx *tx, struct ca_rotation **rotation, uint64_t *revision,
                         struct why *why) MUST_USE;
/* A CHANGE_CA with what the store has. */
enum status ca_step_read_change(struct store_tx *tx, struct change_list *changes,
                                struct why *why) MUST_USE;
/* Makes the step from `rotation`, of that revision, keeps it, and adds the change. STATUS_CONFLICT (ca_phase): it does not follow. */
enum status ca_step_take(struct store_tx *tx, const struct ca_rotation *rotation, uint64_t revision,
                         enum ca_step step, const struct clock *clock, struct change_list *changes,
                         struct why *why) MUST_USE;
/* Whether intermediates are to be renewed now: never during a rotation. */
bool ca_step_is_renewal_due(const struct ca_rotation *rotation, int64_t now_ms);

#endif
