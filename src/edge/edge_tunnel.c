#include "edge/edge_tunnel.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_park.h"
#include "tunnel/record.h"
#include "tunnel/tunnel_message.h"

/* A warpgate is its tenant's: it is cut when it says more than this, besides one record for each bundle that it was sent. */
static const struct allowance_rate records_rate = {.burst = 1000, .per_second = 100};

#define ASK_PLACE_MS 1000
#define REVOKED_MS 300 /* for the message to arrive; then the tunnel is cut, whatever it carries */

/* How it stands, for whoever asks the roster: the control plane, and other workers. */
static void tell_roster(struct edge_tunnel *tunnel) {
    static const enum edge_roster_standing standings[] = {
        [EDGE_TUNNEL_GREETING] = EDGE_ROSTER_ARRIVING,
        [EDGE_TUNNEL_READY] = EDGE_ROSTER_READY,
        [EDGE_TUNNEL_DRAINING] = EDGE_ROSTER_LEAVING,
        [EDGE_TUNNEL_CLOSED] = EDGE_ROSTER_LEAVING,
    };
    edge_roster_update(tunnel->seat, standings[tunnel->state], tunnel->applied_revision,
                       tunnel->refused_code);
}

/* State and the registries go together: a tunnel is on its environment's list exactly while it is READY. */
static void set_state(struct edge_tunnel *tunnel, enum edge_tunnel_state state) {
    if (tunnel->state == state) {
        return;
    }
    if (tunnel->state == EDGE_TUNNEL_READY) {
        edge_environment_remove_tunnel(tunnel->environment, tunnel);
    }
    tunnel->state = state;
    if (state == EDGE_TUNNEL_READY) {
        edge_environment_add_tunnel(tunnel->environment, tunnel);
    }
    tell_roster(tunnel);
}

static bool may_speak(struct edge_tunnel *tunnel) {
    return allowance_take(&tunnel->records, &records_rate, loop_now_ms(tunnel->worker->loop));
}

static void on_hello(struct edge_tunnel *tunnel, const struct tunnel_message *message) {
    tunnel->has_hello = true;
    tunnel->probe.is_understood = message->has_probe;
    (void)snprintf(tunnel->version, sizeof tunnel->version, "%.*s", STR_ARG(message->version));
    (void)snprintf(tunnel->name, sizeof tunnel->name, "%.*s", STR_ARG(message->name));
    edge_roster_describe(tunnel->seat, tunnel->version, tunnel->name);
    if (tunnel->warpgate != NULL) {
        edge_warpgate_declare(tunnel->warpgate, message);
    }
}

static void on_applied(struct edge_tunnel *tunnel, uint64_t revision) {
    tunnel->applied_revision = revision;
    tunnel->refused_code[0] = '\0';
    if (tunnel->state == EDGE_TUNNEL_GREETING && tunnel->has_hello && tunnel->environment != NULL) {
        set_state(tunnel, EDGE_TUNNEL_READY);
        log_info("edge.tunnel_ready",
                 "warpgate=%s environment=%s address=%s version=%s revision=%llu worker=%u",
                 tunnel->identity.subject.text, tunnel->identity.environment.text,
                 tunnel->ip_address, tunnel->version, (unsigned long long)revision,
                 tunnel->worker->index);
    }
}

static void on_refused(struct edge_tunnel *tunnel, const struct tunnel_message *message) {
    /* A bundle that could not be read has no revision: then it was the newest that we sent. */
    tunnel->refused_revision = message->revision;
    if (message->revision == 0 && tunnel->environment != NULL) {
        tunnel->refused_revision = tunnel->environment->newest_revision;
    }
    (void)snprintf(tunnel->refused_code, sizeof tunnel->refused_code, "%.*s",
                   STR_ARG(message->code));
    log_warn("edge.bundle_refused", "warpgate=%s revision=%llu code=%.*s detail=%.*s",
             tunnel->identity.subject.text, (unsigned long long)message->revision,
             STR_ARG(message->code), STR_ARG(message->detail));
}

