/* edge_visitor.h: one visitor's connection: TLS stands, ALPN chose HTTP/1.1 or HTTP/2, requests begin here.
 *
 * Between edge_spread.c, which gives it the connection, and edge_request.c, which the engine calls for each request. On the worker's list from
 * then on until the connection has closed, which frees it; its requests are gone by then. The worker's thread.
 * Limits: edge_config.visitor_max over all workers; requests at a time and what their heads hold are the engine's (h2_session.h).
 */
#ifndef EDGE_EDGE_VISITOR_H
#define EDGE_EDGE_VISITOR_H

#include "edge/edge_state.h"
#include "http/h1_server.h"
#include "http/h2_session.h"
#include "net/conn.h"

/* A visitor of HTTP/1 that closes its sending side may be waiting for its answer, or have gone: it is given up when nothing was
 * sent to it for so long (or twice that). */
#define EDGE_VISITOR_HALF_CLOSED_MS 30000

struct edge_visitor {
    struct list node; /* worker->visitors */
    struct edge_worker *worker;
    struct conn *conn;
    struct h1_server *h1; /* one of the two */
    struct h2_session *h2;
    char ip_address[ADDRESS_TEXT_SIZE];
    bool is_excess;         /* one too many: its requests are refused */
    size_t unread_bytes;    /* of answers, in all its streams */
    struct str server_name; /* SNI, lower case; borrowed from the conn */
};

/* The handshake stands, and the roster has counted it for this worker. */
void edge_visitor_accept(struct edge_worker *worker, struct conn *conn);
/* No new requests; open ones finish. */
void edge_visitor_drain(struct edge_visitor *visitor);
/* Nothing of a request is here, nor of an answer. */
bool edge_visitor_is_idle(const struct edge_visitor *visitor);
/* In an orderly way, with or without open requests. */
void edge_visitor_close(struct edge_visitor *visitor);

#endif
