#include "edge/edge_visitor.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_answer.h"
#include "edge/edge_request.h"
#include "edge/edge_shed.h"

#define MAKE_ROOM_IDLE_MS 1000
/* a connection that is to go, and is idle, is left so long for a request that may be on its way */
#define DRAIN_IDLE_MS 5000

static void on_error(void *context, unsigned status, const struct why *why, struct str *type,
                     struct str *body) {
    struct edge_visitor *visitor = context;
    log_debug("edge.malformed", "address=%s status=%u code=%s", visitor->ip_address, status,
              why != NULL ? why->slug : "");
    edge_answer_malformed(status, why, type, body);
}

static void on_closed(void *owner, struct conn *conn, const struct why *why) {
    struct edge_visitor *visitor = owner;
    struct edge_worker *worker = visitor->worker;
    (void)conn;
    log_debug("edge.visitor_closed", "address=%s reason=%s", visitor->ip_address, why->slug);
    list_remove(&visitor->node);
    worker->visitor_count--;
    edge_roster_visitor_left(worker->roster, worker->index);
    memory_free(visitor);
    edge_check_ended(worker);
}

static const struct conn_events visitor_conn_events = {.on_closed = on_closed};

static struct engine *make_engine(struct edge_visitor *visitor) {
    struct block_pool *pool = loop_block_pool(visitor->worker->loop);
    const struct http_server server = {.on_request = edge_request_begin, .context = visitor};
    if (str_eq(conn_alpn(visitor->conn), STR("h2"))) {
        const struct h2_config config = {
            .role = H2_SERVER,
            .profile = H2_VISITOR,
            .pool = pool,
            .clock = loop_clock(visitor->worker->loop),
            .server = server,
            .context = visitor,
        };
        visitor->h2 = h2_session_new(&config);
        return h2_session_engine(visitor->h2);
    }
    const struct h1_server_config config = {
        .pool = pool,
        .server = server,
        .scheme = STR_INIT("https"),
        .on_error = on_error,
    };
    visitor->h1 = h1_server_new(&config);
    return h1_server_engine(visitor->h1);
}

/* One that has long been idle makes room for one that wants something. */
static bool has_room(struct edge_worker *worker) {
    const struct edge *edge = worker->edge;
    if (edge == NULL || edge->visitor_max == 0 ||
        edge_roster_visitor_count(worker->roster) <= edge->visitor_max) {
        return true;
    }
    return edge_shed_idle(worker, 1, MAKE_ROOM_IDLE_MS) > 0;
}

void edge_visitor_accept(struct edge_worker *worker, struct conn *conn) {
    if (worker->state == EDGE_WORKER_ENDED) {
        conn_abort(conn); /* came from another worker, too late */
        return;
    }
    struct edge_visitor *visitor = MEMORY_NEW(struct edge_visitor);
    visitor->worker = worker;
    visitor->conn = conn;
    visitor->server_name = conn_server_name(conn);
    address_ip(conn_peer_address(conn), visitor->ip_address);
    list_append(&worker->visitors, &visitor->node);
    worker->visitor_count++;
    log_debug("edge.visitor", "address=%s worker=%u", visitor->ip_address, worker->index);
    conn_set_events(conn, &visitor_conn_events, visitor);
    conn_set_engine(conn, make_engine(visitor));
    visitor->is_excess = !has_room(worker);
    if (worker->state != EDGE_WORKER_RUNNING || visitor->is_excess) {
        edge_visitor_drain(visitor);
    }
}

void edge_visitor_drain(struct edge_visitor *visitor) {
    static const struct conn_timeouts draining = {.idle_ms = DRAIN_IDLE_MS,
                                                  .half_closed_ms = EDGE_VISITOR_HALF_CLOSED_MS};
    conn_set_timeouts(visitor->conn, &draining);
    if (visitor->h2 != NULL) {
        h2_session_drain(visitor->h2);
        return;
    }
    h1_server_drain(visitor->h1, false);
}

bool edge_visitor_is_idle(const struct edge_visitor *visitor) {
    const struct engine *engine =
        visitor->h2 != NULL ? h2_session_engine(visitor->h2) : h1_server_engine(visitor->h1);
    return engine->ops->phase(engine) == ENGINE_IDLE;
}

void edge_visitor_close(struct edge_visitor *visitor) {
    if (visitor->h2 != NULL) {
        h2_session_abort(
            visitor->h2,
            0); /* GOAWAY with NO_ERROR: what was not answered may be asked elsewhere */
    }
    conn_close(visitor->conn);
}
