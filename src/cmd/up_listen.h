/* up_listen.h: where the listening sockets come from: made here, left open by a service manager, or handed over by the process that
 * this one replaces. */
#ifndef CMD_UP_LISTEN_H
#define CMD_UP_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "edge/edge.h"

struct up_listeners {
    int fds[EDGE_LISTENERS_MAX]; /* owned */
    size_t count;
};

/* The service manager's, if it left any (LISTEN_FDS), else one on "IP:PORT". STATUS_INVALID, STATUS_CONFLICT, STATUS_DENIED,
 * STATUS_FAILED with a why that names --listen. */
enum status up_listen_open(const char *listen, struct up_listeners *listeners,
                           struct why *why) MUST_USE;
/* One from another process; taken if it is what it should be. STATUS_INVALID. */
enum status up_listen_take(struct up_listeners *listeners, int fd, struct why *why) MUST_USE;
void up_listen_close(struct up_listeners *listeners);
/* Where the first one listens. */
void up_listen_address(const struct up_listeners *listeners, struct address *address);

#endif
