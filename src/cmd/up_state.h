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
    UP_MESSAGE_TAKE = 1, /* successor: I want to replace you; payload: UP_CHANNEL_VERSION */
    UP_MESSAGE_SOCKETS, /* running: here are the listening sockets; payload: keys of session tickets */
    UP_MESSAGE_RELEASE,  /* successor: I have got all I need but the store */
    UP_MESSAGE_RELEASED, /* running: I accept no more, and the store is closed */
    UP_MESSAGE_SERVING,  /* successor: I accept; finish what you have */
    UP_MESSAGE_REFUSED,  /* running: not now; payload: why */
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
    unsigned running; /* parts that have not ended yet */
    int64_t stopping_since_ms;
};

/* Ends the process, saying why: what was made goes back to the system with it. Before it serves, and nowhere else. */
_Noreturn void up_fail(const struct why *why);

/* Everything behind the listening sockets, which are there. */
enum status up_make_parts(struct up *up, struct why *why) MUST_USE;
enum status up_make_control(struct up *up, struct why *why) MUST_USE;
/* Accepts, on every worker. */
enum status up_open(struct up *up, struct why *why) MUST_USE;
/* The edge's part of the end, and with it the process's. */
void up_end(struct up *up, enum edge_farewell farewell);

/* up_handover.c */
/* Begins to wait for a successor. When that is not possible, it is logged, and the handover is NULL. */
void up_handover_start(struct up *up);
/* No successor may come any more. */
void up_handover_stop(struct up *up);

/* up_takeover.c */
/* Asks the running process for its sockets, and then goes on with up_make_parts; at once where nobody runs. */
void up_takeover_start(struct up *up);
/* This process accepts: the other one may go. */
void up_takeover_finish(struct up *up);

/* up_reload.c */
void up_reload_start(struct up *up);
void up_reload_stop(struct up *up);

/* up_memory.c */
/* What this process may use by default: its control group's limit, or most of the machine's memory. */
size_t up_memory_limit(void);

/* up_notify.c */
/* Tells the service manager, if there is one (sd_notify): "READY=1", "STOPPING=1"; several are separated by newlines. */
void up_notify(const char *state);

#endif
