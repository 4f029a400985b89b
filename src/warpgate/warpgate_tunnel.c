#include "warpgate/warpgate_tunnel.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "http/h2_session.h"
#include "pki/cert_identity.h"
#include "policy/field_policy.h"
#include "tunnel/tunnel_channel.h"
#include "tunnel/tunnel_heartbeat.h"
#include "tunnel/tunnel_message.h"
#include "warpgate/warpgate_dial.h"
#include "warpgate/warpgate_request.h"
#include "warpgate/warpgate_upstream.h"

/* However long a link was cut: a dial that began before it healed is over, or through, a few seconds later. */
#define CONNECT_MS 4000
#define HANDSHAKE_MS 10000
#define GREETING_MS 20000 /* from the beginning of the dial */
#define AGREEMENT_PINGS 2

/* Answers to this PING come after everything that the edge sent before it knew of our GOAWAY. */
static const uint8_t drain_ping[8] = {'d', 'r', 'a', 'i', 'n', 'e', 'd', '?'};
/* A PING overtakes what the control stream carries, but not by a round trip: after the second answer the edge has read "applied". */
static const uint8_t agree_ping[8] = {'a', 'g', 'r', 'e', 'e', 'd', ' ', '?'};

struct warpgate_tunnel {
    struct list node;
    struct warpgate_request_host host;
    struct warpgate_parts *parts;
    const struct warpgate_tunnel_events *events;
    void *owner;
    const char *server_name;
    enum warpgate_tunnel_state state;
    unsigned generation;
    int64_t dialled_at_ms;
    int64_t stood_at_ms;
    struct warpgate_dial *dial;
    struct conn *conn; /* NULL before it stands and once it is gone */
    struct h2_session *session;
    struct tunnel_channel *channel;
    struct tunnel_heartbeat heartbeat;
    struct loop_task failure; /* reports a dial that was given up, or refused after its handshake */
    struct why why;           /* the first reason, where we know better than the connection */
    bool has_heartbeat;
    bool has_control;     /* the first stream came */
    bool is_edges;        /* the edge asked for another in its place, and ends this one itself */
    bool is_leaving;      /* draining, or the edge asked for another in its place */
    bool is_quiescent;    /* draining, and no further request can come */
    bool has_applied;     /* and told so */
    unsigned agree_pings; /* answered */
};

static void set_state(struct warpgate_tunnel *tunnel, enum warpgate_tunnel_state state) {
    tunnel->state = state;
}

static void note_why(struct warpgate_tunnel *tunnel, const struct why *why) {
    if (tunnel->why.slug[0] == '\0') {
        tunnel->why = *why;
    }
}

static void free_tunnel(struct warpgate_tunnel *tunnel) {
    struct warpgate_parts *parts = tunnel->parts;
    memory_free(tunnel);
    warpgate_parts_drop(parts);
}

static void on_heartbeat_closed(struct loop_timer *timer) {
    free_tunnel(CONTAINER_OF(timer, struct warpgate_tunnel, heartbeat.timer));
}

/* Nothing refers to the tunnel any more but its owner. */
static void end_tunnel(struct warpgate_tunnel *tunnel) {
    set_state(tunnel, WARPGATE_TUNNEL_CLOSING);
    tunnel_channel_free(&tunnel->channel);
    list_remove(&tunnel->node);
    tunnel->events->on_closed(tunnel->owner, tunnel, &tunnel->why);
    if (tunnel->has_heartbeat) {
        tunnel_heartbeat_stop(&tunnel->heartbeat, on_heartbeat_closed);
        return;
    }
    free_tunnel(tunnel);
}

static void report_failure(struct loop_task *task) {
    end_tunnel(CONTAINER_OF(task, struct warpgate_tunnel, failure));
}

void warpgate_tunnel_abort(struct warpgate_tunnel *tunnel) {
    if (tunnel->conn != NULL) {
        set_state(tunnel, WARPGATE_TUNNEL_CLOSING);
        conn_abort(tunnel->conn);
        return;
    }
    if (tunnel->dial != NULL) {
        struct why why;
        (void)why_set(&why, STATUS_CLOSED, "aborted", "given up");
        note_why(tunnel, &why);
        set_state(tunnel, WARPGATE_TUNNEL_CLOSING);
        warpgate_dial_cancel(&tunnel->dial);
        loop_task_schedule(tunnel->parts->loop, &tunnel->failure);
    }
}

