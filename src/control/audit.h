/* audit.h: what was changed, by whom: every handler that changes something says so here, in the transaction of the change.
 *
 * `before` and `after` are representations as the API shows them; members that hold secrets never get this far. An operation that
 * succeeded, may write and said nothing here is a bug, which api_dispatch aborts on in tests.
 */
#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include "control/api_call.h"

/* `action` is "<object>.<verb in the past>", such as "route.created"; a literal. `target` is the object. `before` and `after` are taken over;
 * NULL where there is none. STATUS_OK, or what the store says. */
enum status audit_record(struct api_call *call, const char *action, const struct id *target,
                         json_t *before, json_t *after) MUST_USE;

#endif
