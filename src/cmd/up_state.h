/* up_state.h: what the parts of `mezusphere up` share. Private to src/cmd; one loop thread.
 *
 *   up.c           its parts, in the order in which they need each other; its beginning and its end
 *   up_listen.c    where the listening sockets come from
 *   up_handover.c  the running process gives way to a successor
 *   up_takeover.c  the successor
 *   up_reload.c    SIGHUP: the running process starts its successor itself
 *   up_memory.c    how much memory there is for us
 *   up_notify.c    what the service manager is told
 */
#ifndef CMD_UP_STATE_H
#define CMD_UP_STATE_H

#include "base/buf.h"
#include "cmd/demo.h"
#include "cmd/up.h"
#include "cmd/up_listen.h"
#include "control/control.h"
#include "edge/edge.h"
#include "net/fd_channel.h"

/* The socket in the data folder by which a successor finds the running process. */
#define UP_CHANNEL_NAME "mezusphere.sock"
#define UP_CHANNEL_VERSION "1"

/* What the two say to each other, in this order. */
enum up_message {
    UP_MESSAGE_NONE,    /* never sent: nothing is due */
    UP_MESSAGE_TAKE,    /* successor: I want to replace you; payload: UP_CHANNEL_VERSION */
    UP_MESSAGE_SOCKETS, /* running: here are the listening sockets; payload: keys of session tickets */
    UP_MESSAGE_RELEASE, /* successor: I have got all I need but the store */
    UP_MESSAGE_RELEASED, /* running: I accept no more, and the store is closed; payload: how many tunnels I have */
    UP_MESSAGE_SERVING, /* successor: I accept; finish what you have */
    UP_MESSAGE_REFUSED, /* running: not now; payload: why */
};

enum up_phase {
    UP_STARTING, /* not accepting yet */
    UP_SERVING,
    UP_HANDING,  /* a successor is asking for everything, and may still fail */
    UP_STOPPING, /* finishing what runs */
};

struct up_handover;
struct up_takeover;
struct up_reload;

struct up {
    struct up_config *config;
    struct loop *loop;
    enum up_phase phase;
    struct up_listeners listeners;
    struct buf ticket_keys;  /* of the process that this one replaces; a secret */
    struct control *control; /* NULL while a successor may have it */
    struct edge *edge;
    struct demo *demo;
    struct up_handover *handover; /* NULL: this process cannot be replaced in place */
    struct up_takeover *takeover; /* NULL: nothing was, or is any more, to be taken over */
    struct up_reload *reload;
    struct loop_timer demo_timer;
    int64_t demo_started_ms;
    char demo_url[512];
    char demo_host[256];
    char public_address[300];
    uint16_t public_port;
    uint64_t expected_tunnels; /* that the former process had */
    int64_t serving_since_ms;
    bool is_stop_asked; /* by a signal */
    int64_t stop_asked_at_ms;
};

#endif
