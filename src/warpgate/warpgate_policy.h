/* warpgate_policy.h: what the control plane has signed for this environment, and what it says to one request: the second line.
 *
 * The last good bundle stays until a newer one is verified; nothing else replaces it. One loop's.
 */
#ifndef WARPGATE_WARPGATE_POLICY_H
#define WARPGATE_WARPGATE_POLICY_H

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"
#include "http/http_message.h"
#include "pki/jws.h"
#include "policy/bundle.h"

struct warpgate_policy {
    struct jws_keys keys;
    struct id environment;
    struct bundle *bundle;         /* NULL before the first */
    struct route_matcher *matcher; /* of that bundle */
    void (*on_new)(void *context); /* a bundle is in force since now; may be NULL */
    void *context;
};

void warpgate_policy_init(struct warpgate_policy *policy);
void warpgate_policy_fini(struct warpgate_policy *policy);
/* From an enrolment: who signs (a JWKS), and whose bundles are ours. Another environment than before drops the bundle. STATUS_INVALID. */
enum status warpgate_policy_trust(struct warpgate_policy *policy, struct str jwks,
                                  const struct id *environment, struct why *why) MUST_USE;
/* A bundle as it travels. STATUS_OK: it is in force (*is_new: since now). Otherwise what signed_bundle_open returns. */
enum status warpgate_policy_apply(struct warpgate_policy *policy, struct str jws, bool *is_new,
                                  struct why *why) MUST_USE;
uint64_t warpgate_policy_revision(const struct warpgate_policy *policy); /* 0: none */

/* How the second line answers. A refusal is the status and the slug that go back through the tunnel. */
struct warpgate_verdict {
    bool is_allowed;
    struct str upstream; /* when allowed; borrowed from the bundle: until the next apply */
    struct bundle_timeouts timeouts; /* when allowed */
    unsigned status;
    const char *slug;
};
/* `environment`: what the edge says it decided for. */
struct warpgate_verdict warpgate_policy_judge(struct warpgate_policy *policy,
                                              struct str environment, const struct http_head *head,
                                              struct arena *arena);

#endif
