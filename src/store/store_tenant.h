/* store_tenant.h: which organization an object belongs to.
 *
 * The API names objects by id alone. A handler first asks here for the tenant, refuses (404) unless the caller has a role in it, and from
 * then on every query carries that organization. Nothing but the organization's id comes out of this.
 */
#ifndef STORE_STORE_TENANT_H
#define STORE_STORE_TENANT_H

#include "store/store_tx.h"

/* For organizations, projects, environments, routes, warpgates, service accounts, keys and audit events, by the id's prefix.
 * STATUS_NOT_FOUND, also for an id of any other kind. */
enum status store_tenant_find_any(struct store_tx *tx, const struct id *id,
                                  struct id *organization) MUST_USE;

#endif
