#include "edge/edge_probe.h"

#include "base/log.h"
#include "edge/edge_tunnel.h"
#include "tunnel/tunnel_message.h"

#define LOOK_MS_MAX 500 /* more between two looks: the edge stood still itself */

static void set_silent(struct edge_tunnel *tunnel, bool is_silent) {
    if (tunnel->probe.is_silent == is_silent) {
        return;
    }
    tunnel->probe.is_silent = is_silent;
    edge_roster_prove(tunnel->seat, !is_silent);
    if (is_silent) {
        log_warn("edge.probe_failed",
                 "warpgate=%s address=%s: its tunnel stands, and nothing is answered",
                 tunnel->identity.subject.text, tunnel->ip_address);
        return;
    }
    log_info("edge.probe_answered", "warpgate=%s address=%s", tunnel->identity.subject.text,
             tunnel->ip_address);
}

void edge_probe_heard(struct edge_tunnel *tunnel) {
    tunnel->probe.quiet_ms = 0;
    set_silent(tunnel, false);
}

static void on_head(void *owner, const struct http_head *head, bool is_end) {
    (void)head;
    (void)is_end;
    edge_probe_heard(owner); /* whatever it says: the warpgate has said it */
}

/* Nothing of a body is wanted: a window of it may come, and then the probe's time is over. */
static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    (void)owner;
    (void)bytes;
    (void)len;
}

static void on_end(void *owner, const struct http_fields *trailers) {
    (void)owner;
    (void)trailers;
}

static void on_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void on_closed(void *owner, enum http_close reason) {
    struct edge_tunnel *tunnel = owner;
    (void)reason;
    tunnel->probe.exchange = NULL;
}

static const struct http_stream_events events = {.on_head = on_head,
                                                 .on_data = on_data,
                                                 .on_end = on_end,
                                                 .on_sent = on_sent,
                                                 .on_closed = on_closed};

/* A tunnel that is full takes none; what it carries will be answered, or not. */
static void ask(struct edge_tunnel *tunnel) {
    const struct http_head head = {
        .method = STR_INIT("GET"),
        .scheme = STR_INIT("https"),
        .authority = STR_INIT(TUNNEL_CONTROL_AUTHORITY),
        .path = STR_INIT(TUNNEL_PROBE_PATH),
    };
    tunnel->probe.waited_ms = 0;
    tunnel->probe.exchange = edge_tunnel_open(tunnel, &head, true, &events, tunnel);
}

static void give_up(struct edge_tunnel *tunnel) {
    struct http_stream *exchange = tunnel->probe.exchange;
    tunnel->probe.exchange = NULL;
    edge_tunnel_cancel(tunnel, exchange);
    if (tunnel->probe.quiet_ms >=
        EDGE_PROBE_LIMIT_MS) { /* else a visitor's request was answered meanwhile */
        tunnel->probe.quiet_ms = EDGE_PROBE_QUIET_MS - EDGE_PROBE_AGAIN_MS;
        set_silent(tunnel, true);
    }
}

void edge_probe_look(struct edge_tunnel *tunnel, int64_t now_ms) {
    struct edge_probe *probe = &tunnel->probe;
    int64_t passed_ms = probe->looked_at_ms != 0 ? now_ms - probe->looked_at_ms : 0;
    passed_ms = passed_ms < LOOK_MS_MAX ? passed_ms : LOOK_MS_MAX;
    probe->looked_at_ms = now_ms;
    if (!probe->is_understood) {
        return;
    }
    probe->quiet_ms += passed_ms;
    probe->waited_ms += passed_ms;
    if (probe->exchange != NULL) {
        if (probe->waited_ms >= EDGE_PROBE_LIMIT_MS) {
            give_up(tunnel);
        }
    } else if (probe->quiet_ms >= EDGE_PROBE_QUIET_MS) {
        ask(tunnel);
    }
}
