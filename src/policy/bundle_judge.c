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
    const struct route_access *access = bundle->routes[index].settings->access;
    if (access != NULL && access->auth == ROUTE_AUTH_REQUIRED) {
        return refuse(BUNDLE_NOT_ENFORCED, why, "policy_not_enforced",
                      "the route is for signed-in users only, and nobody can sign in here yet");
    }
    *route = &bundle->routes[index];
    return BUNDLE_ALLOW;
}

static bool lets_pass(const struct route_ip *ip, struct str address) {
    if (ip == NULL || (ip->allow.count == 0 && ip->deny.count == 0)) {
        return true;
    }
    return setting_is_address(address) && !setting_cidrs_hold(ip->deny, address) &&
           (ip->allow.count == 0 || setting_cidrs_hold(ip->allow, address));
}

enum bundle_verdict bundle_judge_address(const struct bundle *bundle,
                                         const struct bundle_route *route, struct str address,
                                         struct why *why) {
    return lets_pass(bundle->settings->ip, address) && lets_pass(route->settings->ip, address)
               ? BUNDLE_ALLOW
               : refuse(BUNDLE_BAD_ADDRESS, why, "address_refused",
                        "the address is not one of those that may come here");
}
