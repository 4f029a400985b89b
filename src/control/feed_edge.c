#include "control/feed_edge.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/ca_report.h"
#include "control/control_ca.h"
#include "control/edge_presence.h"
#include "control/event_watch.h"
#include "control/meter.h"
#include "control/presence.h"
#include "pki/csr.h"
#include "tunnel/tunnel_channel.h"

#define STATE_QUEUED_MAX ((size_t)4 << 20) /* of the state at one time: changes go beside it */

void feed_edge_send(struct feed_edge *edge, const struct feed_message *message) {
    if (edge->channel == NULL) {
        return;
    }
    json_t *object = feed_message_write(message);
    tunnel_channel_send(edge->channel, object);
    json_decref(object);
}

void feed_edge_end(struct feed_edge *edge, const char *reason) {
    struct control *control = feed_hub_control(edge->hub);
    log_info("control.edge_left", "edge=%s reason=%s", edge->id.text, reason);
    feed_hub_leave(edge->hub, edge);
    presence_edge_down(control->presence, &edge->id);
    edge_presence_down(control->edge_presence, &edge->id);
    tunnel_channel_free(&edge->channel);
    feed_hub_walk_fini(&edge->walk);
    memory_free(edge);
}

/* It reports at its own pace unless somebody wants to see more. */
static void tell_pace(struct feed_edge *edge) {
    const struct control *control = feed_hub_control(edge->hub);
    if (control->is_traffic_watched) {
        const struct feed_message pace = meter_pace(control);
        feed_edge_send(edge, &pace);
    }
}

/* Goes on with the state, as far as the edge takes it. */
static void pump(struct feed_edge *edge) {
    if (edge->state != FEED_EDGE_SYNCING) {
        return;
    }
    while (edge->stream->unsent < STATE_QUEUED_MAX) {
        if (!feed_hub_walk_next(&edge->walk, edge->hub, edge)) {
            const struct feed_message synced = {.type = FEED_MESSAGE_SYNCED};
            feed_edge_send(edge, &synced);
            tell_pace(edge);
            feed_hub_walk_fini(&edge->walk);
            edge->state = FEED_EDGE_LIVE;
            log_info("control.edge_synced", "edge=%s version=%s", edge->id.text, edge->version);
            return;
        }
    }
}

void feed_edge_tick(struct feed_edge *edge) {
    int64_t now_ms = loop_now_ms(feed_hub_control(edge->hub)->loop);
    if (now_ms - edge->heard_at_ms > FEED_SILENCE_MS) {
        feed_edge_end(edge, "silent");
        return;
    }
    if (now_ms - edge->pinged_at_ms >= FEED_PING_MS) {
        const struct feed_message ping = {.type = FEED_MESSAGE_PING};
        edge->pinged_at_ms = now_ms;
        feed_edge_send(edge, &ping);
    }
    pump(edge);
}

/* What an edge says */

static void take_hello(struct feed_edge *edge, const struct feed_message *message) {
    snprintf(edge->version, sizeof(edge->version), "%.*s", STR_ARG(message->version));
    edge_presence_version(feed_hub_control(edge->hub)->edge_presence, &edge->id, message->version);
}

/* What was deleted while the edge spoke of it is not kept. */
static void keep_applied(struct feed_edge *edge, const struct feed_message *message,
                         const char *state) {
    bool is_refused = message->type == FEED_MESSAGE_REFUSED; /* else there is no code to read */
    if (feed_hub_knows(edge->hub, &message->environment)) {
        presence_edge_applied(feed_hub_control(edge->hub)->presence, &edge->id, message);
        event_watch_bundle(feed_hub_control(edge->hub)->watch, &message->environment, state,
                           message->revision, &edge->id, is_refused ? message->code : STR_EMPTY,
                           is_refused ? message->detail : STR_EMPTY);
    }
}

static void take_applied(struct feed_edge *edge, const struct feed_message *message) {
    log_debug("control.bundle_applied", "edge=%s environment=%s revision=%llu", edge->id.text,
              message->environment.text, (unsigned long long)message->revision);
    keep_applied(edge, message, "applied");
}

static void take_refused(struct feed_edge *edge, const struct feed_message *message) {
    log_error("control.bundle_refused",
              "edge=%s environment=%s revision=%llu code=%.*s detail=%.*s", edge->id.text,
              message->environment.text, (unsigned long long)message->revision,
              STR_ARG(message->code), STR_ARG(message->detail));
    keep_applied(edge, message, "refused");
}

static void take_warpgate(struct feed_edge *edge, const struct feed_message *message) {
    struct control *control = feed_hub_control(edge->hub);
    log_debug("control.warpgate_reported", "edge=%s warpgate=%s tunnels=%u revision=%llu",
              edge->id.text, message->warpgate.text, message->tunnels,
              (unsigned long long)message->revision);
    presence_report(control->presence, &edge->id, message);
    if (message->tunnels > 0 && !str_is_empty(message->anchors)) { /* else it is old, or unknown */
        ca_report_take(control->ca_reports, &message->warpgate, message->anchors, message->root);
    }
}

