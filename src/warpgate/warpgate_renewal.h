/* warpgate_renewal.h: a warpgate's standing with the control plane: enrolled once with the API key, and renewed for as long as it runs.
 *
 * Tries until one succeeds, with backoff, and says why one does not. What comes back with a certificate is put in force here: trust, the
 * certificate (parts->tunnel_tls, with the next generation) and the bundle; the edges are the owner's to dial. A renewal shows the
 * certificate; with three of them failed in a row, or none that is valid, it begins anew with the API key. An answer that is not
 * whole and right in every part changes no certificate.
 * Embedded in its owner, which lends parts and settings; one loop thread. Events come from the loop, never from inside a call.
 */
#ifndef WARPGATE_WARPGATE_RENEWAL_H
#define WARPGATE_WARPGATE_RENEWAL_H

#include "base/backoff.h"
#include "base/buf.h"
#include "base/notice.h"
#include "tunnel/enrolment.h"
#include "warpgate/warpgate_parts.h"
#include "warpgate/warpgate_settings.h"

struct warpgate_renewal_events {
    /* In force: `answer` (borrowed for the call) names the edges. */
    void (*on_renewed)(void *owner, const struct enrolment_answer *answer);
    /* The key is no good, and will not be: nothing is tried again. */
    void (*on_denied)(void *owner);
};

struct warpgate_renewal {
    struct warpgate_parts *parts;
    const struct warpgate_settings *settings;
    const struct warpgate_renewal_events *events;
    void *owner;
    struct warpgate_enrol *running; /* a try; NULL: none */
    struct loop_timer retry;
    struct backoff backoff;
    struct notice notice;
    unsigned failed_count; /* renewals, in a row */
    bool is_enrolled;
    bool is_over;
    struct buf certificate_pem;
    struct buf key_pem;
    int64_t renew_at_ms;  /* wall */
    int64_t not_after_ms; /* wall */
};

void warpgate_renewal_init(struct warpgate_renewal *renewal, struct warpgate_parts *parts,
                           const struct warpgate_settings *settings,
                           const struct warpgate_renewal_events *events, void *owner);
/* Tries now, unless a try is running. */
void warpgate_renewal_begin(struct warpgate_renewal *renewal);
/* At some moment within that time, if not before. */
void warpgate_renewal_plan(struct warpgate_renewal *renewal, int64_t within_ms);
/* Half of the certificate's life is over. False before it is enrolled. */
bool warpgate_renewal_is_due(const struct warpgate_renewal *renewal);
/* Another try, of whatever kind, will come by itself. */
bool warpgate_renewal_is_waiting(const struct warpgate_renewal *renewal);
/* No more tries, no more events. */
void warpgate_renewal_end(struct warpgate_renewal *renewal);
/* After the end; wipes the key. */
void warpgate_renewal_fini(struct warpgate_renewal *renewal);

#endif
