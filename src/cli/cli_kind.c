#include "cli/cli_kind.h"

#include <string.h>

/* clang-format off */
static const struct cli_kind kinds[] = {
    {"organization", "organizations", "org", NULL, "/v1/organizations", "/v1/organizations/", "name", {"name", "role"}},
    {"member", "members", "mem", "organization", "/v1/organizations/%s/members", "/v1/organizations/%s/members/", "email", {"email", "name", "role"}},
    {"invitation", "invitations", "inv", "organization", "/v1/organizations/%s/invitations", "/v1/invitations/", "email", {"email", "role", "status", "expires_at"}},
    {"audit-event", "audit-events", "evt", "organization", "/v1/organizations/%s/audit-events", "/v1/audit-events/", NULL, {"time", "actor", "action", "target", "ip_address"}},
    {"statement", "statements", "", "organization", "/v1/organizations/%s/statements", "/v1/organizations/%s/statements/", NULL, {"month", "is_final", "requests", "bytes_in", "bytes_out"}},
    {"project", "projects", "prj", "organization", "/v1/organizations/%s/projects", "/v1/projects/", "name", {"name", "managed_by", "updated_at"}},
    {"environment", "environments", "env", "project", "/v1/projects/%s/environments", "/v1/environments/", "name", {"name", "url", "enabled", "bundle_revision"}},
    {"route", "routes", "rt", "environment", "/v1/environments/%s/routes", "/v1/routes/", "path", {"match", "path", "upstream", "access.auth", "position"}},
    {"warpgate", "warpgates", "wg", "environment", "/v1/environments/%s/warpgates", "/v1/warpgates/", "name", {"name", "status", "ip_address", "version", "tunnels", "behind", "last_seen_at"}},
    {"request", "requests", "req", "environment", "/v1/environments/%s/requests", NULL, NULL, {"time", "method", "path", "status", "duration_ms", "code"}},
    {"service-account", "service-accounts", "sa", "project", "/v1/projects/%s/service-accounts", "/v1/service-accounts/", "name", {"name", "permissions", "last_used_at", "expires_at"}},
    {"key", "keys", "key", "service-account", "/v1/service-accounts/%s/keys", "/v1/keys/", "prefix", {"prefix", "created_at", "last_used_at", "revoked_at"}},
    {"edge", "edges", "edg", NULL, "/v1/edges", "/v1/edges/", "name", {"name", "status", "address", "version"}},
    {"join-token", "join-tokens", "jt", NULL, "/v1/edges/join-tokens", "/v1/edges/join-tokens/", NULL, {"created_at", "expires_at", "used_at"}},
};
/* clang-format on */
#define COUNT (sizeof(kinds) / sizeof(kinds[0]))

const struct cli_kind *cli_kind_at(size_t index) {
    return index < COUNT ? &kinds[index] : NULL;
}

const struct cli_kind *cli_kind_find(const char *name, struct why *why) {
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(name, kinds[i].name) == 0 || strcmp(name, kinds[i].plural) == 0) {
            return &kinds[i];
        }
    }
    (void)why_set(why, STATUS_INVALID, "kind_unknown",
                  "there is no kind \"%.40s\": organization, member, invitation, audit-event, "
                  "statement, project, environment, route, warpgate, request, service-account, "
                  "key, edge, join-token",
                  name);
    return NULL;
}
