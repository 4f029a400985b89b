/* up_handover.h: the running process gives way to a successor (see up_handover.c). */
#ifndef CMD_UP_HANDOVER_H
#define CMD_UP_HANDOVER_H

#include "cmd/up_process.h"

/* Begins to wait for a successor. When that is not possible, it is logged, and process->handover is NULL. */
void up_handover_start(struct up_process *process);
/* No successor may come any more. */
void up_handover_stop(struct up_process *process);

#endif
