/* edge_forward.h: the step's own clock: requests that have waited too long for a response head are answered 504. */
#ifndef EDGE_EDGE_FORWARD_H
#define EDGE_EDGE_FORWARD_H

#include "edge/edge_request.h"

/* Called several times a second. Requests wait in order of their beginning, so only the overdue ones are looked at. */
void edge_forward_sweep(struct edge_worker *worker);

#endif
