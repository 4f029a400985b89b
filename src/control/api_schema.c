#include "control/api_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "identity/identity_password.h"
#include "policy/bundle.h"
#include "policy/environment_settings.h"
#include "store/store_environment.h"
#include "store/store_member.h"
#include "store/store_project.h"
#include "store/store_route.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SCHEMA(symbol, schema_name, table)                                                         \
    const struct api_schema api_schema_##symbol = {schema_name, table, COUNT(table), NULL}
#define SCHEMA_WITH(symbol, schema_name, table, shape)                                             \
    const struct api_schema api_schema_##symbol = {schema_name, table, COUNT(table), &(shape)}

#define SLUG(is_required)                                                                          \
    { "name", API_SLUG, is_required, 1, .max = STORE_SLUG_MAX }
#define ROUTE_MATCH                                                                                \
    { "match", API_WORD, false, .words = match_words }
#define ROUTE_PATH(is_required)                                                                    \
    { "path", API_OPAQUE, is_required, 1, .max = STORE_ROUTE_PATH_MAX }
#define UPSTREAM                                                                                   \
    { "upstream", API_TEXT, false, 1, .max = STORE_ROUTE_UPSTREAM_MAX }
#define HOSTNAME                                                                                   \
    { "hostname", API_TEXT, false, 1, .max = STORE_HOSTNAME_MAX }
#define HEALTH_CHECKS                                                                              \
    {                                                                                              \
        "health_checks", API_LIST, .max = BUNDLE_HEALTH_CHECKS_MAX,                                \
                                   .schema = &api_schema_health_check, .may_be_null = true         \
    }
#define POSITION_MAX INT32_MAX

static const char *const match_words[] = {"prefix", "exact", "regexp", NULL};

static const struct api_member session_new[] = {
    {"email", API_OPAQUE, true, 1, .max = STORE_MEMBER_EMAIL_MAX},
    {"password", API_OPAQUE, true, 1, .max = IDENTITY_PASSWORD_BYTES_MAX},
};
SCHEMA(session_new, "SessionNew", session_new);

static const struct api_member project_new[] = {SLUG(true)};
SCHEMA(project_new, "ProjectNew", project_new);

static const struct api_member project_patch[] = {SLUG(false)};
SCHEMA(project_patch, "ProjectPatch", project_patch);

static const struct api_member health_check[] = {
    UPSTREAM,
    {"path", API_OPAQUE, true, 1, .max = BUNDLE_CHECK_PATH_MAX},
    {"interval_ms", API_INTEGER, .min = BUNDLE_CHECK_INTERVAL_MS_MIN,
     .max = BUNDLE_CHECK_INTERVAL_MS_MAX},
    {"timeout_ms", API_INTEGER, .min = BUNDLE_CHECK_TIMEOUT_MS_MIN,
     .max = BUNDLE_CHECK_TIMEOUT_MS_MAX},
};
SCHEMA(health_check, "HealthCheckNew", health_check);

static const struct api_member environment_new[] = {
    SLUG(true),
    {"enabled", API_BOOLEAN, .is_required = false},
    HOSTNAME,
    HEALTH_CHECKS,
};
SCHEMA_WITH(environment_new, "EnvironmentNew", environment_new, environment_settings_members);

static const struct api_member environment_patch[] = {
    SLUG(false),
    {"enabled", API_BOOLEAN, .is_required = false},
    HOSTNAME,
    HEALTH_CHECKS,
};
SCHEMA_WITH(environment_patch, "EnvironmentPatch", environment_patch, environment_settings_members);

static const struct api_member route_new[] = {
    ROUTE_MATCH,
    ROUTE_PATH(true),
    UPSTREAM,
};
SCHEMA_WITH(route_new, "RouteNew", route_new, route_settings_shape);

static const struct api_member route_patch[] = {
    ROUTE_MATCH,
    ROUTE_PATH(false),
    UPSTREAM,
    {"position", API_INTEGER, false, 0, .max = POSITION_MAX},
};
SCHEMA_WITH(route_patch, "RoutePatch", route_patch, route_settings_shape);

/* Faults */

void api_schema_enter(struct api_faults *faults, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (vsnprintf(faults->base, sizeof(faults->base), format, args) < 0) {
        faults->base[0] = '\0';
    }
    va_end(args);
}

