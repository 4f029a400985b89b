/* listen_fds.h: listening sockets that a service manager made and left open for us (systemd's socket activation: LISTEN_PID,
 * LISTEN_FDS, LISTEN_FDNAMES; the descriptors are 3 and following).
 *
 * Taken once, early in main, while there is one thread: the variables are removed, so that no child takes them for its own, and the
 * descriptors are closed on exec. They belong to the caller; front_adopt says whether one is what it should be.
 */
#ifndef NET_LISTEN_FDS_H
#define NET_LISTEN_FDS_H

#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

#define LISTEN_FDS_MAX 16
#define LISTEN_FDS_FIRST 3
#define LISTEN_FDS_NAME_SIZE 256

struct listen_fds {
    size_t count; /* 0: none were left for us */
    int fds[LISTEN_FDS_MAX];
    char names[LISTEN_FDS_MAX][LISTEN_FDS_NAME_SIZE]; /* FileDescriptorName=, or "unknown" */
};

/* STATUS_INVALID (slug listen_fds_invalid): the variables are malformed, or name a descriptor that is not open. */
enum status listen_fds_take(struct listen_fds *taken, struct why *why) MUST_USE;

/* What the variables say, without side effects; a text is NULL where there is none. Variables of another process leave the count
 * at 0. STATUS_INVALID. */
enum status listen_fds_parse(const char *pid_text, const char *fds_text, const char *names_text,
                             int own_pid, struct listen_fds *parsed, struct why *why) MUST_USE;

#endif
