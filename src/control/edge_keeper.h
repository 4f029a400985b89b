/* edge_keeper.h: what edges were seen to be, written to the store from time to time: for when they are not connected. Pool threads. */
#ifndef CONTROL_EDGE_KEEPER_H
#define CONTROL_EDGE_KEEPER_H

#include "control/control_state.h"
#include "store/store_tx.h"

/* Writes what is new of edge_presence.h. Trouble is logged. */
void edge_keeper_write(struct control *control);
/* Deletes edges and join tokens that have been void for long enough for nobody to ask. */
enum status edge_keeper_prune(struct store_tx *tx) MUST_USE;

#endif