static void abort_because(struct warpgate_tunnel *tunnel, const struct why *why) {
    note_why(tunnel, why);
    warpgate_tunnel_abort(tunnel);
}

static void send_message(struct warpgate_tunnel *tunnel, const struct tunnel_message *message) {
    if (tunnel->channel == NULL) {
        return;
    }
    json_t *object = tunnel_message_write(message);
    tunnel_channel_send(tunnel->channel, object);
    json_decref(object);
}

static void send_hello(struct warpgate_tunnel *tunnel) {
    const struct warpgate_parts *parts = tunnel->parts;
    struct tunnel_message message = {
        .type = TUNNEL_MESSAGE_HELLO,
        .version = STR(MEZUSPHERE_VERSION),
        .name = str_from(parts->name),
        .has_probe = true,
        .upstream_count = parts->upstream_count,
    };
    for (size_t i = 0; i < parts->upstream_count; i++) {
        message.upstreams[i].name = str_from(warpgate_upstream_target(parts->upstreams[i])->name);
    }
    send_message(tunnel, &message);
}

void warpgate_tunnel_send_health(struct warpgate_tunnel *tunnel) {
    const struct warpgate_parts *parts = tunnel->parts;
    struct tunnel_message message = {.type = TUNNEL_MESSAGE_HEALTH,
                                     .upstream_count = parts->upstream_count};
    for (size_t i = 0; i < parts->upstream_count; i++) {
        enum warpgate_health health = warpgate_upstream_health(parts->upstreams[i]);
        message.upstreams[i].name = str_from(warpgate_upstream_target(parts->upstreams[i])->name);
        message.upstreams[i].is_known = health != WARPGATE_HEALTH_UNKNOWN;
        message.upstreams[i].is_up = health == WARPGATE_HEALTH_UP;
    }
    send_message(tunnel, &message);
}

void warpgate_tunnel_send_trust(struct warpgate_tunnel *tunnel) {
    const struct warpgate_anchors *anchors = &tunnel->parts->anchors;
    const struct tunnel_message message = {.type = TUNNEL_MESSAGE_TRUST,
                                           .anchors = str_from(anchors->name),
                                           .root = str_from(anchors->root)};
    send_message(tunnel, &message);
}

static void apply_bundle(struct warpgate_tunnel *tunnel, struct str jws) {
    struct warpgate_policy *policy = &tunnel->parts->policy;
    struct why why;
    bool is_new;
    if (warpgate_policy_apply(policy, jws, &is_new, &why) != STATUS_OK) {
        log_error("warpgate.bundle_refused",
                  "server=%s code=%s detail=\"%s\": revision %" PRIu64 " stays in force",
                  tunnel->server_name, why.slug, why.text, warpgate_policy_revision(policy));
        const struct tunnel_message refused = {.type = TUNNEL_MESSAGE_REFUSED,
                                               .code = str_from(why.slug),
                                               .detail = str_from(why.text)};
        send_message(tunnel, &refused);
        return;
    }
    if (is_new) {
        log_info("warpgate.bundle_applied", "revision=%" PRIu64 " routes=%zu enabled=%s",
                 policy->bundle->revision, policy->bundle->route_count,
                 policy->bundle->is_enabled ? "true" : "false");
    }
    const struct tunnel_message applied = {.type = TUNNEL_MESSAGE_APPLIED,
                                           .revision = warpgate_policy_revision(policy)};
    send_message(tunnel, &applied);
    if (!tunnel->has_applied) {
        tunnel->has_applied = true;
        h2_session_ping(tunnel->session, agree_ping);
    }
}

static void leave(struct warpgate_tunnel *tunnel) {
    if (!tunnel->is_leaving) {
        tunnel->is_leaving = true;
        tunnel->events->on_leaving(tunnel->owner, tunnel);
    }
}