/* Adds "/name" with "~" and "/" escaped (RFC 6901 §3), cut where the room ends. */
static void add_to_pointer(const char *member, char out[API_POINTER_SIZE]) {
    size_t at = strlen(out);
    if (at + 3 >= API_POINTER_SIZE) {
        return;
    }
    out[at++] = '/';
    for (; *member != '\0' && at + 3 < API_POINTER_SIZE; member++) {
        bool is_special = *member == '~' || *member == '/';
        if (is_special) {
            out[at++] = '~';
        }
        out[at++] = *member == '~' ? '0' : *member == '/' ? '1' : *member;
    }
    /* A member's name comes from the peer: what is cut stays UTF-8. */
    out[text_utf8_prefix(str_make(out, at))] = '\0';
}

void api_schema_add_fault(struct api_faults *faults, const char *member, const char *code,
                          int64_t position, const char *format, ...) {
    if (faults->count == API_FAULTS_MAX) {
        return;
    }
    struct api_fault *fault = &faults->at[faults->count++];
    snprintf(fault->pointer, sizeof(fault->pointer), "%s", faults->base);
    if (member != NULL) {
        add_to_pointer(member, fault->pointer);
    }
    fault->code = code;
    fault->position = position;
    va_list args;
    va_start(args, format);
    if (vsnprintf(fault->detail, sizeof(fault->detail), format, args) < 0) {
        fault->detail[0] = '\0';
    }
    va_end(args);
}

/* Members */

