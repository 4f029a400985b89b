/* manifest_routes.h: the routes of one environment, as a manifest has them; part of manifest_apply.h. */
#ifndef CONTROL_MANIFEST_ROUTES_H
#define CONTROL_MANIFEST_ROUTES_H

#include "control/manifest_apply.h"

/* `item` is the environment in the document, at `pointer`. As manifest_apply. Linear in the number of routes. */
enum status manifest_routes_apply(struct api_call *call, const struct manifest_wish *wish,
                                  const struct store_environment *environment, bool is_new,
                                  const json_t *item, const char *pointer,
                                  struct manifest_plan *plan) MUST_USE;

#endif