static void on_record(void *owner, const json_t *object) {
    struct warpgate_tunnel *tunnel = owner;
    struct tunnel_message message;
    struct why why;
    if (tunnel_message_read(object, &message, &why) != STATUS_OK) {
        abort_because(tunnel, &why);
        return;
    }
    switch (message.type) {
    case TUNNEL_MESSAGE_BUNDLE:
        apply_bundle(tunnel, message.jws);
        return;
    case TUNNEL_MESSAGE_TUNNELS:
        tunnel->events->on_count(tunnel->owner, message.count);
        return;
    case TUNNEL_MESSAGE_REPLACE:
        tunnel->is_edges = true;
        leave(tunnel);
        return;
    case TUNNEL_MESSAGE_DRAIN:
        tunnel->is_edges = false;
        leave(tunnel);
        return;
    case TUNNEL_MESSAGE_EDGES:
        if (tunnel->parts->events->on_edges != NULL) {
            tunnel->parts->events->on_edges(tunnel->parts->context, message.jws);
        }
        return;
    case TUNNEL_MESSAGE_REVOKED:
        tunnel->parts->events->on_revoked(tunnel->parts->context, message.reason);
        return;
    default:
        return; /* newer than we are, or ours to say */
    }
}

/* A tunnel without its control stream is none, unless it is draining: then the edge ends it when its last request is done. */
static void on_channel_closed(void *owner, const struct why *why) {
    struct warpgate_tunnel *tunnel = owner;
    tunnel_channel_free(&tunnel->channel);
    if (tunnel->state == WARPGATE_TUNNEL_DRAINING) {
        return;
    }
    if (strcmp(why->slug, "channel_lost") != 0) {
        note_why(tunnel, why); /* else the connection knows better */
    }
    warpgate_tunnel_abort(tunnel);
}

static const struct tunnel_channel_events channel_events = {.on_record = on_record,
                                                            .on_closed = on_channel_closed};

static bool is_control_head(const struct http_head *head) {
    return str_eq(head->method, STR("POST")) && str_eq(head->path, STR(TUNNEL_CONTROL_PATH)) &&
           str_eq(head->authority, STR(TUNNEL_CONTROL_AUTHORITY));
}

/* A visitor's request, whatever its host and path, names the environment: the edge writes that on each, and here nowhere. */
static bool is_probe_head(const struct http_head *head) {
    return str_eq(head->method, STR("GET")) && str_eq(head->path, STR(TUNNEL_PROBE_PATH)) &&
           str_eq(head->authority, STR(TUNNEL_CONTROL_AUTHORITY)) &&
           http_fields_get(&head->fields, STR(FIELD_TUNNEL_ENVIRONMENT)) == NULL;
}

static void answer_probe(struct http_stream *stream) {
    const struct http_head answer = {.status = 204};
    http_stream_discard(stream);
    http_stream_send_head(stream, &answer, true);
}

static void open_control(struct warpgate_tunnel *tunnel, struct http_stream *stream) {
    const struct http_head answer = {.status = 200};
    tunnel->channel = tunnel_channel_new(&channel_events, tunnel);
    http_stream_send_head(stream, &answer, false);
    tunnel_channel_attach(tunnel->channel, stream);
    send_hello(tunnel);
    warpgate_tunnel_send_health(tunnel);
    warpgate_tunnel_send_trust(tunnel);
    tunnel->stood_at_ms = loop_now_ms(tunnel->parts->loop);
    tunnel->events->on_standing(tunnel->owner);
    if (tunnel->state == WARPGATE_TUNNEL_GREETING) {
        set_state(tunnel, WARPGATE_TUNNEL_AGREEING);
    }
}

static void become_ready(struct warpgate_tunnel *tunnel) {
    set_state(tunnel, WARPGATE_TUNNEL_READY);
    tunnel_heartbeat_expect(&tunnel->heartbeat, 0);
    tunnel->events->on_ready(tunnel->owner, tunnel);
}

static void on_agree_ping(struct warpgate_tunnel *tunnel) {
    tunnel->agree_pings++;
    if (tunnel->state != WARPGATE_TUNNEL_AGREEING) {
        return;
    }
    if (tunnel->agree_pings < AGREEMENT_PINGS) {
        h2_session_ping(tunnel->session, agree_ping);
        return;
    }
    become_ready(tunnel);
}

