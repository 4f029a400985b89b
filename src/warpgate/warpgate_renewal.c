#include "warpgate/warpgate_renewal.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "pki/cert_chain.h"
#include "pki/jws.h"
#include "warpgate/warpgate_dial.h"
#include "warpgate/warpgate_enrol.h"

#define RETRY_BASE_MS 250
#define RETRY_CAP_MS 30000
#define RENEWALS_FAILED 3 /* in a row: begin anew with the API key */
#define PEM_BYTES_MAX 65536
#define BEHIND_MS 60000

/* What to do about the control plane's refusals; of connecting there, warpgate_dial.h speaks. */
static const struct {
    const char *slug;
    const char *advice;
} advices[] = {
    {"name_unresolved", "is the name in --control right, and does this machine resolve it?"},
    {"tls_verify", "give the platform's root certificate with --ca-file"},
    {"environment_ambiguous", "say which with --environment"},
    {"environment_unknown",
     "give the name or id of an environment of this project with --environment"},
    {"key_unknown", "the platform does not know this key: make a new one"},
    {"key_revoked", "this key was revoked: make a new one"},
    {"key_expired", "this key has expired: make a new one"},
    {"account_expired",
     "the service account of this key has expired: give it another date, or make a new one"},
    {"account_disabled", "the service account of this key is disabled: enable it"},
    {"forbidden", "the service account of this key needs the permission warpgate:connect"},
    {"key_malformed", "the token is not a whole key: copy it again"},
};

static const char *find_advice(const char *slug) {
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (strcmp(advices[i].slug, slug) == 0) {
            return advices[i].advice;
        }
    }
    return warpgate_dial_advice(slug);
}

/* What an answer brings */

/* The certificate's own end of validity decides when it is renewed, whatever was asked for. */
static enum status take_certificate(struct warpgate_renewal *renewal,
                                    const struct enrolment_answer *answer, struct str key_pem,
                                    struct why *why) {
    struct warpgate_parts *parts = renewal->parts;
    struct cert_identity identity;
    enum status status =
        str_to_cstr(answer->trust_domain, parts->trust_domain, sizeof(parts->trust_domain));
    if (status == STATUS_OK) {
        status = cert_chain_identity(answer->certificate, CERT_WARPGATE, answer->trust_domain,
                                     &identity, why);
    }
    if (status == STATUS_OK && !id_eq(&identity.environment, &answer->environment)) {
        status = why_set(why, STATUS_INVALID, "certificate_foreign",
                         "the certificate is for another environment");
    }
    struct tls_context *tls = status == STATUS_OK ? tls_context_new(TLS_TUNNEL_CLIENT) : NULL;
    if (status == STATUS_OK) {
        status = tls_context_set_trust(tls, answer->trust_anchors, why);
    }
    if (status == STATUS_OK) {
        status = tls_context_set_certificate(tls, answer->certificate, key_pem, why);
    }
    if (status == STATUS_OK) {
        status = warpgate_anchors_enrolled(&parts->anchors, answer);
    }
    if (status != STATUS_OK) {
        tls_context_unref(&tls);
        return status;
    }
    tls_context_unref(&parts->tunnel_tls);
    parts->tunnel_tls = tls;
    parts->generation++;
    int64_t now_ms = clock_wall_ms(loop_clock(parts->loop));
    renewal->not_after_ms = identity.not_after_ms;
    renewal->renew_at_ms = now_ms + (identity.not_after_ms - now_ms) / 2;
    if (warpgate_anchors_is_renewal_due(&parts->anchors)) { /* that control plane is behind */
        renewal->renew_at_ms = now_ms + BEHIND_MS;
    }
    buf_fini_wiped(&renewal->certificate_pem);
    buf_fini_wiped(&renewal->key_pem);
    status = buf_append_str(&renewal->certificate_pem, answer->certificate);
    return status == STATUS_OK ? buf_append_str(&renewal->key_pem, key_pem) : status;
}

static enum status take_policy(struct warpgate_renewal *renewal,
                               const struct enrolment_answer *answer, struct why *why) {
    struct warpgate_policy *policy = &renewal->parts->policy;
    struct buf jwks;
    bool is_new;
    buf_init(&jwks, JWS_KEYS_TEXT_MAX);
    enum status status = json_write(answer->bundle_keys, &jwks);
    if (status == STATUS_OK) {
        status = warpgate_policy_trust(policy, buf_str(&jwks), &answer->environment, why);
    } else {
        (void)why_set(why, status, "jwks_invalid", "the keys of bundles are longer than %d bytes",
                      JWS_KEYS_TEXT_MAX);
    }
    buf_fini(&jwks);
    if (status != STATUS_OK) {
        return status;
    }
    status = warpgate_policy_apply(policy, answer->bundle, &is_new, why);
    /* A control plane that is behind the edges costs nothing: the last good bundle stays. */
    return status == STATUS_CONFLICT && policy->bundle != NULL ? STATUS_OK : status;
}

/* Tries */

static void plan_retry(struct warpgate_renewal *renewal) {
    loop_timer_set(&renewal->retry,
                   backoff_next(&renewal->backoff, loop_random(renewal->parts->loop)));
}

