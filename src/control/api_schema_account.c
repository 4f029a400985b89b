/* api_schema_account.c: bodies and queries about service accounts and their keys. */
#include "control/api_schema.h"
#include "store/store_service_account.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SCHEMA(symbol, schema_name, table)                                                         \
    const struct api_schema api_schema_account##symbol = {schema_name, table, COUNT(table)}

#define NAME(is_required)                                                                          \
    { "name", API_TEXT, is_required, 1, .max = STORE_SERVICE_ACCOUNT_NAME_MAX }
#define PERMISSIONS                                                                                \
    { "permissions", API_WORDS, .words = permission_words, .may_be_null = true }
#define ENABLED                                                                                    \
    { "enabled", API_BOOLEAN, .may_be_null = true }
#define EXPIRES_AT                                                                                 \
    { "expires_at", API_TIME, .may_be_null = true }

/* Those of permission.h that service accounts may have. */
static const char *const permission_words[] = {"audit:read",       "config:read", "config:write",
                                               "metrics:read",     "users:read",  "users:write",
                                               "warpgate:connect", NULL};
static const char *const status_words[] = {"live", "expired", "revoked", NULL};

static const struct api_member account_new[] = {
    NAME(true),  {"environment", API_TEXT, .min = 1, .max = 32, .may_be_null = true},
    PERMISSIONS, ENABLED,
    EXPIRES_AT,
};
SCHEMA(_new, "ServiceAccountNew", account_new);

static const struct api_member account_patch[] = {NAME(false), PERMISSIONS, ENABLED, EXPIRES_AT};
SCHEMA(_patch, "ServiceAccountPatch", account_patch);

static const struct api_member account_filters[] = {NAME(false)};
SCHEMA(_filters, "", account_filters);

static const struct api_member key_new[] = {EXPIRES_AT};
SCHEMA(_key_new, "KeyNew", key_new);

static const struct api_member key_filters[] = {{"status", API_WORD, .words = status_words}};
SCHEMA(_key_filters, "", key_filters);