static void on_record(void *owner, const json_t *object) {
    struct edge_tunnel *tunnel = owner;
    struct tunnel_message message;
    struct why why = {0};
    if (tunnel->state == EDGE_TUNNEL_CLOSED) {
        return; /* what came along with the record that ended it */
    }
    if (!may_speak(tunnel)) {
        log_warn("edge.tunnel_talkative", "warpgate=%s address=%s", tunnel->identity.subject.text,
                 tunnel->ip_address);
        edge_tunnel_abort(tunnel);
        return;
    }
    if (tunnel_message_read(object, &message, &why) != STATUS_OK) {
        log_warn("edge.tunnel_malformed", "warpgate=%s code=%s", tunnel->identity.subject.text,
                 why.slug);
        edge_tunnel_abort(tunnel);
        return;
    }
    switch (message.type) {
    case TUNNEL_MESSAGE_HELLO:
        on_hello(tunnel, &message);
        return;
    case TUNNEL_MESSAGE_APPLIED:
        on_applied(tunnel, message.revision);
        break;
    case TUNNEL_MESSAGE_REFUSED:
        on_refused(tunnel, &message);
        break;
    case TUNNEL_MESSAGE_HEALTH:
        edge_roster_health(tunnel->seat, message.upstreams, message.upstream_count);
        if (tunnel->warpgate != NULL) {
            edge_warpgate_report(tunnel->warpgate, &message);
        }
        return;
    case TUNNEL_MESSAGE_TRUST:
        edge_roster_trust(tunnel->seat, message.anchors, message.root);
        return;
    default:
        return; /* what only an edge may say, or what is newer, is ignored */
    }
    tell_roster(tunnel);
    if (tunnel->environment != NULL) {
        edge_environment_tunnel_changed(tunnel->environment);
    }
}

static void on_channel_closed(void *owner, const struct why *why) {
    struct edge_tunnel *tunnel = owner;
    log_debug("edge.control_stream_closed", "warpgate=%s code=%s", tunnel->identity.subject.text,
              why->slug);
    tunnel_channel_free(&tunnel->channel);
    edge_tunnel_abort(tunnel); /* a tunnel without its control stream is none */
}

static const struct tunnel_channel_events channel_events = {.on_record = on_record,
                                                            .on_closed = on_channel_closed};

static void on_goaway(void *context) {
    struct edge_tunnel *tunnel = context;
    if (tunnel->state == EDGE_TUNNEL_READY || tunnel->state == EDGE_TUNNEL_GREETING) {
        log_info("edge.tunnel_draining", "warpgate=%s", tunnel->identity.subject.text);
        set_state(tunnel, EDGE_TUNNEL_DRAINING);
    }
}

/* What found the tunnel full may go on. */
static void on_room(void *context) {
    struct edge_tunnel *tunnel = context;
    if (tunnel->state == EDGE_TUNNEL_READY) {
        edge_park_wake(tunnel->environment);
    }
}

static void on_dead(void *owner) {
    struct edge_tunnel *tunnel = owner;
    log_warn("edge.tunnel_silent", "warpgate=%s address=%s", tunnel->identity.subject.text,
             tunnel->ip_address);
    edge_tunnel_abort(tunnel);
}

static void free_tunnel(struct loop_timer *timer) {
    struct edge_tunnel *tunnel = CONTAINER_OF(timer, struct edge_tunnel, heartbeat.timer);
    struct edge_worker *worker = tunnel->worker;
    edge_warpgate_leave(&tunnel->warpgate);
    memory_free(tunnel);
    edge_check_ended(worker);
}

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct edge_tunnel *tunnel = owner;
    (void)conn;
    log_info("edge.tunnel_closed", "warpgate=%s environment=%s address=%s reason=%s",
             tunnel->identity.subject.text, tunnel->identity.environment.text, tunnel->ip_address,
             why->slug);
    tunnel->conn = NULL;
    tunnel->session = NULL;
    set_state(tunnel, EDGE_TUNNEL_CLOSED);
    tunnel_channel_free(&tunnel->channel);
    edge_roster_remove(&tunnel->seat);
    list_remove(&tunnel->node);
    if (tunnel->environment != NULL) {
        edge_environment_tunnel_changed(tunnel->environment);
    }
    tunnel_heartbeat_stop(&tunnel->heartbeat, free_tunnel);
}

