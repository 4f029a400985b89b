/* up_notify.h: what the service manager is told, if there is one (sd_notify). */
#ifndef CMD_UP_NOTIFY_H
#define CMD_UP_NOTIFY_H

/* "READY=1", "STOPPING=1"; several are separated by newlines. */
void up_notify(const char *state);

#endif
