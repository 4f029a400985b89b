/* warpgate_enrol.h: one try to get a certificate from the control plane: with the API key, or with the certificate before it.
 *
 * Makes a fresh key pair and a CSR, dials the control plane itself (TLS 1.3, ALPN mezusphere-control/1, its host name verified) and
 * sends one POST (tunnel/enrolment.h). `done` is called once, later, unless cancelled. Repeating is the caller's business.
 */
#ifndef WARPGATE_WARPGATE_ENROL_H
#define WARPGATE_WARPGATE_ENROL_H

#include "tunnel/enrolment.h"
#include "warpgate/warpgate_parts.h"
#include "warpgate/warpgate_settings.h"

struct warpgate_enrol;

/* STATUS_OK: `answer` and the private key that belongs to its certificate, both for the time of the call.
 * STATUS_DENIED: refused for good (key_unknown, key_revoked, key_expired, key_malformed, account_expired). Everything else may pass with time; why.slug is a
 * code of the control plane's or of the connection's. */
typedef void (*warpgate_enrolled_fn)(void *context, enum status status,
                                     const struct enrolment_answer *answer, struct str key_pem,
                                     const struct why *why);

struct warpgate_enrol_config {
    struct warpgate_parts *parts;
    const struct warpgate_settings *settings;
    struct str certificate_pem; /* for a renewal: what we are now; empty: enrol with the API key */
    struct str key_pem;
};

struct warpgate_enrol *warpgate_enrol_start(const struct warpgate_enrol_config *config,
                                            warpgate_enrolled_fn done, void *context);
/* NULLs the pointer; NULL is allowed. */
void warpgate_enrol_cancel(struct warpgate_enrol **enrol);

#endif