static const struct conn_events tunnel_conn_events = {.on_closed = on_conn_closed};

static void send_message(struct edge_tunnel *tunnel, const struct tunnel_message *message) {
    if (tunnel->channel == NULL) {
        return;
    }
    json_t *object = tunnel_message_write(message);
    tunnel_channel_send(tunnel->channel, object);
    json_decref(object);
}

static void open_control_stream(struct edge_tunnel *tunnel) {
    const struct http_head head = {
        .method = STR_INIT("POST"),
        .scheme = STR_INIT("https"),
        .authority = STR_INIT(TUNNEL_CONTROL_AUTHORITY),
        .path = STR_INIT(TUNNEL_CONTROL_PATH),
    };
    tunnel->channel = tunnel_channel_new(&channel_events, tunnel);
    tunnel_channel_limit(tunnel->channel, RECORD_WARPGATE_BYTES_MAX);
    struct http_stream *stream = h2_session_open(tunnel->session, &head, false,
                                                 tunnel_channel_stream_events(), tunnel->channel);
    if (stream == NULL) {
        edge_tunnel_abort(tunnel);
        return;
    }
    tunnel_channel_attach(tunnel->channel, stream);
    if (map_get(&tunnel->worker->revoked, id_str(&tunnel->identity.subject)) != NULL) {
        edge_tunnel_revoke(tunnel,
                           STR("revoked")); /* it may not have heard: told once more, and cut */
        return;
    }
    edge_tunnel_send_bundle(tunnel);
    const struct tunnel_message wanted = {.type = TUNNEL_MESSAGE_TUNNELS,
                                          .count = tunnel->worker->edge->worker_count};
    send_message(tunnel, &wanted);
    edge_tunnel_send_edges(tunnel);
}

static enum status may_join(struct edge_worker *worker, const struct cert_identity *identity,
                            struct why *why) {
    if (worker->state != EDGE_WORKER_RUNNING) {
        return why_set(why, STATUS_UNAVAILABLE, "edge_stopping", "this edge is stopping");
    }
    if (map_get(&worker->revoked, id_str(&identity->subject)) == NULL &&
        edge_environment_find(worker, &identity->environment) == NULL) {
        return why_set(why, STATUS_UNAVAILABLE, "environment_unknown",
                       "this edge has not heard of its environment");
    }
    return STATUS_OK;
}

enum status edge_tunnel_judge(struct edge_worker *worker, struct conn *conn,
                              struct cert_identity *identity, struct why *why) {
    enum status status = cert_identity_check(conn_peer_chain(conn), CERT_WARPGATE,
                                             str_from(worker->edge->trust_domain), identity, why);
    return status == STATUS_OK ? may_join(worker, identity, why) : status;
}