static void take_trust(struct feed_edge *edge, const struct feed_message *message) {
    ca_report_take(feed_hub_control(edge->hub)->ca_reports, &edge->id, message->anchors,
                   message->root);
}

/* The same edge, a new certificate: nothing but the public key is taken from the request. */
static void take_renew(struct feed_edge *edge, const struct feed_message *message) {
    struct control *control = feed_hub_control(edge->hub);
    struct why why = {0};
    EVP_PKEY *key = NULL;
    struct cert_identity identity;
    struct buf chain;
    buf_init(&chain, CONTROL_PEM_BYTES_MAX);
    const struct ca_leaf leaf = {
        .role = CERT_EDGE,
        .subject = edge->id,
        .dns_names = {str_from(control->edge_name)},
        .dns_name_count = 1,
        .lifetime_seconds = CONTROL_EDGE_LIFETIME_SECONDS,
    };
    enum status status = csr_public_key(message->csr, &key, &why);
    if (status == STATUS_OK) {
        status = ca_issue(control_ca_issuer(control), &leaf, key, loop_clock(control->loop), &chain,
                          &identity, &why);
    }
    if (status == STATUS_OK) {
        const struct feed_message answer = {.type = FEED_MESSAGE_CERTIFICATE,
                                            .chain = buf_str(&chain)};
        feed_edge_send(edge, &answer);
        edge_presence_renewed(control->edge_presence, &edge->id, identity.not_after_ms);
        log_info("control.edge_renewed", "edge=%s", edge->id.text);
    } else {
        log_warn("control.edge_renewal_refused", "edge=%s code=%s detail=%s", edge->id.text,
                 why.slug, why.text);
    }
    EVP_PKEY_free(key);
    buf_fini(&chain);
}

static void take_load(struct feed_edge *edge, const struct feed_message *message) {
    edge_presence_load(feed_hub_control(edge->hub)->edge_presence, &edge->id, &message->load);
}

static void take_usage(struct feed_edge *edge, const struct feed_message *message) {
    meter_take(feed_hub_control(edge->hub), &edge->id, message);
}

static const struct {
    enum feed_message_type type;
    void (*take)(struct feed_edge *edge, const struct feed_message *message);
} takers[] = {
    {FEED_MESSAGE_HELLO, take_hello},     {FEED_MESSAGE_APPLIED, take_applied},
    {FEED_MESSAGE_REFUSED, take_refused}, {FEED_MESSAGE_WARPGATE, take_warpgate},
    {FEED_MESSAGE_RENEW, take_renew},     {FEED_MESSAGE_LOAD, take_load},
    {FEED_MESSAGE_TRUST, take_trust},     {FEED_MESSAGE_USAGE, take_usage},
};

static void on_record(void *owner, const json_t *object) {
    struct feed_edge *edge = owner;
    struct control *control = feed_hub_control(edge->hub);
    struct feed_message message;
    struct why why = {0};
    edge->heard_at_ms = loop_now_ms(control->loop);
    presence_heard(control->presence, &edge->id);
    edge_presence_heard(control->edge_presence, &edge->id);
    if (feed_message_read(object, &message, &why) != STATUS_OK) {
        log_warn("control.feed_malformed", "edge=%s code=%s detail=%s", edge->id.text, why.slug,
                 why.text);
        feed_edge_end(edge, "malformed");
        return;
    }
    for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
        if (takers[i].type == message.type) {
            takers[i].take(edge, &message);
            break;
        }
    }
    pump(edge);
}

static void on_channel_closed(void *owner, const struct why *why) {
    feed_edge_end(owner, why->slug);
}

static const struct tunnel_channel_events channel_events = {
    .on_record = on_record,
    .on_closed = on_channel_closed,
};

/* The beginning */

void feed_edge_begin(struct feed_hub *hub, const struct id *id, uint64_t instance,
                     struct http_stream *stream) {
    struct control *control = feed_hub_control(hub);
    struct feed_edge *edge = MEMORY_NEW(struct feed_edge);
    edge->hub = hub;
    edge->id = *id;
    edge->instance = instance;
    edge->stream = stream;
    edge->heard_at_ms = loop_now_ms(control->loop);
    edge->pinged_at_ms = edge->heard_at_ms;
    list_init(&edge->node);
    feed_hub_join(hub, edge);
    presence_edge_up(control->presence, &edge->id);
    edge->channel = tunnel_channel_new(&channel_events, edge);
    tunnel_channel_attach(edge->channel, stream);
    struct http_head head = {.status = 200};
    http_stream_send_head(stream, &head, false);
    log_info("control.edge_joined", "edge=%s", edge->id.text);
    feed_hub_send_basis(hub, edge);
    feed_hub_walk_init(&edge->walk, hub);
}
