/* api_router.c: the operations, and how a request finds its own. */
#include "control/api_router.h"

#include <string.h>

#include "control/handle.h"
#include "tunnel/edge_enrolment.h"
#include "tunnel/enrolment.h"

#define SCHEMA(name) (&api_schema_##name)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const member_filters[] = {"role", "email", NULL};
#define AUDIT_FREE_FILTERS "actor", "action", "target", "since", "until"
static const char *const audit_free_filters[] = {AUDIT_FREE_FILTERS, NULL};
static const char *const audit_project_filters[] = {AUDIT_FREE_FILTERS, "environment", NULL};
static const char *const audit_filters[] = {AUDIT_FREE_FILTERS, "environment", "project", NULL};
static const char *const audit_export_filters[] = {AUDIT_FREE_FILTERS, "environment", "project",
                                                   "format", NULL};

static const char *const usage_filters[] = {"from", "until", "granularity", NULL};
static const char *const statement_filters[] = {"format", NULL};
static const char *const metrics_filters[] = {"window", "route", NULL};
static const char *const request_filters[] = {"status",   "method", "path", "code",
                                              "warpgate", "route",  NULL};

/* clang-format off */
static const struct api_operation public_operations[] = {
    {"POST",   "/v1/sessions",                                  PERMISSION_OPEN,               API_TX_NONE,  API_LIST_NONE,  201, SCHEMA(session_new),          handle_session_create, .is_login = true},
    {"DELETE", "/v1/sessions/current",                          PERMISSION_SIGNED_IN,          API_TX_NONE,  API_LIST_NONE,  204, NULL,                         handle_session_delete},
    {"GET",    "/v1/me",                                        PERMISSION_KNOWN,              API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_me_get},
    {"PATCH",  "/v1/me",                                        PERMISSION_SIGNED_IN,          API_TX_NONE,  API_LIST_NONE,  200, SCHEMA(me_patch),             handle_me_patch, .is_login = true},
    {"GET",    "/v1/me/sessions",                               PERMISSION_SIGNED_IN,          API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_me_session_list},
    {"DELETE", "/v1/me/sessions",                               PERMISSION_SIGNED_IN,          API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_me_session_delete_others},
    {"DELETE", "/v1/me/sessions/{ses}",                         PERMISSION_SIGNED_IN,          API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_me_session_delete},
    {"DELETE", "/v1/me/memberships/{org}",                      PERMISSION_ORGANIZATION_READ,  API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_member_leave},
    {"GET",    "/v1/organizations",                             PERMISSION_SIGNED_IN,          API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_organization_list},
    {"POST",   "/v1/organizations",                             PERMISSION_SIGNED_IN,          API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(organization_new),     handle_organization_create},
    {"GET",    "/v1/organizations/{org}",                       PERMISSION_ORGANIZATION_READ,  API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_organization_get},
    {"PATCH",  "/v1/organizations/{org}",                       PERMISSION_ORGANIZATION_WRITE, API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(organization_patch),   handle_organization_patch},
    {"DELETE", "/v1/organizations/{org}",                       PERMISSION_ORGANIZATION_OWN,   API_TX_WRITE, API_LIST_NONE,  202, NULL,                         handle_erasure_begin, .query = SCHEMA(organization_end)},
    {"POST",   "/v1/organizations/{org}/restore",               PERMISSION_ORGANIZATION_OWN,   API_TX_WRITE, API_LIST_NONE,  200, NULL,                         handle_erasure_undo},
    {"POST",   "/v1/organizations/{org}/exports",               PERMISSION_ORGANIZATION_OWN,   API_TX_WRITE, API_LIST_NONE,  202, NULL,                         handle_operation_export},
    {"GET",    "/v1/operations/{op}",                           PERMISSION_ORGANIZATION_READ,  API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_operation_get},
    {"GET",    "/v1/operations/{op}/result",                    PERMISSION_ORGANIZATION_OWN,   API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_operation_result, .query = SCHEMA(operation_result)},
    {"GET",    "/v1/organizations/{org}/members",               PERMISSION_MEMBERS_READ,       API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_member_list, .filters = member_filters},
    {"GET",    "/v1/organizations/{org}/members/{mem}",         PERMISSION_MEMBERS_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_member_get},
    {"PATCH",  "/v1/organizations/{org}/members/{mem}",         PERMISSION_MEMBERS_WRITE,      API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(member_patch),         handle_member_patch},
    {"DELETE", "/v1/organizations/{org}/members/{mem}",         PERMISSION_MEMBERS_WRITE,      API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_member_delete},
    {"GET",    "/v1/organizations/{org}/invitations",           PERMISSION_MEMBERS_READ,       API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_invitation_list},
    {"POST",   "/v1/organizations/{org}/invitations",           PERMISSION_MEMBERS_WRITE,      API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(invitation_new),       handle_invitation_create, .secret = "accept_url"},
    {"POST",   "/v1/invitations/accept",                        PERMISSION_OPEN,               API_TX_NONE,  API_LIST_NONE,  201, SCHEMA(acceptance_new),       handle_acceptance_create, .is_login = true, .secret = "session"},
    {"GET",    "/v1/invitations/{inv}",                         PERMISSION_MEMBERS_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_invitation_get},
    {"DELETE", "/v1/invitations/{inv}",                         PERMISSION_MEMBERS_WRITE,      API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_invitation_delete},
    {"POST",   "/v1/invitations/{inv}/resend",                  PERMISSION_MEMBERS_WRITE,      API_TX_WRITE, API_LIST_NONE,  200, NULL,                         handle_invitation_resend, .secret = "accept_url"},
    {"GET",    "/v1/mails",                                     PERMISSION_OPERATOR,           API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_mail_list},
    {"GET",    "/v1/organizations/{org}/projects",              PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_project_list},
    {"POST",   "/v1/organizations/{org}/projects",              PERMISSION_PROJECTS_WRITE,     API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(project_new),          handle_project_create},
    {"GET",    "/v1/projects/{prj}",                            PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_project_get},
    {"PATCH",  "/v1/projects/{prj}",                            PERMISSION_PROJECTS_WRITE,     API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(project_patch),        handle_project_patch},
    {"DELETE", "/v1/projects/{prj}",                            PERMISSION_PROJECTS_WRITE,     API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_project_delete},
    {"GET",    "/v1/projects/{prj}/environments",               PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_environment_list},
    {"POST",   "/v1/projects/{prj}/environments",               PERMISSION_PROJECTS_WRITE,     API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(environment_new),      handle_environment_create},
    {"GET",    "/v1/environments/{env}",                        PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_environment_get},
    {"PATCH",  "/v1/environments/{env}",                        PERMISSION_CONFIG_WRITE,       API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(environment_patch),    handle_environment_patch, .query = SCHEMA(managed_query)},
    {"DELETE", "/v1/environments/{env}",                        PERMISSION_PROJECTS_WRITE,     API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_environment_delete, .query = SCHEMA(managed_query)},
    {"GET",    "/v1/environments/{env}/status",                 PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_status_get},
    {"GET",    "/v1/environments/{env}/routes",                 PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_PLACE, 200, NULL,                         handle_route_list},
    {"POST",   "/v1/environments/{env}/routes",                 PERMISSION_CONFIG_WRITE,       API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(route_new),            handle_route_create},
    {"GET",    "/v1/routes/{rt}",                               PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_route_get},
    {"PUT",    "/v1/environments/{env}/routes/order",           PERMISSION_CONFIG_WRITE,       API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(route_order),          handle_route_order_put, .query = SCHEMA(managed_query)},
    {"GET",    "/v1/projects/{prj}/manifest",                   PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_manifest_get},
    {"PUT",    "/v1/projects/{prj}/manifest",                   PERMISSION_PROJECTS_WRITE,     API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(manifest),             handle_manifest_put, .query = SCHEMA(manifest_query)},
    {"PATCH",  "/v1/routes/{rt}",                               PERMISSION_CONFIG_WRITE,       API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(route_patch),          handle_route_patch, .query = SCHEMA(managed_query)},
    {"DELETE", "/v1/routes/{rt}",                               PERMISSION_CONFIG_WRITE,       API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_route_delete, .query = SCHEMA(managed_query)},
    {"GET",    "/v1/environments/{env}/warpgates",              PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_warpgate_list, .query = SCHEMA(warpgate_filters)},
    {"GET",    "/v1/warpgates/{wg}",                            PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_warpgate_get},
    {"DELETE", "/v1/warpgates/{wg}",                            PERMISSION_CREDENTIALS_WRITE,  API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_warpgate_delete},
    {"GET",    "/v1/projects/{prj}/service-accounts",           PERMISSION_CREDENTIALS_READ,   API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_service_account_list, .query = SCHEMA(account_filters)},
    {"POST",   "/v1/projects/{prj}/service-accounts",           PERMISSION_CREDENTIALS_WRITE,  API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(account_new),          handle_service_account_create},
    {"GET",    "/v1/service-accounts/{sa}",                     PERMISSION_CREDENTIALS_READ,   API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_service_account_get},
    {"PATCH",  "/v1/service-accounts/{sa}",                     PERMISSION_CREDENTIALS_WRITE,  API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(account_patch),        handle_service_account_patch},
    {"DELETE", "/v1/service-accounts/{sa}",                     PERMISSION_CREDENTIALS_WRITE,  API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_service_account_delete},
    {"GET",    "/v1/service-accounts/{sa}/keys",                PERMISSION_CREDENTIALS_READ,   API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_key_list, .query = SCHEMA(account_key_filters)},
    {"POST",   "/v1/service-accounts/{sa}/keys",                PERMISSION_CREDENTIALS_WRITE,  API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(account_key_new),      handle_key_create, .secret = "key"},
    {"GET",    "/v1/keys/{key}",                                PERMISSION_CREDENTIALS_READ,   API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_key_get},
    {"DELETE", "/v1/keys/{key}",                                PERMISSION_CREDENTIALS_WRITE,  API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_key_delete},
    {"GET",    "/v1/organizations/{org}/audit-events",          PERMISSION_AUDIT_READ,         API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_audit_list, .filters = audit_filters},
    {"GET",    "/v1/organizations/{org}/audit-events/export",   PERMISSION_AUDIT_READ,         API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_audit_export, .filters = audit_export_filters},
    {"GET",    "/v1/projects/{prj}/audit-events",               PERMISSION_AUDIT_READ,         API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_audit_list_of_project, .filters = audit_project_filters},
    {"GET",    "/v1/audit-events/{evt}",                        PERMISSION_AUDIT_READ,         API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_audit_get},
    {"GET",    "/v1/installation/audit-events",                 PERMISSION_OPERATOR,           API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_audit_list_of_installation, .filters = audit_free_filters},
    {"GET",    "/v1/environments/{env}/events",                 PERMISSION_CONFIG_READ,        API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_event_environment},
    {"GET",    "/v1/organizations/{org}/events",                PERMISSION_AUDIT_READ,         API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_event_organization},
    {"GET",    "/v1/edges",                                     PERMISSION_OPERATOR,           API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_edge_list},
    {"GET",    "/v1/edges/{edg}",                               PERMISSION_OPERATOR,           API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_edge_get},
    {"PATCH",  "/v1/edges/{edg}",                               PERMISSION_OPERATOR,           API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(edge_patch),           handle_edge_patch},
    {"DELETE", "/v1/edges/{edg}",                               PERMISSION_OPERATOR,           API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_edge_delete},
    {"GET",    "/v1/edges/join-tokens",                         PERMISSION_OPERATOR,           API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_join_token_list},
    {"POST",   "/v1/edges/join-tokens",                         PERMISSION_OPERATOR,           API_TX_WRITE, API_LIST_NONE,  201, SCHEMA(join_token_new),       handle_join_token_create, .secret = "token"},
    {"DELETE", "/v1/edges/join-tokens/{jt}",                    PERMISSION_OPERATOR,           API_TX_WRITE, API_LIST_NONE,  204, NULL,                         handle_join_token_delete},
    {"GET",    "/v1/organizations/{org}/usage",                 PERMISSION_BILLING_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_usage_get, .filters = usage_filters},
    {"GET",    "/v1/projects/{prj}/usage",                      PERMISSION_METRICS_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_usage_get, .filters = usage_filters},
    {"GET",    "/v1/environments/{env}/usage",                  PERMISSION_METRICS_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_usage_get, .filters = usage_filters},
    {"GET",    "/v1/organizations/{org}/statements",            PERMISSION_BILLING_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_usage_statements},
    {"GET",    "/v1/organizations/{org}/statements/{month}",    PERMISSION_BILLING_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_usage_statement, .filters = statement_filters},
    {"GET",    "/v1/environments/{env}/metrics",                PERMISSION_METRICS_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_metrics_get, .filters = metrics_filters},
    {"GET",    "/v1/environments/{env}/requests",               PERMISSION_METRICS_READ,       API_TX_READ,  API_LIST_TIME,  200, NULL,                         handle_request_list, .filters = request_filters},
    {"GET",    "/v1/environments/{env}/traffic",                PERMISSION_METRICS_READ,       API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_request_stream},
    {"GET",    "/v1/ca",                                        PERMISSION_OPERATOR,           API_TX_READ,  API_LIST_NONE,  200, NULL,                         handle_ca_get},
    {"POST",   "/v1/ca/steps",                                  PERMISSION_OPERATOR,           API_TX_WRITE, API_LIST_NONE,  200, SCHEMA(ca_step_new),          handle_ca_step},
    {"GET",    "/v1/openapi.json",                              PERMISSION_OPEN,               API_TX_NONE,  API_LIST_NONE,  200, NULL,                         handle_openapi_get},
};