void edge_tunnel_accept(struct edge_worker *worker, struct conn *conn,
                        const struct cert_identity *identity, struct edge_roster_seat *seat) {
    struct why why = {0};
    char ip_address[ADDRESS_TEXT_SIZE];
    address_ip(conn_peer_address(conn), ip_address);
    /* Judged by another worker, perhaps, which may have heard more, or less. */
    if (may_join(worker, identity, &why) != STATUS_OK) {
        log_warn("edge.tunnel_refused", "address=%s code=%s detail=%s", ip_address, why.slug,
                 why.text);
        edge_roster_remove(&seat);
        conn_abort(conn);
        return;
    }
    struct edge_tunnel *tunnel = MEMORY_NEW(struct edge_tunnel);
    tunnel->worker = worker;
    tunnel->conn = conn;
    tunnel->identity = *identity;
    tunnel->seat = seat;
    tunnel->environment = edge_environment_find(worker, &identity->environment);
    (void)snprintf(tunnel->ip_address, sizeof tunnel->ip_address, "%s", ip_address);
    int64_t now_ms = loop_now_ms(worker->loop);
    allowance_init(&tunnel->records, &records_rate, now_ms);
    list_init(&tunnel->environment_node);
    list_init(&tunnel->warpgate_node);
    edge_cancel_init(&tunnel->cancels, now_ms);
    if (tunnel->environment != NULL) {
        tunnel->warpgate = edge_warpgate_join(&tunnel->environment->warpgates,
                                              &identity->environment, &identity->subject);
    }
    list_append(&worker->tunnels, &tunnel->node);
    const struct h2_config config = {
        .role = H2_CLIENT,
        .profile = H2_TUNNEL,
        .pool = loop_block_pool(worker->loop),
        .clock = loop_clock(worker->loop),
        .on_goaway = on_goaway,
        .on_room = on_room,
        .context = tunnel,
    };
    tunnel->session = h2_session_new(&config);
    conn_set_events(conn, &tunnel_conn_events, tunnel);
    conn_set_engine(conn, h2_session_engine(tunnel->session));
    tunnel_heartbeat_start(&tunnel->heartbeat, conn, tunnel->session, on_dead, tunnel);
    open_control_stream(tunnel);
}

void edge_tunnel_send_bundle(struct edge_tunnel *tunnel) {
    const struct tunnel_message message = {
        .type = TUNNEL_MESSAGE_BUNDLE,
        .jws = buf_str(&tunnel->environment->jws),
    };
    allowance_grant(&tunnel->records);
    send_message(tunnel, &message);
}

void edge_tunnel_send_edges(struct edge_tunnel *tunnel) {
    const struct tunnel_message message = {
        .type = TUNNEL_MESSAGE_EDGES,
        .jws = buf_str(&tunnel->worker->edges_jws),
    };
    if (!str_is_empty(message.jws)) {
        send_message(tunnel, &message);
    }
}

void edge_tunnel_end(struct edge_tunnel *tunnel) {
    set_state(tunnel, EDGE_TUNNEL_CLOSED);
    if (tunnel->session != NULL) {
        h2_session_abort(tunnel->session, 0); /* GOAWAY NO_ERROR, after what is already written */
    }
}

void edge_tunnel_revoke(struct edge_tunnel *tunnel, struct str reason) {
    const struct tunnel_message message = {.type = TUNNEL_MESSAGE_REVOKED, .reason = reason};
    log_info("edge.tunnel_revoked", "warpgate=%s reason=%.*s", tunnel->identity.subject.text,
             STR_ARG(reason));
    send_message(tunnel, &message);
    set_state(tunnel, EDGE_TUNNEL_CLOSED);
    tunnel->cut_at_ms = loop_now_ms(tunnel->worker->loop) + REVOKED_MS;
}

/* Another worker lacks one: the next that the warpgate makes gets there (edge_roster.h). */
static void check_place(struct edge_tunnel *tunnel, int64_t now_ms) {
    static const struct tunnel_message drain = {.type = TUNNEL_MESSAGE_DRAIN};
    if (tunnel->state != EDGE_TUNNEL_READY || tunnel->worker->state != EDGE_WORKER_RUNNING ||
        now_ms - tunnel->place_asked_ms < ASK_PLACE_MS) {
        return;
    }
    tunnel->place_asked_ms = now_ms;
    if (edge_roster_should_move(tunnel->seat)) {
        log_info("edge.tunnel_misplaced", "warpgate=%s worker=%u: another worker has none",
                 tunnel->identity.subject.text, tunnel->worker->index);
        send_message(tunnel, &drain);
    }
}

/* Whoever answers PINGs and reads nothing else would keep every bundle since, on each of its tunnels. */
static void check_reader(struct edge_tunnel *tunnel, int64_t now_ms) {
    if (tunnel->channel != NULL && tunnel->state != EDGE_TUNNEL_CLOSED &&
        tunnel_channel_is_stuck(tunnel->channel, now_ms)) {
        log_warn("edge.tunnel_unread", "warpgate=%s address=%s", tunnel->identity.subject.text,
                 tunnel->ip_address);
        edge_tunnel_abort(tunnel);
    }
}

