/* audit.h: what was changed, by whom: every handler that changes something says so here, in the transaction of the change.
 *
 * `before` and `after` are representations as the API shows them: audit_diff.h keeps what differs and masks secrets. An operation with a
 * method that may write, that succeeded and said nothing here (audit_record or audit_unchanged), is a bug: api_dispatch.h aborts on it where
 * sanitizers are on, and logs an error elsewhere. What happens without a call of the API is told with audit_record_system.
 *
 * An event belongs to the organization of what was changed; what belongs to none (edges, the CA, the first start) is the installation's.
 */
#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include "control/api_call.h"
#include "store/store_audit.h"

/* `action` is "<object>.<verb in the past>", such as "route.created"; a literal. `target` is the object. `before` and `after` are taken over;
 * NULL where there is none. Where both are given and nothing differs, nothing is written. STATUS_OK, or what the store says. */
enum status audit_record(struct api_call *call, const char *action, const struct id *target,
                         json_t *before, json_t *after) MUST_USE;
/* For an operation that found nothing to change. */
void audit_unchanged(struct api_call *call);
/* Whether a call that succeeded forgot to say what it changed. */
bool audit_is_missing(const struct api_call *call);

/* One that no call, or a call by somebody not signed in, brought about. Ids that are none are left out. */
struct audit_fact {
    const char *action;     /* a literal */
    struct id organization; /* none: of the installation */
    struct id project;      /* none: found by target, `before` and `after` */
    struct id environment;
    struct id actor; /* none: the system */
    struct id target;
    struct id request;
    struct str actor_name;
    struct str ip_address;
    json_t *before; /* taken over; may be NULL */
    json_t *after;
};

/* In a writing transaction. STATUS_OK, or what the store says. */
enum status audit_record_system(struct store_tx *tx, struct audit_fact *fact) MUST_USE;

/* As the API shows an event. */
json_t *audit_write(const struct store_audit *event);

#endif
