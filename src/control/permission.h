/* permission.h: what somebody may do: one table from roles to permissions, and one word for each that service accounts are given.
 *
 * Every operation of the API names the one permission that it takes (api_router.c). A member has those of the role in the organization
 * that the object belongs to; a service account those that it was given, within its project.
 */
#ifndef CONTROL_PERMISSION_H
#define CONTROL_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"
#include "store/store_member.h"

enum permission {
    PERMISSION_OPEN,      /* anybody; the handler looks for itself */
    PERMISSION_KNOWN,     /* any member or service account; no organization is asked for */
    PERMISSION_SIGNED_IN, /* any member; no organization is asked for */
    PERMISSION_OPERATOR,  /* a member who runs the installation */
    /* From here in the organization that the object in the path belongs to. */
    PERMISSION_ORGANIZATION_READ,
    PERMISSION_ORGANIZATION_WRITE,
    PERMISSION_ORGANIZATION_OWN, /* export, delete, undo */
    PERMISSION_MEMBERS_READ,
    PERMISSION_MEMBERS_WRITE,
    PERMISSION_BILLING_READ,
    PERMISSION_PROJECTS_WRITE, /* make and delete projects and environments */
    PERMISSION_CREDENTIALS_READ,
    PERMISSION_CREDENTIALS_WRITE, /* service accounts and their keys: never a service account's own */
    /* From here also for service accounts. */
    PERMISSION_AUDIT_READ,
    PERMISSION_CONFIG_READ,
    PERMISSION_CONFIG_WRITE,
    PERMISSION_METRICS_READ,
    PERMISSION_USERS_READ,
    PERMISSION_USERS_WRITE,
    PERMISSION_WARPGATE_CONNECT, /* enrols warpgates; no operation of the API */
};

#define PERMISSION_COUNT (PERMISSION_WARPGATE_CONNECT + 1)
#define PERMISSION_BIT(permission) (UINT32_C(1) << (permission))

/* "config:read"; of the first four "open", "known", "signed_in", "operator". */
const char *permission_name(enum permission permission);
/* Only those that service accounts may have. STATUS_INVALID. */
enum status permission_parse(struct str word, enum permission *permission) MUST_USE;
/* The words of PERMISSION_BITs with a space between, in the arena: as the store keeps them. */
struct str permission_write(uint32_t permissions, struct arena *arena) MUST_USE;
/* And back. What is no word of a permission that service accounts may have gives none. */
uint32_t permission_read(struct str words);
/* PERMISSION_BITs of a role. */
uint32_t permission_of_role(enum store_role role);
/* Whether it is about one organization. */
bool permission_has_tenant(enum permission permission);

#endif
