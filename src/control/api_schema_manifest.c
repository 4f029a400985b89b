/* api_schema_manifest.c: a whole project as one document, and what the query of applying it may say. */
#include "control/api_schema.h"

#include "control/manifest_document.h"
#include "policy/bundle.h"
#include "policy/environment_settings.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const match_words[] = {"prefix", "exact", "regexp", NULL};
static const char *const prune_words[] = {"managed", "all", "none", NULL};

static const struct api_member route[] = {
    {"match", API_WORD, .words = match_words},
    {"path", API_OPAQUE, true, 1, .max = STORE_ROUTE_PATH_MAX},
    {"upstream", API_TEXT, false, 1, .max = STORE_ROUTE_UPSTREAM_MAX},
};
static const struct api_schema route_schema = {"ManifestRoute", route, COUNT(route),
                                               &route_settings_shape};

static const struct api_member environment[] = {
    {"name", API_SLUG, true, 1, .max = STORE_SLUG_MAX},
    {"enabled", API_BOOLEAN, .is_required = false},
    {"hostname", API_TEXT, false, 1, .max = STORE_HOSTNAME_MAX},
    {"health_checks", API_LIST, .max = BUNDLE_HEALTH_CHECKS_MAX, .schema = &api_schema_health_check,
     .may_be_null = true},
    {"routes", API_LIST, .max = STORE_ROUTES_MAX, .schema = &route_schema},
};
static const struct api_schema environment_schema = {
    "ManifestEnvironment", environment, COUNT(environment), &environment_settings_members};

static const struct api_member manifest[] = {
    {"project", API_SLUG, false, 1, .max = STORE_SLUG_MAX},
    {"environments", API_LIST, true, .max = MANIFEST_ENVIRONMENTS_MAX,
     .schema = &environment_schema},
};
const struct api_schema api_schema_manifest = {"Manifest", manifest, COUNT(manifest), NULL};

static const struct api_member query[] = {
    {"dry_run", API_BOOLEAN, .is_required = false},
    {"field_manager", API_SLUG, false, 1, .max = STORE_SLUG_MAX},
    {"force", API_BOOLEAN, .is_required = false},
    {"prune", API_WORD, .words = prune_words},
};
const struct api_schema api_schema_manifest_query = {"", query, COUNT(query), NULL};
