/* health_option.h: an environment's health checks (policy/bundle.h): from requests, to answers and bundles, and as the store
 * keeps them: a JSON list of complete checks, as it stands in bundles. Any thread.
 */
#ifndef CONTROL_HEALTH_OPTION_H
#define CONTROL_HEALTH_OPTION_H

#include "control/api_call.h"

#define HEALTH_OPTION_INTERVAL_MS 10000
#define HEALTH_OPTION_TIMEOUT_MS 3000 /* or the interval, where that is shorter */

/* What the store is to keep of "health_checks" of `body`, which stands at `pointer` in the request and its schema has judged: in the
 * call's arena; "" for none and null; `*stored` stays as it is where the body does not say, or where there are faults, which are told. */
void health_option_take(struct api_call *call, const json_t *body, const char *pointer,
                        struct str *stored);
/* A new list for an answer or a bundle; empty where `stored` cannot be read. */
json_t *health_option_write(struct str stored);

#endif