static bool has_control_character(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static void check_text(const struct api_member *member, const json_t *value,
                       struct api_faults *faults) {
    if (!json_is_string(value)) {
        api_schema_add_fault(faults, member->name, "member_type", -1, "has to be a string");
        return;
    }
    struct str text = str_make(json_string_value(value), json_string_length(value));
    if (text.len < member->min) {
        api_schema_add_fault(faults, member->name, "too_short", -1,
                             "has to have at least %zu bytes", member->min);
    } else if (text.len > member->max) {
        api_schema_add_fault(faults, member->name, "too_long", -1, "has to have at most %zu bytes",
                             member->max);
    } else if (member->kind == API_TEXT && has_control_character(text)) {
        api_schema_add_fault(faults, member->name, "control_character", -1,
                             "must not hold control characters");
    } else if (member->kind == API_SLUG && !store_project_is_slug(text)) {
        api_schema_add_fault(faults, member->name, "name_invalid", -1,
                             "has to be 1 to %d of a-z, 0-9 and -, without a - at either end",
                             STORE_SLUG_MAX);
    }
}

static void check_word(const struct api_member *member, const json_t *value,
                       struct api_faults *faults) {
    const char *text = json_string_value(value); /* NULL for what is no string */
    char list[192] = "";
    size_t len = 0;
    for (size_t i = 0; member->words[i] != NULL; i++) {
        if (text != NULL && strcmp(text, member->words[i]) == 0) {
            return;
        }
        int added =
            snprintf(list + len, sizeof(list) - len, "%s%s", i == 0 ? "" : ", ", member->words[i]);
        len += added > 0 && (size_t)added < sizeof(list) - len ? (size_t)added : 0;
    }
    api_schema_add_fault(faults, member->name, "member_value", -1, "has to be one of: %s", list);
}

static void check_integer(const struct api_member *member, const json_t *value,
                          struct api_faults *faults) {
    json_int_t number = json_integer_value(value);
    bool is_zero = number == 0 && member->may_be_zero;
    if (!json_is_integer(value) ||
        (!is_zero && (number < (json_int_t)member->min || number > (json_int_t)member->max))) {
        api_schema_add_fault(faults, member->name, "member_value", -1,
                             "has to be %san integer from %zu to %zu",
                             member->may_be_zero ? "0 or " : "", member->min, member->max);
    }
}

static void check_time(const struct api_member *member, const json_t *value,
                       struct api_faults *faults) {
    int64_t ms;
    if (!json_is_string(value) ||
        clock_parse_rfc3339(str_make(json_string_value(value), json_string_length(value)), &ms) !=
            STATUS_OK) {
        api_schema_add_fault(faults, member->name, "member_value", -1,
                             "has to be a time such as 2030-01-31T12:00:00Z");
    }
}

static bool is_repeated(const json_t *list, size_t at) {
    for (size_t i = 0; i < at; i++) {
        if (json_equal(json_array_get(list, i), json_array_get(list, at))) {
            return true;
        }
    }
    return false;
}

static void check_words(const struct api_member *member, const json_t *value,
                        struct api_faults *faults) {
    size_t i;
    json_t *item;
    if (!json_is_array(value)) {
        api_schema_add_fault(faults, member->name, "member_type", -1, "has to be a list");
        return;
    }
    char base[API_POINTER_SIZE];
    memcpy(base, faults->base, sizeof(base));
    api_schema_enter(faults, "%s/%s", base, member->name);
    json_array_foreach(value, i, item) {
        char name[24];
        struct api_member word = {name, API_WORD, .words = member->words};
        snprintf(name, sizeof(name), "%zu", i);
        if (is_repeated(value, i)) {
            api_schema_add_fault(faults, name, "member_repeated", -1, "is there twice");
        } else {
            check_word(&word, item, faults);
        }
        if (faults->count == API_FAULTS_MAX) {
            break;
        }
    }
    api_schema_enter(faults, "%s", base);
}

/* What is inside has its own members, below the pointer that is being judged. */
static void check_inside(const struct api_member *member, const json_t *value,
                         struct api_faults *faults) {
    size_t i;
    json_t *item;
    char base[API_POINTER_SIZE];
    memcpy(base, faults->base, sizeof(base));
    if (member->kind == API_OBJECT) {
        api_schema_enter(faults, "%s/%s", base, member->name);
        api_schema_check(member->schema, value, faults);
    } else if (!json_is_array(value)) {
        api_schema_add_fault(faults, member->name, "member_type", -1, "has to be a list");
    } else if (json_array_size(value) > member->max) {
        api_schema_add_fault(faults, member->name, "too_long", -1, "has at most %zu members",
                             member->max);
    } else {
        json_array_foreach(value, i, item) {
            api_schema_enter(faults, "%s/%s/%zu", base, member->name, i);
            api_schema_check(member->schema, item, faults);
        }
    }
    api_schema_enter(faults, "%s", base);
}

static void check_member(const struct api_member *member, const json_t *value,
                         struct api_faults *faults) {
    if (value == NULL) {
        if (member->is_required) {
            api_schema_add_fault(faults, member->name, "member_missing", -1, "is missing");
        }
        return;
    }
    if (json_is_null(value) && member->may_be_null) {
        return;
    }
    switch (member->kind) {
    case API_TEXT:
    case API_OPAQUE:
    case API_SLUG:
        check_text(member, value, faults);
        return;
    case API_WORD:
        check_word(member, value, faults);
        return;
    case API_INTEGER:
        check_integer(member, value, faults);
        return;
    case API_TIME:
        check_time(member, value, faults);
        return;
    case API_WORDS:
        check_words(member, value, faults);
        return;
    case API_BOOLEAN:
        if (!json_is_boolean(value)) {
            api_schema_add_fault(faults, member->name, "member_type", -1,
                                 "has to be true or false");
        }
        return;
    case API_OBJECT:
    case API_LIST:
        check_inside(member, value, faults);
        return;
    }
}

static bool is_known(const struct api_schema *schema, const char *name) {
    for (size_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->members[i].name, name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; schema->settings != NULL && i < schema->settings->count; i++) {
        if (strcmp(schema->settings->members[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void api_schema_check(const struct api_schema *schema, const json_t *body,
                      struct api_faults *faults) {
    const char *name;
    json_t *value;
    if (!json_is_object(body)) {
        api_schema_add_fault(faults, NULL, "member_type", -1, "this has to be an object");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)body, name, value) {
        if (!is_known(schema, name)) {
            api_schema_add_fault(faults, name, "unknown_member", -1, "is not known here");
        }
    }
    for (size_t i = 0; i < schema->count; i++) {
        check_member(&schema->members[i], json_object_get(body, schema->members[i].name), faults);
    }
}

bool api_schema_may_be_absent(const struct api_schema *schema) {
    for (size_t i = 0; schema->settings != NULL && i < schema->settings->count; i++) {
        if (schema->settings->members[i].is_required) {
            return false;
        }
    }
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->members[i].is_required) {
            return false;
        }
    }
    return true;
}
