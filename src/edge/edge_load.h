/* edge_load.h: how much this edge has to do, for whoever runs the installation (FEED_MESSAGE_LOAD). Main loop only. */
#ifndef EDGE_EDGE_LOAD_H
#define EDGE_EDGE_LOAD_H

#include "edge/edge_state.h"
#include "tunnel/feed_message.h"

#define EDGE_LOAD_INTERVAL_MS 4000 /* rates are measured over at least so long */

/* The newest measurement: several feeds that ask at once hear the same. */
const struct feed_load *edge_load_measure(struct edge *edge);

#endif
