/* store_tenant.h: which organization an object belongs to, and which project and environment.
 *
 * The API names objects by id alone. Before a handler runs, the tenant is asked for here, the call refused (404) unless the caller has a role in it
 * (a member) or it is within the project and environment that it was made for (a service account), and from then on every query carries that
 * organization. Nothing but ids comes out of this.
 */
#ifndef STORE_STORE_TENANT_H
#define STORE_STORE_TENANT_H

#include "store/store_tx.h"

struct store_tenant {
    struct id organization;
    struct id project;     /* that it is, or is in; none: it is not in one */
    struct id environment; /* the same */
};

/* For organizations, projects, environments, routes, warpgates, service accounts, keys and audit events, by the id's prefix.
 * STATUS_NOT_FOUND, also for an id of any other kind. */
enum status store_tenant_find_any(struct store_tx *tx, const struct id *id,
                                  struct store_tenant *tenant) MUST_USE;

#endif
