#include "policy/environment_settings.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define AT(owner, member) #member, .offset = offsetof(struct owner, member)

static const struct setting logs_members[] = {
    {AT(environment_logs, enabled), .kind = SETTING_BOOLEAN, .standard = true,
     .about = "Keep metadata of requests: never bodies, tokens or cookies."},
    {AT(environment_logs, retention_days), .kind = SETTING_INTEGER, .min = 1, .max = 90,
     .standard = 7, .about = "How long they are kept."},
    {AT(environment_logs, include_query), .kind = SETTING_BOOLEAN,
     .about = "Keep query strings, too; they often hold what should not be kept."},
};
static const struct setting_shape logs_shape = {"EnvironmentLogs", sizeof(struct environment_logs),
                                                logs_members, COUNT_OF(logs_members), NULL};

static const struct setting members[] = {
    {AT(environment_settings, logs), .kind = SETTING_OBJECT, .shape = &logs_shape,
     .is_always = true, .about = "What is kept of single requests."},
    {AT(environment_settings, under_attack), .kind = SETTING_BOOLEAN,
     .about = "Let browsers prove some work before they get in."},
    {AT(environment_settings, ip), .kind = SETTING_OBJECT, .shape = &route_settings_ip,
     .about = "From where the environment may be used; the route's lists hold besides."},
    {AT(environment_settings, limits), .kind = SETTING_OBJECT, .shape = &route_settings_limits,
     .about = "How much it may be used as a whole; the routes' limits hold besides."},
    {AT(environment_settings, error_pages), .kind = SETTING_OBJECT,
     .shape = &route_settings_error_pages, .about = "For routes that have none of their own."},
};
const struct setting_shape environment_settings_shape = {
    "EnvironmentSettings", sizeof(struct environment_settings), members, COUNT_OF(members), NULL};

static const struct setting body_members[] = {
    {AT(environment_members, hostnames), .kind = SETTING_TEXTS, .min = 1, .max = 253,
     .count_max = ENVIRONMENT_HOSTNAMES_MAX,
     .about = "Further host names, in canonical form: others under the platform's domain, or of "
              "domains of one's own."},
    {AT(environment_members, settings), .kind = SETTING_OBJECT,
     .shape = &environment_settings_shape, .is_always = true,
     .about = "What holds for all of its routes."},
};
const struct setting_shape environment_settings_members = {
    "EnvironmentMembers", sizeof(struct environment_members), body_members, COUNT_OF(body_members),
    NULL};