/* Who is asking is told by an API key or a certificate: the handlers look for themselves. */
static const struct api_operation machine_operations[] = {
    {"POST",   ENROLMENT_PATH,                                  PERMISSION_OPEN,               API_TX_NONE,  API_LIST_NONE,  201, NULL,                         handle_enrolment_create, .is_machine = true},
    {"POST",   ENROLMENT_RENEWAL_PATH,                          PERMISSION_OPEN,               API_TX_NONE,  API_LIST_NONE,  200, NULL,                         handle_enrolment_renew, .is_machine = true},
    {"POST",   EDGE_ENROLMENT_PATH,                             PERMISSION_OPEN,               API_TX_NONE,  API_LIST_NONE,  201, NULL,                         handle_edge_enrolment_create, .is_machine = true},
};
/* clang-format on */

const struct api_table api_router_public = {public_operations, COUNT(public_operations)};
const struct api_table api_router_machines = {machine_operations, COUNT(machine_operations)};

static const struct {
    const char *name;
    enum id_kind kind;
} path_ids[] = {
    {"{org}", ID_ORGANIZATION}, {"{prj}", ID_PROJECT},        {"{env}", ID_ENVIRONMENT},
    {"{rt}", ID_ROUTE},         {"{sa}", ID_SERVICE_ACCOUNT}, {"{key}", ID_KEY},
    {"{mem}", ID_MEMBER},       {"{ses}", ID_SESSION},        {"{inv}", ID_INVITATION},
    {"{op}", ID_OPERATION},     {"{edg}", ID_EDGE},           {"{jt}", ID_JOIN_TOKEN},
    {"{evt}", ID_EVENT},        {"{wg}", ID_WARPGATE},
};

