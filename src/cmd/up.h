/* up.h: `mezusphere up`: control plane and edge in one process, on one port.
 *
 * up_run makes the parts in the order in which they need each other: listening sockets, the control plane with its store, the edge. The
 * edge's feed goes to the control plane over a socket pair, and only when the edge has the whole configuration are visitors let in.
 * Everything of the control plane, and the edge's first worker, is on the loop of the thread that calls up_run; the edge has a
 * thread for each further worker (edge.h). The configuration is borrowed until up_run returns; the password in it is wiped once the store is open.
 * What goes wrong before it serves ends the process (status 1, one line that says why); what goes wrong later is logged.
 * Stopping and being replaced: docs/operations.md. What it has in common with `control` and `edge` is in up_process.h.
 */
#ifndef CMD_UP_H
#define CMD_UP_H

#include <stdint.h>

#include "base/option.h"
#include "base/secret.h"
#include "base/status.h"
#include "cmd/database_option.h"
#include "cmd/master_key_option.h"
#include "cmd/up_process.h"
#include "control/control.h"
#include "edge/edge.h"

struct up_config {
    const char *data;
    const char *listen;
    const char *domain;
    const char *public_port;
    struct secret database; /* URL; empty: a file in `data` */
    struct master_key_option master_key;
    struct option_list control_addresses; /* where edges find the control planes; empty: here */
    const char *admin_email;
    struct secret admin_password;
    bool only_operators_make_organizations;
    struct control_mail mail;
    int64_t deletion_grace_ms;
    bool is_demo;
    bool is_replacing; /* take over from the process that runs with the same data */
    int argc;          /* the command line, to start a successor by */
    char **argv;
    unsigned worker_count;     /* 1 to 8 */
    size_t memory_limit_bytes; /* 0: what the system has for this process */
    size_t visitor_max;        /* 0: no limit */
    uint32_t api_rate;         /* 0: the default */
    int64_t grace_ms;          /* for what runs when it is told to stop */
    unsigned audit_keep_days;
    unsigned warpgate_keep_days;
};

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int up_run(struct up_config *config);

/* For what `control` has in common with it (up_state.h). */

struct up;

/* The process's part of the configuration. */
void up_configure_process(struct up *up, const struct up_kind *kind);
enum status up_make_control(struct up *up, struct why *why) MUST_USE;
/* Steps of both kinds (up_process.h). */
void up_release_control(struct up_process *process, up_done_fn done, void *context);
enum status up_reclaim_control(struct up_process *process, struct why *why) MUST_USE;

#endif