/* A warpgate renews at half of its certificate's life and makes new tunnels with it: one that outlives the certificate was forgotten, or the
 * control plane cannot be reached. Then it goes on, for as long as the platform promises. */
static bool is_overdue(const struct edge_tunnel *tunnel, int64_t now_ms) {
    const struct edge *edge = tunnel->worker->edge;
    int64_t over_ms =
        clock_wall_ms(loop_clock(tunnel->worker->loop)) - tunnel->identity.not_after_ms;
    if (edge == NULL || over_ms <= EDGE_TUNNEL_LEEWAY_MS) {
        return false;
    }
    int64_t with_feed_ms =
        atomic_load(&edge->has_feed) ? now_ms - atomic_load(&edge->feed_since_ms) : 0;
    return with_feed_ms > EDGE_TUNNEL_RENEWAL_MS || over_ms > EDGE_TUNNEL_GRACE_MS;
}

static void check_certificate(struct edge_tunnel *tunnel, int64_t now_ms) {
    if (tunnel->state == EDGE_TUNNEL_READY && is_overdue(tunnel, now_ms)) {
        log_warn("edge.tunnel_expired", "warpgate=%s address=%s: its certificate has expired",
                 tunnel->identity.subject.text, tunnel->ip_address);
        edge_tunnel_end(tunnel);
    }
}

void edge_tunnel_sweep(struct edge_worker *worker) {
    int64_t now_ms = loop_now_ms(worker->loop);
    for (struct list *node = worker->tunnels.next; node != &worker->tunnels; node = node->next) {
        struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, node);
        if (tunnel->cut_at_ms != 0 && now_ms >= tunnel->cut_at_ms) {
            edge_tunnel_abort(tunnel);
        }
        edge_cancel_sweep(&tunnel->cancels, now_ms);
        check_reader(tunnel, now_ms);
        check_place(tunnel, now_ms);
        if (tunnel->state == EDGE_TUNNEL_READY) {
            edge_probe_look(tunnel, now_ms);
        }
        check_certificate(tunnel, now_ms);
    }
}

void edge_tunnel_take_leave(struct edge_tunnel *tunnel, enum edge_farewell farewell) {
    const struct tunnel_message message = {
        .type = farewell == EDGE_FAREWELL_REPLACE ? TUNNEL_MESSAGE_REPLACE : TUNNEL_MESSAGE_DRAIN};
    send_message(tunnel, &message);
}

void edge_tunnel_abort(struct edge_tunnel *tunnel) {
    set_state(tunnel, EDGE_TUNNEL_CLOSED);
    if (tunnel->conn != NULL) {
        conn_abort(tunnel->conn);
    }
}

struct http_stream *edge_tunnel_open(struct edge_tunnel *tunnel, const struct http_head *head,
                                     bool is_end, const struct http_stream_events *events,
                                     void *owner) {
    return tunnel->session != NULL ? h2_session_open(tunnel->session, head, is_end, events, owner)
                                   : NULL;
}

void edge_tunnel_expect(struct edge_tunnel *tunnel, int change) {
    tunnel->waiting_count = (size_t)((int64_t)tunnel->waiting_count + change);
    tunnel_heartbeat_expect(&tunnel->heartbeat, tunnel->waiting_count);
}

void edge_tunnel_carry(struct edge_tunnel *tunnel, int change) {
    tunnel->exchange_count = (size_t)((int64_t)tunnel->exchange_count + change);
    if (tunnel->exchange_count <= 1) {
        tunnel_heartbeat_carry(&tunnel->heartbeat, tunnel->exchange_count > 0);
    }
}

void edge_tunnel_cancel(struct edge_tunnel *tunnel, struct http_stream *exchange) {
    edge_cancel_exchange(&tunnel->cancels, exchange, loop_now_ms(tunnel->worker->loop));
}

void edge_tunnel_linger(struct edge_tunnel *tunnel, struct http_stream *exchange) {
    edge_cancel_linger(&tunnel->cancels, exchange, loop_now_ms(tunnel->worker->loop));
}
