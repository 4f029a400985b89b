/* api_schema_warpgate.c: what the list of warpgates is filtered by. */
#include "control/api_schema.h"

static const char *const status_words[] = {"connected", "disconnected", "unknown", NULL};
static const struct api_member filters[] = {{"status", API_WORD, .words = status_words}};
const struct api_schema api_schema_warpgate_filters = {"", filters,
                                                       sizeof(filters) / sizeof(filters[0]), NULL};
