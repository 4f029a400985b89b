/* bundle.h: one environment's complete configuration, as the control plane signs it and edge and warpgate apply it.
 *
 * This layer judges the payload (JSON); the signature around it is checked by tunnel/signed_bundle.h before. The payload:
 *   {"format": 1, "environment": "env_…", "project": "prj_…", "organization": "org_…", "revision": 7,
 *    "issued_at": "2026-11-20T12:00:00.000Z", "enabled": true, "hostnames": ["demo.example.net"],
 *    "routes": [{"id": "rt_…", "match": "prefix", "path": "/", "upstream": "default",
 *                "timeouts": {"connect_ms": 5000, "first_byte_ms": 60000, "idle_ms": 0}, "sticky": false, …}],
 *    "health_checks": [{"upstream": "default", "path": "/healthz", "interval_ms": 10000, "timeout_ms": 3000}],
 *    "settings": {"logs": {"enabled": true, …}, …}}
 * A route's further members are its settings (route_settings.h), "settings" those of the environment (environment_settings.h). What is
 * missing of them has its standard, "health_checks" may be missing: then there are none.
 * Unknown members are refused: a reader that does not know a setting keeps what it has, and says so. A parsed bundle is immutable and reference-counted; a
 * request takes one reference at the start and decides by it to the end.
 * Limits: BUNDLE_BYTES_MAX, BUNDLE_HOSTNAMES_MAX, ROUTE_PROGRAM_ROUTES_MAX, BUNDLE_HEALTH_CHECKS_MAX.
 */
#ifndef POLICY_BUNDLE_H
#define POLICY_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/environment_settings.h"
#include "policy/route_program.h"
#include "policy/route_settings.h"

#define BUNDLE_FORMAT 1
#define BUNDLE_BYTES_MAX (4u << 20)
#define BUNDLE_HOSTNAMES_MAX 64
/* What every JSON reader can hold exactly, and the control stream confirms. */
#define BUNDLE_REVISION_MAX ((uint64_t)1 << 53)
#define BUNDLE_CONNECT_MS 5000
#define BUNDLE_CONNECT_MS_MIN 100
#define BUNDLE_CONNECT_MS_MAX 60000
#define BUNDLE_FIRST_BYTE_MS 60000
#define BUNDLE_FIRST_BYTE_MS_MIN 100
#define BUNDLE_FIRST_BYTE_MS_MAX 3600000
#define BUNDLE_IDLE_MS_MIN 1000 /* or 0 */
#define BUNDLE_IDLE_MS_MAX 86400000
#define BUNDLE_HEALTH_CHECKS_MAX 32
#define BUNDLE_CHECK_PATH_MAX 1024
#define BUNDLE_CHECK_INTERVAL_MS_MIN 1000
#define BUNDLE_CHECK_INTERVAL_MS_MAX 3600000
#define BUNDLE_CHECK_TIMEOUT_MS_MIN 100
#define BUNDLE_CHECK_TIMEOUT_MS_MAX 60000
#define BUNDLE_UPSTREAM_NAME_MAX 63 /* [a-z0-9-], the first is "default" */

/* Of requests on one route. */
struct bundle_timeouts {
    uint32_t
        connect_ms; /* until the workload takes the connection; 5,000 unless set; 100 to 60,000 */
    uint32_t
        first_byte_ms; /* from the last byte of the request to the response head; 60,000 unless set; 100 to 3,600,000 */
    uint32_t
        idle_ms; /* no byte either way once the answer has begun; 0 (never) unless set; 1,000 to 86,400,000 */
};

struct bundle_route {
    struct id id;
    enum route_match match;
    struct str path;
    struct str upstream;
    struct bundle_timeouts timeouts;
    bool is_sticky; /* a visitor comes back to the same warpgate, by a cookie of the edge's */
    const struct route_settings *settings; /* all of them, these two included; never NULL */
};

/* An active check of one declared upstream, made by each warpgate. */
struct bundle_health_check {
    struct str upstream;
    struct str path;      /* with its query; GET; 2xx and 3xx are healthy */
    uint32_t interval_ms; /* 1,000 to 3,600,000 */
    uint32_t timeout_ms;  /* 100 to 60,000, at most the interval */
};

struct bundle {
    struct id environment;
    struct id project;
    struct id organization;
    uint64_t revision;
    int64_t issued_at_ms;
    bool is_enabled;
    struct str *hostnames; /* canonical */
    size_t hostname_count;
    struct bundle_route *routes; /* in list order: a match's index */
    size_t route_count;
    struct bundle_health_check *health_checks; /* at most one for each upstream */
    size_t health_check_count;
    const struct environment_settings *settings; /* never NULL */
    struct route_program *program;
};

/* STATUS_INVALID, STATUS_TOO_LARGE, STATUS_UNSUPPORTED (format) with why, whose text names the member at fault. Slugs:
 * bundle_too_large, bundle_format, bundle_id, bundle_revision, bundle_issued_at, bundle_hostnames, bundle_routes,
 * bundle_route_id, bundle_match, bundle_upstream, bundle_health_checks, besides those of base/json.h, of setting.h and of
 * what judges names and patterns.
 * The caller holds one reference. */
enum status bundle_parse(struct str payload, struct bundle **bundle, struct why *why) MUST_USE;
struct bundle *bundle_ref(struct bundle *bundle); /* atomic */
void bundle_unref(struct bundle **bundle);

bool bundle_is_upstream_name(struct str name);
/* 1 to BUNDLE_CHECK_PATH_MAX bytes of 0x21-0x7e without "#", beginning with "/". */
bool bundle_is_check_path(struct str path);

/* What policy says to one request. The same function decides at the edge and, again, at the warpgate. */
enum bundle_verdict {
    BUNDLE_ALLOW,      /* *route is set */
    BUNDLE_BAD_PATH,   /* 400: ambiguous or malformed; why says how */
    BUNDLE_NO_ROUTE,   /* 404 */
    BUNDLE_DISABLED,   /* 503: the environment is switched off */
    BUNDLE_WRONG_HOST, /* 421: the host is not one of this environment's */
    /* 503: the route asks for something without which nobody may pass, and this build has no step for it */
    BUNDLE_NOT_ENFORCED,
    BUNDLE_BAD_ADDRESS, /* 403: of bundle_judge_address: the visitor's address may not come */
};

/* Judges in the order host, enabled, path, route. `authority`: Host or :authority as sent, perhaps with a port; `target`: as
 * in :path ("*", which engines let pass with OPTIONS alone, takes the route of "/"). `matcher` belongs to this bundle's program
 * and to the calling thread. Where it does not allow, why says so: wrong_host (or a slug of canonical_host.h),
 * environment_disabled, a slug of canonical_path.h, no_route, route_too_costly, policy_not_enforced. */
enum bundle_verdict bundle_judge(const struct bundle *bundle, struct route_matcher *matcher,
                                 struct str authority, struct str target, struct arena *arena,
                                 const struct bundle_route **route, struct why *why);
/* Then: whether `address`, the visitor's, is one that the environment's and the route's lists let pass: BUNDLE_ALLOW or BUNDLE_BAD_ADDRESS
 * (address_refused). Where there are lists, a text that is no address is refused. */
enum bundle_verdict bundle_judge_address(const struct bundle *bundle,
                                         const struct bundle_route *route, struct str address,
                                         struct why *why);

#endif
