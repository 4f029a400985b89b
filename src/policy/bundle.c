#include "policy/bundle.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/json.h"
#include "base/map.h"
#include "base/memory.h"
#include "policy/bundle_option.h"
#include "policy/canonical_host.h"

/* What stands around a bundle: its count and the arena that all its text lies in. */
struct bundle_box {
    atomic_size_t refs;
    struct arena arena;
    struct bundle bundle;
};

static const char *const member_names[] = {
    "format",  "environment", "project", "organization",  "revision", "issued_at",
    "enabled", "hostnames",   "routes",  "health_checks", "settings",
};
/* Of a route, besides its settings. */
static const char *const route_member_names[] = {"id", "match", "path", "upstream", NULL};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* ---- life ---- */

struct bundle *bundle_ref(struct bundle *bundle) {
    struct bundle_box *box = CONTAINER_OF(bundle, struct bundle_box, bundle);
    atomic_fetch_add_explicit(&box->refs, 1, memory_order_relaxed);
    return bundle;
}

void bundle_unref(struct bundle **bundle) {
    struct bundle *b = *bundle;
    *bundle = NULL;
    if (b == NULL) {
        return;
    }
    struct bundle_box *box = CONTAINER_OF(b, struct bundle_box, bundle);
    if (atomic_fetch_sub_explicit(&box->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    route_program_unref(&b->program);
    arena_fini(&box->arena);
    memory_free(box);
}

/* ---- members ---- */

bool bundle_is_upstream_name(struct str name) {
    if (name.len == 0 || name.len > BUNDLE_UPSTREAM_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return true;
}

static enum status read_id(const json_t *tree, const char *member, enum id_kind kind, struct id *id,
                           struct why *why) {
    struct str text = STR_EMPTY;
    enum status status = json_get_str(tree, member, &text, why);
    if (status == STATUS_OK && id_parse(kind, text, id) != STATUS_OK) {
        status = why_set(why, STATUS_INVALID, "bundle_id", "/%s is not an id of kind %s_", member,
                         id_prefix(kind));
    }
    return status;
}

static enum status read_revision(const json_t *tree, struct bundle *bundle, struct why *why) {
    enum status status =
        json_get_u64(tree, "revision", BUNDLE_REVISION_MAX, &bundle->revision, why);
    if (status == STATUS_OK && bundle->revision == 0) {
        status = why_set(why, STATUS_INVALID, "bundle_revision", "/revision must be 1 or more");
    }
    return status;
}

static enum status read_issued_at(const json_t *tree, struct bundle *bundle, struct why *why) {
    struct str text = STR_EMPTY;
    enum status status = json_get_str(tree, "issued_at", &text, why);
    if (status == STATUS_OK && clock_parse_rfc3339(text, &bundle->issued_at_ms) != STATUS_OK) {
        status =
            why_set(why, STATUS_INVALID, "bundle_issued_at", "/issued_at is not an RFC 3339 time");
    }
    return status;
}

/* First of all, so that a bundle of a newer format is not called malformed. */
static enum status check_format(const json_t *tree, struct why *why) {
    uint64_t format = 0;
    enum status status = json_get_u64(tree, "format", (uint64_t)INT64_MAX, &format, why);
    if (status == STATUS_OK && format != BUNDLE_FORMAT) {
        status = why_set(why, STATUS_UNSUPPORTED, "bundle_format",
                         "this build reads format %d: update it", BUNDLE_FORMAT);
    }
    return status;
}

static enum status read_head(const json_t *tree, struct bundle *bundle, struct why *why) {
    enum status status = check_format(tree, why);
    if (status == STATUS_OK) {
        status = json_object_check(tree, member_names, COUNT_OF(member_names), why);
    }
    if (status == STATUS_OK) {
        status = read_id(tree, "environment", ID_ENVIRONMENT, &bundle->environment, why);
    }
    if (status == STATUS_OK) {
        status = read_id(tree, "project", ID_PROJECT, &bundle->project, why);
    }
    if (status == STATUS_OK) {
        status = read_id(tree, "organization", ID_ORGANIZATION, &bundle->organization, why);
    }
    if (status == STATUS_OK) {
        status = read_revision(tree, bundle, why);
    }
    if (status == STATUS_OK) {
        status = read_issued_at(tree, bundle, why);
    }
    if (status == STATUS_OK) {
        status = json_get_bool(tree, "enabled", &bundle->is_enabled, why);
    }
    return status;
}

/* ---- host names ---- */

static enum status read_hostname(const json_t *item, size_t index, struct bundle_box *box,
                                 struct why *why) {
    struct bundle *bundle = &box->bundle;
    struct why inner = {0};
    if (!json_is_string(item)) {
        return why_set(why, STATUS_INVALID, "bundle_hostnames", "/hostnames/%zu is not text",
                       index);
    }
    struct str name = str_make(json_string_value(item), json_string_length(item));
    enum status status = canonical_host_check_name(name, &inner);
    if (status != STATUS_OK) {
        return why_set(why, status, inner.slug, "/hostnames/%zu: %s", index, inner.text);
    }
    for (size_t i = 0; i < bundle->hostname_count; i++) {
        if (str_eq(bundle->hostnames[i], name)) {
            return why_set(why, STATUS_INVALID, "bundle_hostnames", "/hostnames/%zu is a duplicate",
                           index);
        }
    }
    bundle->hostnames[bundle->hostname_count++] = arena_str(&box->arena, name);
    return STATUS_OK;
}

static enum status read_hostnames(const json_t *tree, struct bundle_box *box, struct why *why) {
    json_t *list = NULL;
    enum status status = json_get_array(tree, "hostnames", &list, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = json_array_size(list);
    if (count > BUNDLE_HOSTNAMES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "bundle_hostnames", "/hostnames has over %d members",
                       BUNDLE_HOSTNAMES_MAX);
    }
    box->bundle.hostnames = arena_zalloc(&box->arena, (count + 1) * sizeof(struct str));
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = read_hostname(json_array_get(list, i), i, box, why);
    }
    return status;
}

/* ---- routes ---- */

/* What names it and where it leads; the path is judged by the compiler of the program. */
static enum status read_route(const json_t *item, struct bundle_route *route, struct arena *arena,
                              struct why *why) {
    struct str id = STR_EMPTY;
    struct str match = STR_EMPTY;
    struct str path = STR_EMPTY;
    struct str upstream = STR_EMPTY;
    enum status status = json_get_str(item, "id", &id, why);
    if (status == STATUS_OK) {
        status = json_get_str(item, "match", &match, why);
    }
    if (status == STATUS_OK) {
        status = json_get_str(item, "path", &path, why);
    }
    if (status == STATUS_OK) {
        status = json_get_str(item, "upstream", &upstream, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (id_parse(ID_ROUTE, id, &route->id) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "bundle_route_id", "its id is not an id of kind rt_");
    }
    if (route_match_parse(match, &route->match) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "bundle_match",
                       "its match is not prefix, exact or regexp");
    }
    if (!bundle_is_upstream_name(upstream)) {
        return why_set(why, STATUS_INVALID, "bundle_upstream",
                       "its upstream is not 1 to 63 of a-z, 0-9 and -");
    }
    route->path = arena_str(arena, path);
    route->upstream = arena_str(arena, upstream);
    return STATUS_OK;
}

/* ---- settings ---- */

/* The first fault is what is told. */
static void take_fault(void *context, const char *pointer, const char *code, const char *detail) {
    struct why *why = context;
    if (why->slug[0] == '\0') {
        (void)why_set(why, STATUS_INVALID, code, "%s %s", pointer, detail);
    }
}

static enum status read_settings(const struct setting_shape *shape, const json_t *object,
                                 const char *const *others, const char *pointer,
                                 struct arena *arena, void *value, struct why *why) {
    struct why first = {0};
    struct setting_reader reader;
    setting_reader_init(&reader, arena, pointer, take_fault, &first);
    reader.is_bundle = true;
    if (setting_read(&reader, shape, object, others, value)) {
        return STATUS_OK;
    }
    return why_set(why, STATUS_INVALID, first.slug, "%s", first.text);
}

static enum status read_route_settings(const json_t *item, size_t index, struct bundle_route *route,
                                       struct arena *arena, struct why *why) {
    char pointer[32];
    struct route_settings *settings = ARENA_NEW(arena, struct route_settings);
    snprintf(pointer, sizeof(pointer), "/routes/%zu", index);
    enum status status = read_settings(&route_settings_shape, item, route_member_names, pointer,
                                       arena, settings, why);
    if (status == STATUS_OK) {
        route->settings = settings;
        route->is_sticky = settings->sticky;
        route->timeouts = (struct bundle_timeouts){
            .connect_ms = (uint32_t)settings->timeouts->connect_ms,
            .first_byte_ms = (uint32_t)settings->timeouts->first_byte_ms,
            .idle_ms = (uint32_t)settings->timeouts->idle_ms,
        };
    }
    return status;
}

static enum status read_environment_settings(const json_t *tree, struct bundle_box *box,
                                             struct why *why) {
    struct environment_settings *settings = ARENA_NEW(&box->arena, struct environment_settings);
    const json_t *object = json_object_get(tree, "settings");
    json_t *nothing = json_object();
    enum status status =
        read_settings(&environment_settings_shape, object != NULL ? object : nothing, NULL,
                      "/settings", &box->arena, settings, why);
    json_decref(nothing);
    box->bundle.settings = settings;
    return status;
}

static enum status read_route_list(const json_t *list, struct bundle_box *box, struct map *ids,
                                   struct why *why) {
    struct bundle *bundle = &box->bundle;
    for (size_t i = 0; i < bundle->route_count; i++) {
        struct why inner = {0};
        struct bundle_route *route = &bundle->routes[i];
        const json_t *item = json_array_get(list, i);
        enum status status = read_route(item, route, &box->arena, &inner);
        if (status != STATUS_OK) {
            return why_set(why, status, inner.slug, "/routes/%zu: %s", i, inner.text);
        }
        status = read_route_settings(item, i, route, &box->arena, why);
        if (status != STATUS_OK) {
            return status;
        }
        if (map_set(ids, id_str(&route->id), route) != NULL) {
            return why_set(why, STATUS_INVALID, "bundle_route_id", "/routes/%zu/id is a duplicate",
                           i);
        }
    }
    return STATUS_OK;
}

static enum status compile_routes(struct bundle *bundle, struct why *why) {
    struct route_pattern *patterns =
        memory_new_array(bundle->route_count + 1, sizeof(struct route_pattern));
    for (size_t i = 0; i < bundle->route_count; i++) {
        patterns[i] = (struct route_pattern){bundle->routes[i].match, bundle->routes[i].path};
    }
    struct why inner = {0};
    size_t faulty = 0;
    enum status status =
        route_program_new(patterns, bundle->route_count, &bundle->program, &faulty, &inner);
    memory_free(patterns);
    if (status != STATUS_OK) {
        return why_set(why, status, inner.slug, "/routes/%zu/path: %s", faulty, inner.text);
    }
    return STATUS_OK;
}

static enum status read_routes(const json_t *tree, struct bundle_box *box, struct why *why) {
    struct bundle *bundle = &box->bundle;
    json_t *list = NULL;
    enum status status = json_get_array(tree, "routes", &list, why);
    if (status != STATUS_OK) {
        return status;
    }
    bundle->route_count = json_array_size(list);
    if (bundle->route_count > ROUTE_PROGRAM_ROUTES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "bundle_routes", "/routes has over %d members",
                       ROUTE_PROGRAM_ROUTES_MAX);
    }
    bundle->routes =
        arena_zalloc(&box->arena, (bundle->route_count + 1) * sizeof(struct bundle_route));
    struct map ids;
    map_init(&ids);
    status = read_route_list(list, box, &ids, why);
    map_fini(&ids);
    return status == STATUS_OK ? compile_routes(bundle, why) : status;
}

/* ---- the whole ---- */

static enum status read_tree(const json_t *tree, struct bundle_box *box, struct why *why) {
    enum status status = read_head(tree, &box->bundle, why);
    if (status == STATUS_OK) {
        status = read_hostnames(tree, box, why);
    }
    if (status == STATUS_OK) {
        status = read_routes(tree, box, why);
    }
    if (status == STATUS_OK) {
        status = bundle_option_read_checks(tree, &box->arena, &box->bundle, why);
    }
    if (status == STATUS_OK) {
        status = read_environment_settings(tree, box, why);
    }
    return status;
}

enum status bundle_parse(struct str payload, struct bundle **bundle, struct why *why) {
    if (payload.len > BUNDLE_BYTES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "bundle_too_large", "the bundle is over %u bytes",
                       BUNDLE_BYTES_MAX);
    }
    json_t *tree = NULL;
    enum status status = json_parse(payload, &tree, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct bundle_box *box = MEMORY_NEW(struct bundle_box);
    atomic_init(&box->refs, 1);
    arena_init(&box->arena);
    status = read_tree(tree, box, why);
    json_decref(tree);
    struct bundle *made = &box->bundle;
    if (status != STATUS_OK) {
        bundle_unref(&made);
        return status;
    }
    *bundle = made;
    return STATUS_OK;
}