static void on_request(void *context, struct http_stream *stream, const struct http_head *head,
                       bool is_end) {
    struct warpgate_tunnel *tunnel = context;
    if (tunnel->has_control && is_probe_head(head)) {
        answer_probe(stream);
        return;
    }
    if (tunnel->has_control) {
        warpgate_request_start(&tunnel->host, stream, head, is_end);
        tunnel_heartbeat_carry(&tunnel->heartbeat, tunnel->host.active_count > 0);
        return;
    }
    tunnel->has_control = true;
    if (is_control_head(head)) {
        open_control(tunnel, stream);
        return;
    }
    struct why why;
    (void)why_set(&why, STATUS_INVALID, "control_stream",
                  "the edge did not begin with the control stream");
    warpgate_request_refuse(stream, 400, "control_stream");
    abort_because(tunnel, &why);
}

/* The last request of a draining tunnel is done: the control stream goes, and with it the connection. */
static void check_drained(struct warpgate_tunnel *tunnel) {
    if (tunnel->state == WARPGATE_TUNNEL_DRAINING && tunnel->is_quiescent &&
        tunnel->host.active_count == 0) {
        tunnel_channel_free(&tunnel->channel);
    }
}

static void on_idle(struct warpgate_request_host *host) {
    struct warpgate_tunnel *tunnel = CONTAINER_OF(host, struct warpgate_tunnel, host);
    if (tunnel->conn != NULL) {
        tunnel_heartbeat_carry(&tunnel->heartbeat, false);
    }
    check_drained(tunnel);
}

static void on_ping_ack(void *context, const uint8_t payload[8]) {
    struct warpgate_tunnel *tunnel = context;
    if (memcmp(payload, drain_ping, sizeof(drain_ping)) == 0) {
        tunnel->is_quiescent = true;
        check_drained(tunnel);
    }
    if (memcmp(payload, agree_ping, sizeof(agree_ping)) == 0) {
        on_agree_ping(tunnel);
    }
}

static void on_goaway(void *context) {
    leave(context);
}

static void on_dead(void *owner) {
    struct why why;
    (void)why_set(&why, STATUS_TIMEOUT, "edge_silent", "the edge does not answer any more");
    abort_because(owner, &why);
}

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct warpgate_tunnel *tunnel = owner;
    (void)conn;
    tunnel->conn = NULL;
    tunnel->session = NULL;
    note_why(tunnel, why);
    end_tunnel(tunnel);
}

static const struct conn_events tunnel_conn_events = {.on_closed = on_conn_closed};

static void serve(struct warpgate_tunnel *tunnel) {
    struct loop *loop = tunnel->parts->loop;
    const struct h2_config config = {
        .role = H2_SERVER,
        .profile = H2_TUNNEL,
        .pool = loop_block_pool(loop),
        .clock = loop_clock(loop),
        .server = {.on_request = on_request, .context = tunnel},
        .on_ping_ack = on_ping_ack,
        .on_goaway = on_goaway,
        .context = tunnel,
    };
    set_state(tunnel, WARPGATE_TUNNEL_GREETING);
    tunnel->session = h2_session_new(&config);
    conn_set_engine(tunnel->conn, h2_session_engine(tunnel->session));
    tunnel->has_heartbeat = true;
    tunnel_heartbeat_start(&tunnel->heartbeat, tunnel->conn, tunnel->session, on_dead, tunnel);
    tunnel_heartbeat_expect(&tunnel->heartbeat, 1); /* the control stream */
}

static void on_dialled(void *context, struct conn *conn, const struct why *why) {
    struct warpgate_tunnel *tunnel = context;
    struct cert_identity identity;
    struct why role_why;
    tunnel->dial = NULL;
    if (conn == NULL) {
        note_why(tunnel, why);
        end_tunnel(tunnel);
        return;
    }
    tunnel->conn = conn;
    conn_set_events(conn, &tunnel_conn_events, tunnel);
    /* A certificate of our authority is not enough: only one in the role of an edge may send us requests. */
    if (cert_identity_check(conn_peer_chain(conn), CERT_EDGE, str_from(tunnel->parts->trust_domain),
                            &identity, &role_why) != STATUS_OK) {
        abort_because(tunnel, &role_why);
        return;
    }
    if (signed_edges_is_revoked(&tunnel->parts->edges, &identity.subject)) {
        (void)why_set(&role_why, STATUS_DENIED, "edge_revoked", "the edge %s was deleted",
                      identity.subject.text);
        abort_because(tunnel, &role_why);
        return;
    }
    serve(tunnel);
}

