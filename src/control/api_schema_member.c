/* api_schema_member.c: bodies about organizations and their people. */
#include "control/api_schema.h"
#include "identity/identity_invitation.h"
#include "identity/identity_password.h"
#include "store/store_member.h"
#include "store/store_organization.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const role_words[] = {"owner", "admin", "developer", "viewer", "billing", NULL};

static const struct api_member organization_new[] = {
    {"name", API_TEXT, true, 1, .max = STORE_ORGANIZATION_NAME_MAX},
};
const struct api_schema api_schema_organization_new = {"OrganizationNew", organization_new,
                                                       COUNT(organization_new)};

static const struct api_member organization_patch[] = {
    {"name", API_TEXT, false, 1, .max = STORE_ORGANIZATION_NAME_MAX},
};
const struct api_schema api_schema_organization_patch = {"OrganizationPatch", organization_patch,
                                                         COUNT(organization_patch)};

static const struct api_member member_patch[] = {
    {"role", API_WORD, false, .words = role_words},
};
const struct api_schema api_schema_member_patch = {"MemberPatch", member_patch,
                                                   COUNT(member_patch)};

static const struct api_member me_patch[] = {
    {"name", API_TEXT, false, 0, .max = STORE_MEMBER_NAME_MAX},
    {"password", API_OPAQUE, false, 1, .max = IDENTITY_PASSWORD_BYTES_MAX},
    {"current_password", API_OPAQUE, false, 1, .max = IDENTITY_PASSWORD_BYTES_MAX},
};
const struct api_schema api_schema_me_patch = {"MePatch", me_patch, COUNT(me_patch)};

#define INVITATION_LIFE_SECONDS_MIN 3600

static const struct api_member invitation_new[] = {
    {"email", API_OPAQUE, true, 1, .max = STORE_MEMBER_EMAIL_MAX},
    {"role", API_WORD, true, .words = role_words},
    {"expires_in_seconds", API_INTEGER, .min = INVITATION_LIFE_SECONDS_MIN,
     .max = IDENTITY_INVITATION_LIFE_SECONDS_MAX},
};
const struct api_schema api_schema_invitation_new = {"InvitationNew", invitation_new,
                                                     COUNT(invitation_new)};

static const struct api_member acceptance_new[] = {
    {"token", API_OPAQUE, true, 1, .max = 200},
    {"name", API_TEXT, false, 0, .max = STORE_MEMBER_NAME_MAX},
    {"password", API_OPAQUE, false, 1, .max = IDENTITY_PASSWORD_BYTES_MAX},
};
const struct api_schema api_schema_acceptance_new = {"AcceptanceNew", acceptance_new,
                                                     COUNT(acceptance_new)};

static const struct api_member organization_end[] = {
    {"name", API_OPAQUE, true, 1, .max = STORE_ORGANIZATION_NAME_MAX},
};
const struct api_schema api_schema_organization_end = {"", organization_end,
                                                       COUNT(organization_end)};

static const struct api_member operation_result[] = {
    {"part", API_INTEGER, .min = 1, .max = 64},
};
const struct api_schema api_schema_operation_result = {"", operation_result,
                                                       COUNT(operation_result)};
