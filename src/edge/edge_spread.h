/* edge_spread.h: which worker a connection belongs to.
 *
 * A connection is accepted by whichever worker is awake. When its handshake has named who it is, it goes, at most once, to where it is
 * wanted: a tunnel to the worker that has the fewest of its warpgate, so that every worker has one; a visitor to a worker that has
 * tunnels of its environment and not many more visitors than the others. From then on it stays.
 */
#ifndef EDGE_EDGE_SPREAD_H
#define EDGE_EDGE_SPREAD_H

#include "edge/edge_state.h"
#include "net/conn.h"

/* front_service.accept, both: the handshake stands. */
void edge_spread_tunnel(struct edge_worker *worker, struct conn *conn);
void edge_spread_visitor(struct edge_worker *worker, struct conn *conn);

#endif
