/* organization_view.h: an organization as the API shows it. */
#ifndef CONTROL_ORGANIZATION_VIEW_H
#define CONTROL_ORGANIZATION_VIEW_H

#include "control/api_call.h"
#include "store/store_organization.h"

/* With the role that the caller has in it; null where the caller is no person. */
json_t *organization_view_write(const struct api_call *call, const struct store_organization *row);

#endif