struct warpgate_tunnel *warpgate_tunnel_new(const struct warpgate_tunnel_config *config) {
    struct warpgate_tunnel *tunnel = MEMORY_NEW(struct warpgate_tunnel);
    struct warpgate_parts *parts = config->parts;
    const struct warpgate_dial_config dial = {
        .host = config->host,
        .port = config->port,
        .tls = parts->tunnel_tls,
        .server_name = config->server_name,
        .timeouts = {.handshake_ms = HANDSHAKE_MS, .idle_ms = -1},
        .connect_ms = CONNECT_MS,
        .is_keepalive = true,
        .proxy = parts->proxy,
        .known = config->known,
    };
    list_init(&tunnel->node);
    loop_task_init(&tunnel->failure, report_failure);
    tunnel->parts = parts;
    tunnel->host = (struct warpgate_request_host){.parts = parts, .on_idle = on_idle};
    tunnel->events = config->events;
    tunnel->owner = config->owner;
    tunnel->server_name = config->server_name;
    tunnel->generation = parts->generation;
    tunnel->dialled_at_ms = loop_now_ms(parts->loop);
    set_state(tunnel, WARPGATE_TUNNEL_DIALLING);
    warpgate_parts_hold(parts);
    tunnel->dial = warpgate_dial_start(parts, &dial, on_dialled, tunnel);
    return tunnel;
}

struct list *warpgate_tunnel_node(struct warpgate_tunnel *tunnel) {
    return &tunnel->node;
}

struct warpgate_tunnel *warpgate_tunnel_from_node(struct list *node) {
    return CONTAINER_OF(node, struct warpgate_tunnel, node);
}

enum warpgate_tunnel_state warpgate_tunnel_state(const struct warpgate_tunnel *tunnel) {
    return tunnel->state;
}

int64_t warpgate_tunnel_stood_at_ms(const struct warpgate_tunnel *tunnel) {
    return tunnel->stood_at_ms;
}

bool warpgate_tunnel_is_leaving(const struct warpgate_tunnel *tunnel) {
    return tunnel->is_leaving || tunnel->generation != tunnel->parts->generation;
}

bool warpgate_tunnel_is_left_to_edge(const struct warpgate_tunnel *tunnel) {
    return tunnel->is_edges && tunnel->generation == tunnel->parts->generation;
}

void warpgate_tunnel_drain(struct warpgate_tunnel *tunnel) {
    if (tunnel->state != WARPGATE_TUNNEL_READY && tunnel->state != WARPGATE_TUNNEL_AGREEING) {
        if (tunnel->state != WARPGATE_TUNNEL_DRAINING) {
            warpgate_tunnel_abort(tunnel);
        }
        return;
    }
    tunnel_heartbeat_expect(&tunnel->heartbeat, 0);
    set_state(tunnel, WARPGATE_TUNNEL_DRAINING);
    tunnel->is_leaving = true;
    h2_session_drain(tunnel->session);
    h2_session_ping(tunnel->session, drain_ping);
}

void warpgate_tunnel_cut(struct warpgate_tunnel *tunnel) {
    if (tunnel->state != WARPGATE_TUNNEL_DRAINING || tunnel->session == NULL) {
        warpgate_tunnel_abort(tunnel);
        return;
    }
    h2_session_abort(tunnel->session, 0);
}

void warpgate_tunnel_tick(struct warpgate_tunnel *tunnel, int64_t now_ms) {
    if (tunnel->state == WARPGATE_TUNNEL_GREETING && now_ms - tunnel->dialled_at_ms > GREETING_MS) {
        struct why why;
        (void)why_set(&why, STATUS_TIMEOUT, "control_stream", "the edge opens no control stream");
        abort_because(tunnel, &why);
    }
}
