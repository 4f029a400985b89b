/* up_takeover.h: the successor of a running process (see up_takeover.c). */
#ifndef CMD_UP_TAKEOVER_H
#define CMD_UP_TAKEOVER_H

#include "cmd/up_process.h"

/* Asks the running process for its sockets, and then makes the kind's parts; at once where nobody runs. */
void up_takeover_start(struct up_process *process);
/* This process accepts: the other one may go. */
void up_takeover_finish(struct up_process *process);

#endif
