/* edge_view.h: an edge as the API and the audit log show it, and the change that makes the hub know of it. Pool threads. */
#ifndef CONTROL_EDGE_VIEW_H
#define CONTROL_EDGE_VIEW_H

#include <jansson.h>

#include "control/change.h"
#include "control/control_state.h"
#include "store/store_edge.h"

/* With what it has to do just now. */
json_t *edge_view_write(struct control *control, const struct store_edge *row);
/* What is kept, and nothing that changes by itself. */
json_t *edge_view_write_kept(const struct store_edge *row);
void edge_view_change(const struct store_edge *row, struct change_list *changes);

#endif
