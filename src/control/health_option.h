/* health_option.h: an environment's health checks (policy/bundle.h): from requests, to answers and bundles, and as the store
 * keeps them: a JSON list of complete checks, as it stands in bundles. Any thread.
 */
#ifndef CONTROL_HEALTH_OPTION_H
#define CONTROL_HEALTH_OPTION_H

#include "control/api_call.h"

#define HEALTH_OPTION_INTERVAL_MS 10000
#define HEALTH_OPTION_TIMEOUT_MS 3000 /* or the interval, where that is shorter */

/* What the store is to keep of the body's "health_checks", which its schema has judged: in the call's arena; "" for none
 * and null; `*stored` stays as it is where the body does not say. STATUS_INVALID (validation_failed) with the faults. */
enum status health_option_take(struct api_call *call, struct str *stored) MUST_USE;
/* A new list for an answer or a bundle; empty where `stored` cannot be read. */
json_t *health_option_write(struct str stored);

#endif
