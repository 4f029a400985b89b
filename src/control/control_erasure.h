/* control_erasure.h: erases organizations whose grace is over (store_erasure.h). Blocks: for pool threads. */
#ifndef CONTROL_CONTROL_ERASURE_H
#define CONTROL_CONTROL_ERASURE_H

#include "control/control_state.h"

/* Those that are due now, a few at a time: called every other second. What fails is logged, and tried again the next time. */
void control_erasure_run(struct control *control);

#endif
