/* api_schema_edge.c: the bodies of operations on edges and join tokens. */
#include "control/api_schema.h"
#include "store/store_edge.h"
#include "store/store_join_token.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define JOIN_TOKEN_SECONDS_MIN 60
#define JOIN_TOKEN_SECONDS_MAX (7 * 24 * 3600)

static const struct api_member edge_patch[] = {
    {"name", API_TEXT, false, 1, .max = STORE_EDGE_NAME_MAX},
    {"address", API_TEXT, false, 1, .max = STORE_EDGE_ADDRESS_MAX},
    {"enabled", API_BOOLEAN, .is_required = false},
};
const struct api_schema api_schema_edge_patch = {"EdgePatch", edge_patch, COUNT(edge_patch)};

static const struct api_member join_token_new[] = {
    {"name", API_TEXT, false, 1, .max = STORE_JOIN_TOKEN_NAME_MAX},
    {"expires_in_seconds", API_INTEGER, .min = JOIN_TOKEN_SECONDS_MIN,
     .max = JOIN_TOKEN_SECONDS_MAX},
};
const struct api_schema api_schema_join_token_new = {"JoinTokenNew", join_token_new,
                                                     COUNT(join_token_new)};
