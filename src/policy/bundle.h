/* bundle.h: one environment's complete configuration, as the control plane signs it and edge and warpgate apply it.
 *
 * This layer judges the payload (JSON); the signature around it is checked by tunnel/signed_bundle.h before. The payload:
 *   {"format": 1, "environment": "env_…", "project": "prj_…", "organization": "org_…", "revision": 7,
 *    "issued_at": "2026-11-20T12:00:00.000Z", "enabled": true, "hostnames": ["demo.example.net"],
 *    "routes": [{"id": "rt_…", "match": "prefix", "path": "/", "upstream": "default"}]}
 * Unknown members are refused: a newer format gets a newer number. A parsed bundle is immutable and reference-counted; a
 * request takes one reference at the start and decides by it to the end.
 * Limits: BUNDLE_BYTES_MAX, BUNDLE_HOSTNAMES_MAX, ROUTE_PROGRAM_ROUTES_MAX.
 */
#ifndef POLICY_BUNDLE_H
#define POLICY_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/route_program.h"

#define BUNDLE_FORMAT 1
#define BUNDLE_BYTES_MAX (4u << 20)
#define BUNDLE_HOSTNAMES_MAX 64
/* What every JSON reader can hold exactly, and the control stream confirms. */
#define BUNDLE_REVISION_MAX ((uint64_t)1 << 53)
#define BUNDLE_UPSTREAM_NAME_MAX 63 /* [a-z0-9-], the first is "default" */

struct bundle_route {
    struct id id;
    enum route_match match;
    struct str path;
    struct str upstream;
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
    struct route_program *program;
};

/* STATUS_INVALID, STATUS_TOO_LARGE, STATUS_UNSUPPORTED (format) with why, whose text names the member at fault. Slugs:
 * bundle_too_large, bundle_format, bundle_id, bundle_revision, bundle_issued_at, bundle_hostnames, bundle_routes,
 * bundle_route_id, bundle_match, bundle_upstream, besides those of base/json.h and of what judges names and patterns.
 * The caller holds one reference. */
enum status bundle_parse(struct str payload, struct bundle **bundle, struct why *why) MUST_USE;
struct bundle *bundle_ref(struct bundle *bundle); /* atomic */
void bundle_unref(struct bundle **bundle);

bool bundle_is_upstream_name(struct str name);

/* What policy says to one request. The same function decides at the edge and, again, at the warpgate. */
enum bundle_verdict {
    BUNDLE_ALLOW,      /* *route is set */
    BUNDLE_BAD_PATH,   /* 400: ambiguous or malformed; why says how */
    BUNDLE_NO_ROUTE,   /* 404 */
    BUNDLE_DISABLED,   /* 503: the environment is switched off */
    BUNDLE_WRONG_HOST, /* 421: the host is not one of this environment's */
};

/* Judges in the order host, enabled, path, route. `authority`: Host or :authority as sent, perhaps with a port; `target`: as
 * in :path. `matcher` belongs to this bundle's program and to the calling thread. Where it does not allow, why says so:
 * wrong_host (or a slug of canonical_host.h), environment_disabled, a slug of canonical_path.h, no_route, route_too_costly.
 */
enum bundle_verdict bundle_judge(const struct bundle *bundle, struct route_matcher *matcher,
                                 struct str authority, struct str target, struct arena *arena,
                                 const struct bundle_route **route, struct why *why);

#endif
