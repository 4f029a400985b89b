#include "control/control_trust.h"

#include "base/log.h"
#include "control/control_ca.h"
#include "control/control_conn.h"
#include "control/control_keys.h"
#include "control/feed_hub.h"
#include "control/presence.h"

#define RENEW_LEAST_MS 1000
#define RENEW_EACH_MS 5 /* 200 certificates each second */

static bool has_same_issuer(const struct ca_rotation *a, const struct ca_rotation *b) {
    const struct ca *one = ca_rotation_issuer(a);
    const struct ca *other = ca_rotation_issuer(b);
    return str_eq(ca_root_pem(one), ca_root_pem(other)) &&
           ca_intermediates_until_ms(one) == ca_intermediates_until_ms(other);
}

/* A small file, at the steps of a rotation alone: the loop may wait for it. */
static void write_anchors(struct control *control) {
    struct why why = {0};
    if (control_keys_write_anchors(control, &why) != STATUS_OK) {
        log_error("control.anchors_not_written", "code=%s detail=%s", why.slug, why.text);
    }
}

unsigned control_trust_renew_within_ms(const struct control *control) {
    return RENEW_LEAST_MS + RENEW_EACH_MS * (unsigned)presence_count(control->presence);
}

void control_trust_apply(struct control *control, struct change *change) {
    const struct ca_rotation *former = control_ca(control);
    struct why why = {0};
    if (!control_ca_put(control, &change->ca, change->revision)) {
        return;
    }
    const struct ca_rotation *present = control_ca(control);
    bool is_same = has_same_issuer(former, present);
    if (is_same && str_eq(ca_rotation_anchors(former), ca_rotation_anchors(present))) {
        return; /* read again, and nothing new */
    }
    log_info("control.ca_step", "phase=%s", ca_rotation_phase_name(ca_rotation_phase(present)));
    write_anchors(control);
    if (control_conn_take_ca(control, !is_same, &why) != STATUS_OK) {
        log_error("control.certificate_failed", "code=%s detail=%s", why.slug, why.text);
    }
    feed_hub_take_ca(control->hub, !is_same);
}
