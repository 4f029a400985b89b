#include "edge/edge_spread.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_environment.h"
#include "edge/edge_tunnel.h"
#include "edge/edge_visitor.h"
#include "net/conn.h"

/* A tunnel on its way. */
struct spread_tunnel {
    struct edge_worker *worker;
    struct cert_identity identity;
    struct edge_roster_seat *seat;
};

static void on_tunnel_arrived(void *context, struct conn *conn) {
    struct spread_tunnel *at = context;
    edge_tunnel_accept(at->worker, conn, &at->identity, at->seat);
    memory_free(at);
}

static void refuse(struct conn *conn, const struct why *why) {
    char ip_address[ADDRESS_TEXT_SIZE];
    address_ip(conn_peer_address(conn), ip_address);
    log_warn("edge.tunnel_refused", "address=%s code=%s detail=%s", ip_address, why->slug,
             why->text);
    conn_abort(conn);
}

void edge_spread_tunnel(struct edge_worker *worker, struct conn *conn) {
    struct cert_identity identity;
    struct why why = {0};
    char ip_address[ADDRESS_TEXT_SIZE];
    if (edge_tunnel_judge(worker, conn, &identity, &why) != STATUS_OK) {
        refuse(conn, &why);
        return;
    }
    address_ip(conn_peer_address(conn), ip_address);
    struct edge_roster_seat *seat =
        edge_roster_add(worker->roster, worker->index, &identity, ip_address);
    if (seat == NULL) {
        (void)why_set(&why, STATUS_DENIED, "tunnels_too_many", "its warpgate has %d tunnels",
                      EDGE_ROSTER_SEATS_MAX);
        refuse(conn, &why);
        return;
    }
    struct edge_worker *to = worker->edge->workers[edge_roster_seat_worker(seat)];
    if (to == worker) {
        edge_tunnel_accept(worker, conn, &identity, seat);
        return;
    }
    struct spread_tunnel *at = MEMORY_NEW(struct spread_tunnel);
    *at = (struct spread_tunnel){.worker = to, .identity = identity, .seat = seat};
    conn_move(conn, to->loop, on_tunnel_arrived, at);
}

static void on_visitor_arrived(void *context, struct conn *conn) {
    edge_visitor_accept(context, conn);
}

void edge_spread_visitor(struct edge_worker *worker, struct conn *conn) {
    const struct edge_environment *environment =
        edge_environment_of_host(worker, conn_server_name(conn));
    unsigned index = edge_roster_visitor_came(worker->roster, worker->index,
                                              environment != NULL ? &environment->id : NULL);
    struct edge_worker *to = worker->edge->workers[index];
    if (to == worker) {
        edge_visitor_accept(worker, conn);
        return;
    }
    conn_move(conn, to->loop, on_visitor_arrived, to);
}

void edge_spread_again(struct edge_visitor *visitor, const struct id *environment) {
    if (edge_roster_serves(visitor->worker->roster, environment)) {
        edge_visitor_drain(visitor);
    }
}
