/* environment_form.h: an environment between a request's body, the store's row, answers and bundles.
 *
 * Bodies have passed their schema. Faults are told in the call, with pointers into the request. Blocks on the store; pool threads.
 */
#ifndef CONTROL_ENVIRONMENT_FORM_H
#define CONTROL_ENVIRONMENT_FORM_H

#include "control/api_call.h"
#include "policy/environment_settings.h"

/* Takes what `body`, which stands at `pointer` in the request, says of an environment's name, state, host names, health checks and settings.
 * Names that are new to the row are judged (control_names.h, and hostname_overlaps: below another organization's). A row without a host name
 * gets none here. With faults the row is without meaning. What the store says. */
enum status environment_form_take(struct api_call *call, const json_t *body, const char *pointer,
                                  struct store_environment *row) MUST_USE;
/* After an insert or update that failed: where the body gave the host name that is not free, the fault is told there. Returns `status`. */
enum status environment_form_blame(struct api_call *call, const json_t *body, const char *pointer,
                                   enum status status) MUST_USE;
/* The host name that an environment of this name gets in the project: STATUS_INVALID (name_invalid), or what the store says. */
enum status environment_form_default_hostname(struct api_call *call, const struct id *project,
                                              struct str name, struct str *hostname) MUST_USE;
/* Whether two rows say the same, manager included. */
bool environment_form_is_same(const struct store_environment *a, const struct store_environment *b);
/* As the API shows it. */
json_t *environment_form_write(const struct api_call *call, const struct store_environment *row);
/* Host names as a list: the first one, then the others. */
json_t *environment_form_hostnames(const struct store_environment *row);
/* What an environment says of logs; for what the control plane itself keeps of requests. */
struct environment_logs environment_form_logs(const struct store_environment *row);

#endif
