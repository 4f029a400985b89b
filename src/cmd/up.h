/* up.h: `mezusphere up`: control plane and edge in one process, on one port. */
#ifndef CMD_UP_H
#define CMD_UP_H

#include <stdint.h>

#include "base/secret.h"

struct up_config {
    const char *data;
    const char *listen;
    const char *domain;
    const char *public_port;
    const char *admin_email;
    struct secret admin_password;
    bool is_demo;
    bool is_replacing; /* take over from the process that runs with the same data */
    int argc;          /* the command line, to start a successor by */
    char **argv;
    unsigned worker_count;     /* 1 to 8 */
    size_t memory_limit_bytes; /* 0: what the system has for this process */
    size_t visitor_max;        /* 0: no limit */
    int64_t grace_ms;          /* for what runs when it is told to stop */
};

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int up_run(struct up_config *config);

#endif
