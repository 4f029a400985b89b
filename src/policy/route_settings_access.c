/* route_settings_access.c: who may use a route. */
#include "policy/route_settings.h"

#include "policy/setting_check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define AT(owner, member) #member, .offset = offsetof(struct owner, member)

#define KEYS_MAX 32
#define KEY_BYTES_MAX 64

static const char *const auth_words[] = {"none", "optional", "required", NULL};
static const char *const accept_words[] = {"session", "access_token", "api_key", NULL};
static const char *const profile_words[] = {"warpgate", "remote", "oauth2_proxy", NULL};

static const struct setting require_members[] = {
    {AT(route_require, any_role), .kind = SETTING_TEXTS, .min = 1, .max = KEY_BYTES_MAX,
     .count_max = KEYS_MAX, .check = setting_check_key,
     .about = "Keys of roles: one of them is needed. Empty: any role will do."},
    {AT(route_require, all_permissions), .kind = SETTING_TEXTS, .min = 3, .max = KEY_BYTES_MAX * 2,
     .count_max = KEYS_MAX, .check = setting_check_permission,
     .about = "Permissions such as orders:read: all of them are needed."},
    {AT(route_require, any_group), .kind = SETTING_TEXTS, .min = 1, .max = KEY_BYTES_MAX,
     .count_max = KEYS_MAX, .check = setting_check_key,
     .about = "Keys of groups: membership in one of them is needed."},
    {AT(route_require, email_domain), .kind = SETTING_TEXTS, .min = 3, .max = 253,
     .count_max = KEYS_MAX, .check = setting_check_email_domain,
     .about = "Domains: the verified e-mail address has to be in one of them."},
    {AT(route_require, mfa), .kind = SETTING_BOOLEAN,
     .about = "A second factor has to have been shown in this session."},
    {AT(route_require, max_auth_age_seconds), .kind = SETTING_INTEGER, .min = 60, .max = 31536000,
     .may_be_zero = true,
     .about = "How long ago the sign-in may have been at most; 0: however long."},
};
static const struct setting_shape require_shape = {
    "RouteRequire", sizeof(struct route_require), require_members, COUNT_OF(require_members), NULL};

static const struct setting header_members[] = {
    {AT(route_identity_headers, profile), .kind = SETTING_WORD, .words = profile_words,
     .about = "By which names the workload is told who it is: Warpgate-User, Remote-User, or "
              "X-Auth-Request-User as oauth2-proxy does."},
    {AT(route_identity_headers, permissions), .kind = SETTING_BOOLEAN,
     .about = "Tell the user's permissions, too."},
    {AT(route_identity_headers, groups), .kind = SETTING_BOOLEAN,
     .about = "Tell the user's groups, too."},
};
static const struct setting_shape header_shape = {"RouteIdentityHeaders",
                                                  sizeof(struct route_identity_headers),
                                                  header_members, COUNT_OF(header_members), NULL};

static void judge_access(struct setting_reader *reader, const void *value) {
    const struct route_access *access = value;
    if (access->require != NULL && access->auth != ROUTE_AUTH_REQUIRED) {
        setting_fault(reader, "require", "require_without_auth",
                      "says who may pass, but auth is not \"required\": everybody would");
    }
    if (access->headers != NULL && access->auth == ROUTE_AUTH_NONE) {
        setting_fault(reader, "headers", "headers_without_auth",
                      "says how users are told of, but with auth \"none\" there are none");
    }
}

static const struct setting access_members[] = {
    {AT(route_access, auth), .kind = SETTING_WORD, .words = auth_words,
     .about = "Whether visitors have to sign in: none, optional (who is signed in is told to the "
              "workload), required."},
    {AT(route_access, accept), .kind = SETTING_WORDS, .words = accept_words,
     .standard = ROUTE_ACCEPT_SESSION, .min = 1,
     .about = "By what somebody may be known: a browser's session, an access token, an API key."},
    {AT(route_access, require), .kind = SETTING_OBJECT, .shape = &require_shape,
     .about = "What a user has to have to get through, besides being signed in."},
    {AT(route_access, headers), .kind = SETTING_OBJECT, .shape = &header_shape,
     .about = "How the workload is told who the user is."},
};
const struct setting_shape route_settings_access = {"RouteAccess", sizeof(struct route_access),
                                                    access_members, COUNT_OF(access_members),
                                                    judge_access};
