#include "policy/bundle.h"
#include "policy/canonical_host.h"
#include "policy/canonical_path.h"

static bool has_hostname(const struct bundle *bundle, struct str host) {
    for (size_t i = 0; i < bundle->hostname_count; i++) {
        if (str_eq(bundle->hostnames[i], host)) {
            return true;
        }
    }
    return false;
}

static enum bundle_verdict refuse(enum bundle_verdict verdict, struct why *why, const char *slug,
                                  const char *text) {
    (void)why_set(why, STATUS_DENIED, slug, "%s", text);
    return verdict;
}

enum bundle_verdict bundle_judge(const struct bundle *bundle, struct route_matcher *matcher,
                                 struct str authority, struct str target, struct arena *arena,
                                 const struct bundle_route **route, struct why *why) {
    char host[CANONICAL_HOST_SIZE];
    if (canonical_host(authority, host, why) != STATUS_OK) {
        return BUNDLE_WRONG_HOST;
    }
    if (!has_hostname(bundle, str_from(host))) {
        return refuse(BUNDLE_WRONG_HOST, why, "wrong_host",
                      "the host is not one of this environment's");
    }
    if (!bundle->is_enabled) {
        return refuse(BUNDLE_DISABLED, why, "environment_disabled",
                      "the environment is switched off");
    }
    /* "OPTIONS *" asks about the whole server: it goes where the server's root goes. */
    struct str path = STR("/");
    if (!str_eq(target, STR("*")) && canonical_path(target, arena, &path, why) != STATUS_OK) {
        return BUNDLE_BAD_PATH;
    }
    size_t index = route_matcher_match(matcher, path);
    if (index == ROUTE_NONE) {
        return route_matcher_gave_up(matcher)
                   ? refuse(BUNDLE_NO_ROUTE, why, "route_too_costly",
                            "the environment's regexps are too costly on this path")
                   : refuse(BUNDLE_NO_ROUTE, why, "no_route", "no route covers the path");
    }
    *route = &bundle->routes[index];
    return BUNDLE_ALLOW;
}
