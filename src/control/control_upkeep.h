/* control_upkeep.h: what the control plane does by the clock: pings and deadlines each second, reports of warpgates kept in the
 * store, and each hour certificates renewed and what has expired thrown away. */
#ifndef CONTROL_CONTROL_UPKEEP_H
#define CONTROL_CONTROL_UPKEEP_H

#include "control/control_state.h"

void control_upkeep_start(struct control *control);
/* No tick comes after this. */
void control_upkeep_end(struct control *control);

#endif
