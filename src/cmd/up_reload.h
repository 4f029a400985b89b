/* up_reload.h: SIGHUP starts a successor (see up_reload.c). */
#ifndef CMD_UP_RELOAD_H
#define CMD_UP_RELOAD_H

#include "cmd/up_process.h"

void up_reload_start(struct up_process *running);
/* As on SIGHUP. */
void up_reload_now(struct up_process *running);
void up_reload_stop(struct up_process *running);

#endif