/* "2026-11": kept as text in the place of a second id. */
static bool match_month(struct str segment, struct id *part) {
    bool is_good = segment.len == 7 && segment.at[4] == '-';
    for (size_t i = 0; i < segment.len && is_good; i++) {
        is_good = i == 4 || (segment.at[i] >= '0' && segment.at[i] <= '9');
    }
    *part = (struct id){.text = ""};
    return is_good && str_to_cstr(segment, part->text, sizeof(part->text)) == STATUS_OK;
}

static bool match_segment(struct str segment, struct str template, struct api_match *match) {
    struct id *id = id_is_none(&match->object) ? &match->object : &match->part;
    for (size_t i = 0; i < COUNT(path_ids); i++) {
        if (str_eq(template, str_from(path_ids[i].name))) {
            return id_parse(path_ids[i].kind, segment, id) == STATUS_OK;
        }
    }
    return str_eq(template, STR("{month}")) ? match_month(segment, &match->part)
                                            : str_eq(segment, template);
}

static bool match_path(struct str path, struct str template, struct api_match *match) {
    bool has_more = true;
    while (has_more) {
        struct str segment;
        struct str part;
        has_more = str_cut(path, '/', &segment, &path);
        if (str_cut(template, '/', &part, &template) != has_more ||
            !match_segment(segment, part, match)) {
            return false;
        }
    }
    return true;
}

static bool match_method(struct str method, const char *wanted) {
    return str_eq(method, str_from(wanted)) ||
           (str_eq(method, STR("HEAD")) && strcmp(wanted, "GET") == 0);
}

enum status api_router_find(const struct api_table *table, struct str method, struct str path,
                            struct arena *arena, struct api_match *match) {
    struct str allow = STR_EMPTY;
    for (size_t i = 0; i < table->count; i++) {
        const struct api_operation *operation = &table->operations[i];
        *match = (struct api_match){.operation = operation};
        if (!match_path(path, str_from(operation->path), match)) {
            continue;
        }
        if (match_method(method, operation->method)) {
            return STATUS_OK;
        }
        allow = arena_printf(arena, "%.*s%s%s", STR_ARG(allow), allow.len == 0 ? "" : ", ",
                             operation->method);
    }
    *match = (struct api_match){.allow = allow.at};
    return allow.len == 0 ? STATUS_NOT_FOUND : STATUS_UNSUPPORTED;
}
