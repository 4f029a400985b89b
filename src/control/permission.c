#include "control/permission.h"

#define FOR_SERVICE_ACCOUNTS PERMISSION_AUDIT_READ /* the first of them */

static const char *const names[PERMISSION_COUNT] = {
    [PERMISSION_OPEN] = "open",
    [PERMISSION_KNOWN] = "known",
    [PERMISSION_SIGNED_IN] = "signed_in",
    [PERMISSION_OPERATOR] = "operator",
    [PERMISSION_ORGANIZATION_READ] = "organization:read",
    [PERMISSION_ORGANIZATION_WRITE] = "organization:write",
    [PERMISSION_ORGANIZATION_OWN] = "organization:own",
    [PERMISSION_MEMBERS_READ] = "members:read",
    [PERMISSION_MEMBERS_WRITE] = "members:write",
    [PERMISSION_BILLING_READ] = "billing:read",
    [PERMISSION_PROJECTS_WRITE] = "projects:write",
    [PERMISSION_CREDENTIALS_READ] = "credentials:read",
    [PERMISSION_CREDENTIALS_WRITE] = "credentials:write",
    [PERMISSION_AUDIT_READ] = "audit:read",
    [PERMISSION_CONFIG_READ] = "config:read",
    [PERMISSION_CONFIG_WRITE] = "config:write",
    [PERMISSION_METRICS_READ] = "metrics:read",
    [PERMISSION_USERS_READ] = "users:read",
    [PERMISSION_USERS_WRITE] = "users:write",
    [PERMISSION_WARPGATE_CONNECT] = "warpgate:connect",
};

#define BIT(name) PERMISSION_BIT(PERMISSION_##name)
#define BILLING (BIT(ORGANIZATION_READ) | BIT(BILLING_READ))
#define VIEWER                                                                                     \
    (BIT(ORGANIZATION_READ) | BIT(MEMBERS_READ) | BIT(CREDENTIALS_READ) | BIT(CONFIG_READ) |       \
     BIT(METRICS_READ) | BIT(USERS_READ))
#define DEVELOPER (VIEWER | BIT(CREDENTIALS_WRITE) | BIT(CONFIG_WRITE))
#define ADMIN                                                                                      \
    (DEVELOPER | BILLING | BIT(ORGANIZATION_WRITE) | BIT(MEMBERS_WRITE) | BIT(PROJECTS_WRITE) |    \
     BIT(AUDIT_READ) | BIT(USERS_WRITE))
#define OWNER (ADMIN | BIT(ORGANIZATION_OWN))

static const uint32_t roles[] = {
    [STORE_ROLE_OWNER] = OWNER,         [STORE_ROLE_ADMIN] = ADMIN,
    [STORE_ROLE_DEVELOPER] = DEVELOPER, [STORE_ROLE_VIEWER] = VIEWER,
    [STORE_ROLE_BILLING] = BILLING,
};

const char *permission_name(enum permission permission) {
    return names[permission];
}

enum status permission_parse(struct str word, enum permission *permission) {
    for (unsigned i = FOR_SERVICE_ACCOUNTS; i < PERMISSION_COUNT; i++) {
        if (str_eq(word, str_from(names[i]))) {
            *permission = (enum permission)i;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

struct str permission_write(uint32_t permissions, struct arena *arena) {
    struct str text = STR_EMPTY;
    for (unsigned i = FOR_SERVICE_ACCOUNTS; i < PERMISSION_COUNT; i++) {
        if ((permissions & PERMISSION_BIT(i)) != 0) {
            text =
                arena_printf(arena, "%.*s%s%s", STR_ARG(text), text.len == 0 ? "" : " ", names[i]);
        }
    }
    return text;
}

uint32_t permission_read(struct str words) {
    uint32_t permissions = 0;
    while (!str_is_empty(words)) {
        struct str word;
        enum permission permission = PERMISSION_OPEN;
        (void)str_cut(words, ' ', &word, &words);
        if (permission_parse(word, &permission) == STATUS_OK) {
            permissions |= PERMISSION_BIT(permission);
        }
    }
    return permissions;
}

uint32_t permission_of_role(enum store_role role) {
    return (size_t)role < sizeof(roles) / sizeof(roles[0]) ? roles[role] : 0;
}

bool permission_has_tenant(enum permission permission) {
    return permission >= PERMISSION_ORGANIZATION_READ;
}
