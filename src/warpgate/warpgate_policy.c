#include "warpgate/warpgate_policy.h"

#include <string.h>

#include "policy/field_policy.h"
#include "tunnel/signed_bundle.h"

/* What a verdict becomes on the tunnel. The slugs are protocol (docs/protocol.md). */
static const struct {
    unsigned status;
    const char *slug;
} refusals[] = {
    [BUNDLE_ALLOW] = {0, NULL},
    [BUNDLE_BAD_PATH] = {400, "bad_path"},
    [BUNDLE_NO_ROUTE] = {404, "no_route"},
    [BUNDLE_DISABLED] = {503, "environment_disabled"},
    [BUNDLE_WRONG_HOST] = {421, "wrong_host"},
    [BUNDLE_NOT_ENFORCED] = {503, "policy_not_enforced"},
    [BUNDLE_BAD_ADDRESS] = {403, "address_refused"},
};

void warpgate_policy_init(struct warpgate_policy *policy) {
    *policy = (struct warpgate_policy){.bundle = NULL};
    jws_keys_init(&policy->keys);
}

static void drop_bundle(struct warpgate_policy *policy) {
    route_matcher_free(&policy->matcher);
    bundle_unref(&policy->bundle);
}

void warpgate_policy_fini(struct warpgate_policy *policy) {
    drop_bundle(policy);
    jws_keys_fini(&policy->keys);
}

enum status warpgate_policy_trust(struct warpgate_policy *policy, struct str jwks,
                                  const struct id *environment, struct why *why) {
    struct jws_keys keys;
    jws_keys_init(&keys);
    enum status status = jws_keys_parse(jwks, &keys, why);
    if (status != STATUS_OK) {
        jws_keys_fini(&keys);
        return status;
    }
    jws_keys_fini(&policy->keys);
    policy->keys = keys;
    if (!id_eq(&policy->environment, environment)) {
        drop_bundle(policy);
        policy->environment = *environment;
    }
    return STATUS_OK;
}

uint64_t warpgate_policy_revision(const struct warpgate_policy *policy) {
    return policy->bundle != NULL ? policy->bundle->revision : 0;
}

enum status warpgate_policy_apply(struct warpgate_policy *policy, struct str jws, bool *is_new,
                                  struct why *why) {
    struct bundle *bundle = NULL;
    *is_new = false;
    enum status status = signed_bundle_open(&policy->keys, jws, &policy->environment,
                                            warpgate_policy_revision(policy), &bundle, why);
    if (status == STATUS_CONFLICT && policy->bundle != NULL &&
        strcmp(why->slug, "bundle_not_newer") == 0) {
        return STATUS_OK; /* it came on another tunnel before */
    }
    if (status != STATUS_OK) {
        return status;
    }
    drop_bundle(policy);
    policy->bundle = bundle;
    policy->matcher = route_matcher_new(bundle->program);
    *is_new = true;
    if (policy->on_new != NULL) {
        policy->on_new(policy->context);
    }
    return STATUS_OK;
}

static struct warpgate_verdict refuse(unsigned status, const char *slug) {
    return (struct warpgate_verdict){.is_allowed = false, .status = status, .slug = slug};
}

/* As the edge says; it lets nobody else say so (field_policy.h). */
static struct str visitor_of(const struct http_head *head) {
    const struct http_field *field = http_fields_get(&head->fields, STR(FIELD_FORWARDED_FOR));
    return field != NULL ? field->value : STR_EMPTY;
}

struct warpgate_verdict warpgate_policy_judge(struct warpgate_policy *policy,
                                              struct str environment, const struct http_head *head,
                                              struct arena *arena) {
    const struct bundle_route *route = NULL;
    struct why why;
    if (!str_eq(environment, id_str(&policy->environment))) {
        return refuse(421, "environment_mismatch");
    }
    if (policy->bundle == NULL) {
        return refuse(503, "not_ready");
    }
    enum bundle_verdict verdict = bundle_judge(policy->bundle, policy->matcher, head->authority,
                                               head->path, arena, &route, &why);
    if (verdict == BUNDLE_ALLOW) {
        verdict = bundle_judge_address(policy->bundle, route, visitor_of(head), &why);
    }
    if (verdict != BUNDLE_ALLOW) {
        return refuse(refusals[verdict].status, refusals[verdict].slug);
    }
    return (struct warpgate_verdict){
        .is_allowed = true, .upstream = route->upstream, .timeouts = route->timeouts};
}
