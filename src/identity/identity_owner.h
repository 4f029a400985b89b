/* identity_owner.h: the first organization and its owner, made at the first start. */
#ifndef IDENTITY_IDENTITY_OWNER_H
#define IDENTITY_IDENTITY_OWNER_H

#include "identity/identity_password.h"
#include "store/store_member.h"
#include "store/store_organization.h"

struct identity_owner_config {
    struct str organization_name; /* "Default" */
    struct str email;
    struct str name;     /* may be empty */
    struct str password; /* empty: one is generated */
};

/* Makes organization and owner in one transaction if there is no organization yet. STATUS_OK: made; `generated` holds the
 * password if none was given, else it is empty. STATUS_END: there is one already, nothing done. STATUS_INVALID and
 * STATUS_TOO_LARGE: e-mail or password (identity_email.h, identity_password.h). */
enum status identity_owner_make(struct store *store, struct identity_password *passwords,
                                const struct identity_owner_config *config,
                                struct secret *generated, struct why *why) MUST_USE;

#endif
