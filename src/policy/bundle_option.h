/* bundle_option.h: what is optional in a bundle, as the parser of bundles reads it: a route's timeouts and stickiness, an
 * environment's health checks. Part of policy/bundle.h, which says what each means; nobody else includes this.
 *
 * Readers of a route borrow nothing; what lives on is copied into the arena. Texts in `why` begin with the pointer of the
 * member at fault, below the object that was given.
 */
#ifndef POLICY_BUNDLE_OPTION_H
#define POLICY_BUNDLE_OPTION_H

#include <jansson.h>

#include "base/arena.h"
#include "policy/bundle.h"

/* A route's "timeouts" and "sticky", or what holds without them. STATUS_INVALID with a slug of base/json.h or
 * bundle_timeouts. */
enum status bundle_option_read_route(const json_t *item, struct bundle_route *route,
                                     struct why *why) MUST_USE;
/* A bundle's "health_checks", if there are any. STATUS_INVALID, STATUS_TOO_LARGE with a slug of base/json.h or
 * bundle_health_checks. */
enum status bundle_option_read_checks(const json_t *tree, struct arena *arena,
                                      struct bundle *bundle, struct why *why) MUST_USE;

#endif
