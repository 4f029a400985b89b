/* up_state.h: what `mezusphere up` and `mezusphere control` are made of. Private to src/cmd; one loop thread. */
#ifndef CMD_UP_STATE_H
#define CMD_UP_STATE_H

#include "cmd/demo.h"
#include "cmd/up.h"
#include "cmd/up_process.h"
#include "control/control.h"
#include "edge/edge.h"

struct up {
    struct up_process process;
    struct up_config *config;
    struct control *control; /* NULL while a successor may have it */
    struct edge *edge;       /* NULL in a control plane alone */
    struct demo *demo;
    struct loop_timer demo_timer;
    int64_t demo_started_ms;
    char demo_url[512];
    char demo_host[256];
    char public_address[300];
    char
        own_address[300]; /* of a control plane alone: where edges and clients of the API find it */
    uint16_t public_port;
    up_done_fn on_released;
    void *released_context;
};

#endif
