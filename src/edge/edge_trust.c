#include "edge/edge_trust.h"

#include <string.h>

#include "base/log.h"
#include "edge/edge_feeds.h"
#include "pki/ca_anchors.h"

#define ANCHORS_BYTES_MAX 65536
#define RETRY_MS                                                                                   \
    60000 /* after a certificate of the former root: from a control plane that is behind */

static enum status trust(struct edge *edge, struct str anchors_pem, struct why *why) {
    enum status status = tls_context_set_trust(edge->tunnel_tls, anchors_pem, why);
    if (status == STATUS_OK) {
        status = tls_context_set_trust(edge->control_tls, anchors_pem, why);
    }
    if (status == STATUS_OK) {
        buf_clear(&edge->trust.anchors_pem);
        status = buf_append_str(&edge->trust.anchors_pem, anchors_pem);
    }
    ca_rotation_anchors_name(anchors_pem, edge->trust.anchors);
    return status;
}

/* Not all at once: whoever else is to renew does it within the same time. */
static void plan_renewal(struct edge *edge, int64_t within_ms) {
    struct edge_trust *own = &edge->trust;
    if (own->issuer[0] == '\0' || strcmp(own->issuer, own->root) == 0) {
        return;
    }
    int64_t at_ms = clock_wall_ms(loop_clock(edge->loop)) +
                    (int64_t)random_below(loop_random(edge->loop), (uint64_t)within_ms + 1);
    if (at_ms < edge->certificate_renew_at_ms) {
        edge->certificate_renew_at_ms = at_ms;
    }
}

static void find_root(struct edge *edge) {
    if (ca_anchors_root_of(buf_str(&edge->trust.chain_pem), buf_str(&edge->trust.anchors_pem),
                           edge->trust.root) != STATUS_OK) {
        log_warn("edge.certificate_foreign", "its root is none of those that are trusted");
    }
}

enum status edge_trust_start(struct edge *edge, struct str anchors_pem, struct why *why) {
    buf_init(&edge->trust.anchors_pem, ANCHORS_BYTES_MAX);
    buf_init(&edge->trust.chain_pem, ANCHORS_BYTES_MAX);
    return trust(edge, anchors_pem, why);
}

void edge_trust_fini(struct edge *edge) {
    buf_fini(&edge->trust.anchors_pem);
    buf_fini(&edge->trust.chain_pem);
}

enum status edge_trust_hear(struct edge *edge, const struct feed_message *message,
                            struct why *why) {
    struct edge_trust *own = &edge->trust;
    bool is_same = str_eq(buf_str(&own->anchors_pem), message->anchors) &&
                   str_eq(str_from(own->issuer), message->issuer);
    if (is_same) {
        return STATUS_OK;
    }
    enum status status = str_to_cstr(message->issuer, own->issuer, sizeof(own->issuer));
    if (status == STATUS_OK) {
        status = trust(edge, message->anchors, why);
    }
    if (status != STATUS_OK) {
        log_error("edge.anchors_refused", "code=%s detail=%s", why->slug, why->text);
        return status;
    }
    find_root(edge);
    log_info("edge.anchors", "anchors=%.16s issuer=%.16s own=%.16s", own->anchors, own->issuer,
             own->root);
    plan_renewal(edge, message->renew_within_ms);
    edge_trust_report(edge);
    return STATUS_OK;
}

void edge_trust_certificate(struct edge *edge, struct str chain_pem) {
    buf_clear(&edge->trust.chain_pem);
    if (buf_append_str(&edge->trust.chain_pem, chain_pem) == STATUS_OK) {
        find_root(edge);
    }
    plan_renewal(edge, RETRY_MS);
    edge_trust_report(edge);
}

void edge_trust_report(struct edge *edge) {
    const struct feed_message message = {
        .type = FEED_MESSAGE_TRUST,
        .anchors = str_from(edge->trust.anchors),
        .root = str_from(edge->trust.root),
    };
    edge_feeds_report(edge->feeds, &message);
}
