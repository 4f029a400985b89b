/* managed.h: environments and routes that a manifest manages: whoever changes one otherwise has to say that this is meant.
 *
 * The row says by which manifest (`managed_by`; empty: none). With ?force=true it is nobody's from then on, and the audit event shows that.
 */
#ifndef CONTROL_MANAGED_H
#define CONTROL_MANAGED_H

#include "control/api_call.h"

/* For changes and deletions, whose operations take the query of api_schema_managed_query: STATUS_CONFLICT (managed) unless nobody manages it
 * or the query says force=true; then *managed_by is empty. */
enum status managed_take_over(struct api_call *call, struct str *managed_by) MUST_USE;

#endif
