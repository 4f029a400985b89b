/* edge_spread.h: which worker a connection belongs to.
 *
 * A connection is accepted by whichever worker is awake. When its handshake has named who it is, it goes, at most once, to where it is
 * wanted: a tunnel to the worker that has the fewest of its warpgate, so that every worker has one; a visitor to a worker that has
 * tunnels of its environment and not many more visitors than the others. From then on it stays;
 * where its worker loses the last tunnel and another one has one, it is to end, and the visitor's next connection gets there.
 */
#ifndef EDGE_EDGE_SPREAD_H
#define EDGE_EDGE_SPREAD_H

#include "edge/edge_state.h"
#include "net/conn.h"

struct edge_visitor;

/* front_service.accept, both: the handshake stands. */
void edge_spread_tunnel(struct edge_worker *worker, struct conn *conn);
void edge_spread_visitor(struct edge_worker *worker, struct conn *conn);
/* The visitor's worker has no tunnel of the environment: if another has, this connection takes no further requests. */
void edge_spread_again(struct edge_visitor *visitor, const struct id *environment);

#endif
