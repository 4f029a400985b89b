/* bundle_option.h: an environment's health checks, as the parser of bundles reads them. Part of policy/bundle.h, which says what each means; nobody else includes this.
 *
 * What lives on is copied into the arena. Texts in `why` begin with the pointer of the
 * member at fault, below the object that was given.
 */
#ifndef POLICY_BUNDLE_OPTION_H
#define POLICY_BUNDLE_OPTION_H

#include <jansson.h>

#include "base/arena.h"
#include "policy/bundle.h"

/* A bundle's "health_checks", if there are any. STATUS_INVALID, STATUS_TOO_LARGE with a slug of base/json.h or
 * bundle_health_checks. */
enum status bundle_option_read_checks(const json_t *tree, struct arena *arena,
                                      struct bundle *bundle, struct why *why) MUST_USE;

#endif
