#include "policy/bundle_option.h"

#include "base/json.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* A span of time in a bundle, and what it may be. */
struct span {
    const char *name;
    uint32_t min;
    uint32_t max;
};

static const struct span interval_span = {"interval_ms", BUNDLE_CHECK_INTERVAL_MS_MIN,
                                          BUNDLE_CHECK_INTERVAL_MS_MAX};
static const struct span timeout_span = {"timeout_ms", BUNDLE_CHECK_TIMEOUT_MS_MIN,
                                         BUNDLE_CHECK_TIMEOUT_MS_MAX};

static const char *const check_names[] = {"upstream", "path", "interval_ms", "timeout_ms"};

static enum status read_span(const json_t *object, const struct span *span, const char *slug,
                             uint32_t *value, struct why *why) {
    uint64_t number = 0;
    enum status status = json_get_u64(object, span->name, UINT32_MAX, &number, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (number < span->min || number > span->max) {
        return why_set(why, STATUS_INVALID, slug, "/%s has to be from %u to %u", span->name,
                       span->min, span->max);
    }
    *value = (uint32_t)number;
    return STATUS_OK;
}

/* ---- health checks ---- */

bool bundle_is_check_path(struct str path) {
    if (path.len == 0 || path.len > BUNDLE_CHECK_PATH_MAX || path.at[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.at[i] < 0x21 || path.at[i] > 0x7e || path.at[i] == '#') {
            return false;
        }
    }
    return true;
}

/* Its texts are borrowed from the tree still. */
static enum status read_check_members(const json_t *item, struct bundle_health_check *check,
                                      struct why *why) {
    enum status status = json_object_check(item, check_names, COUNT_OF(check_names), why);
    if (status == STATUS_OK) {
        status = json_get_str(item, "upstream", &check->upstream, why);
    }
    if (status == STATUS_OK) {
        status = json_get_str(item, "path", &check->path, why);
    }
    if (status == STATUS_OK) {
        status = read_span(item, &interval_span, "bundle_health_checks", &check->interval_ms, why);
    }
    if (status == STATUS_OK) {
        status = read_span(item, &timeout_span, "bundle_health_checks", &check->timeout_ms, why);
    }
    return status;
}

static enum status judge_check(const struct bundle_health_check *check, const struct bundle *bundle,
                               struct why *why) {
    const char *slug = "bundle_health_checks";
    if (!bundle_is_upstream_name(check->upstream)) {
        return why_set(why, STATUS_INVALID, slug, "/upstream is not 1 to 63 of a-z, 0-9 and -");
    }
    if (!bundle_is_check_path(check->path)) {
        return why_set(why, STATUS_INVALID, slug, "/path is not an absolute path");
    }
    if (check->timeout_ms > check->interval_ms) {
        return why_set(why, STATUS_INVALID, slug, "/timeout_ms is over the interval");
    }
    for (size_t i = 0; i < bundle->health_check_count; i++) {
        if (str_eq(bundle->health_checks[i].upstream, check->upstream)) {
            return why_set(why, STATUS_INVALID, slug, "/upstream has a check already");
        }
    }
    return STATUS_OK;
}

static enum status read_check(const json_t *item, struct arena *arena, struct bundle *bundle,
                              struct why *why) {
    struct bundle_health_check check = {0};
    enum status status = read_check_members(item, &check, why);
    if (status == STATUS_OK) {
        status = judge_check(&check, bundle, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    check.upstream = arena_str(arena, check.upstream);
    check.path = arena_str(arena, check.path);
    bundle->health_checks[bundle->health_check_count++] = check;
    return STATUS_OK;
}

enum status bundle_option_read_checks(const json_t *tree, struct arena *arena,
                                      struct bundle *bundle, struct why *why) {
    json_t *list = NULL;
    if (json_object_get(tree, "health_checks") == NULL) {
        return STATUS_OK;
    }
    enum status status = json_get_array(tree, "health_checks", &list, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = json_array_size(list);
    if (count > BUNDLE_HEALTH_CHECKS_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "bundle_health_checks",
                       "/health_checks has over %d members", BUNDLE_HEALTH_CHECKS_MAX);
    }
    bundle->health_checks = arena_zalloc(arena, (count + 1) * sizeof(struct bundle_health_check));
    for (size_t i = 0; i < count; i++) {
        struct why inner = {0};
        status = read_check(json_array_get(list, i), arena, bundle, &inner);
        if (status != STATUS_OK) {
            return why_set(why, status, inner.slug, "/health_checks/%zu: %s", i, inner.text);
        }
    }
    return STATUS_OK;
}