static void on_refused(struct warpgate_renewal *renewal, enum status status,
                       const struct why *why) {
    const char *event =
        renewal->is_enrolled ? "warpgate.renewal_failed" : "warpgate.enrolment_failed";
    if (status == STATUS_DENIED && strncmp(why->slug, "key_", 4) == 0) {
        log_error(event, "control=%s reason=%s: %s", renewal->settings->control_text, why->slug,
                  find_advice(why->slug));
        renewal->events->on_denied(renewal->owner);
        return;
    }
    if (renewal->is_enrolled) {
        renewal->failed_count++;
    }
    if (notice_is_due(&renewal->notice, why->slug, loop_now_ms(renewal->parts->loop))) {
        log_warn(event, "control=%s reason=%s step=%s detail=\"%s\": %s",
                 renewal->settings->control_text, why->slug, warpgate_dial_step(why->slug),
                 why->text, find_advice(why->slug));
    }
    plan_retry(renewal);
}

static void on_enrolled(void *context, enum status status, const struct enrolment_answer *answer,
                        struct str key_pem, const struct why *given_why) {
    struct warpgate_renewal *renewal = context;
    struct why why = *given_why;
    renewal->running = NULL;
    if (status == STATUS_OK) {
        status = take_policy(renewal, answer, &why);
    }
    if (status == STATUS_OK) {
        status = take_certificate(renewal, answer, key_pem, &why);
    }
    if (status != STATUS_OK) {
        on_refused(renewal, status, &why);
        return;
    }
    char expires[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(renewal->not_after_ms, expires);
    log_info(renewal->is_enrolled ? "warpgate.renewed" : "warpgate.enrolled",
             "warpgate=%s environment=%s edges=%zu certificate_until=%s", answer->warpgate.text,
             answer->environment.text, answer->edge_count, expires);
    renewal->is_enrolled = true;
    renewal->failed_count = 0;
    backoff_reset(&renewal->backoff);
    notice_forget(&renewal->notice);
    renewal->events->on_renewed(renewal->owner, answer);
}

void warpgate_renewal_begin(struct warpgate_renewal *renewal) {
    if (renewal->running != NULL || renewal->is_over) {
        return;
    }
    bool is_valid = clock_wall_ms(loop_clock(renewal->parts->loop)) < renewal->not_after_ms;
    struct warpgate_enrol_config config = {
        .parts = renewal->parts,
        .settings = renewal->settings,
        .certificate_pem = STR_EMPTY,
    };
    if (renewal->is_enrolled && is_valid && renewal->failed_count < RENEWALS_FAILED) {
        config.certificate_pem = buf_str(&renewal->certificate_pem);
        config.key_pem = buf_str(&renewal->key_pem);
    }
    renewal->running = warpgate_enrol_start(&config, on_enrolled, renewal);
}

static void on_retry(struct loop_timer *timer) {
    warpgate_renewal_begin(timer->context);
}

/* From outside */

void warpgate_renewal_init(struct warpgate_renewal *renewal, struct warpgate_parts *parts,
                           const struct warpgate_settings *settings,
                           const struct warpgate_renewal_events *events, void *owner) {
    *renewal = (struct warpgate_renewal){
        .parts = parts, .settings = settings, .events = events, .owner = owner};
    backoff_init(&renewal->backoff, RETRY_BASE_MS, RETRY_CAP_MS);
    warpgate_anchors_init(&parts->anchors);
    buf_init(&renewal->certificate_pem, PEM_BYTES_MAX);
    buf_init(&renewal->key_pem, PEM_BYTES_MAX);
    loop_timer_init(&renewal->retry, parts->loop, on_retry, renewal);
}

void warpgate_renewal_plan(struct warpgate_renewal *renewal, int64_t within_ms) {
    struct loop *loop = renewal->parts->loop;
    int64_t at_ms = clock_wall_ms(loop_clock(loop)) +
                    (int64_t)random_below(loop_random(loop), (uint64_t)within_ms + 1);
    renewal->renew_at_ms = at_ms < renewal->renew_at_ms ? at_ms : renewal->renew_at_ms;
}

bool warpgate_renewal_is_due(const struct warpgate_renewal *renewal) {
    return renewal->is_enrolled &&
           clock_wall_ms(loop_clock(renewal->parts->loop)) >= renewal->renew_at_ms;
}

bool warpgate_renewal_is_waiting(const struct warpgate_renewal *renewal) {
    return !renewal->is_enrolled || renewal->retry.deadline_ms != 0;
}

void warpgate_renewal_end(struct warpgate_renewal *renewal) {
    renewal->is_over = true;
    warpgate_enrol_cancel(&renewal->running);
    loop_timer_clear(&renewal->retry);
}

void warpgate_renewal_fini(struct warpgate_renewal *renewal) {
    if (renewal->parts != NULL) { /* else it never began */
        warpgate_anchors_fini(&renewal->parts->anchors);
    }
    buf_fini_wiped(&renewal->certificate_pem);
    buf_fini_wiped(&renewal->key_pem);
}
