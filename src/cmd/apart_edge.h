/* apart_edge.h: `mezusphere edge`: an edge by itself: visitors and tunnels, apart from the control planes that it hears.
 *
 * The first start joins with a token (edge_join.h); every start reads what the last one knew from the data folder and serves by that at
 * once, whether or not a control plane can be reached. A successor may take over as with `up` (up_process.h). The configuration is borrowed until apart_edge_run returns; the secrets in it are wiped.
 */
#ifndef CMD_APART_EDGE_H
#define CMD_APART_EDGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "base/secret.h"

struct apart_edge_config {
    const char *data;
    const char *listen;
    struct secret join;
    struct option_list controls; /* host:port, or https URLs; empty: as the token says */
    const char *name;            /* NULL: the machine's */
    const char *public_address;  /* NULL: edge.<domain> and the port listened on */
    struct secret seal_key;      /* empty: a file in the data folder */
    unsigned worker_count;
    size_t memory_limit_bytes;
    size_t visitor_max;
    int64_t grace_ms;
    bool is_replacing; /* take over from the process that runs with the same data */
    int argc;          /* the command line, to start a successor by */
    char **argv;
};

/* Runs until SIGTERM or SIGINT; returns the exit status: 0, 1, or 3: the control plane refuses the token. */
int apart_edge_run(struct apart_edge_config *config);

#endif
