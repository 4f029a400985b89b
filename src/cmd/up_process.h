/* up_process.h: what `mezusphere up`, `control` and `edge` have in common as processes: a folder, listening sockets, a beginning, an end,
 * and a successor that may take all of it over. What each is made of, its kind tells. Private to src/cmd; one loop thread.
 *
 *   up_process.c   the beginning, serving, signals
 *   up_listen.c    where the listening sockets come from
 *   up_handover.c  the running process gives way to a successor
 *   up_takeover.c  the successor
 *   up_reload.c    SIGHUP: the running process starts its successor itself
 *   up_memory.c    how much memory there is for us
 *   up_notify.c    what the service manager is told
 *
 * What goes wrong before it serves ends the process (status 1, one line that says why); what goes wrong later is logged.
 */
#ifndef CMD_UP_PROCESS_H
#define CMD_UP_PROCESS_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"
#include "cmd/up_listen.h"
#include "edge/edge.h"
#include "net/fd_channel.h"
#include "net/loop.h"

/* The socket in the data folder by which a successor finds the running process. */
#define UP_CHANNEL_NAME "mezusphere.sock"
#define UP_SECRETS_MAX 4

/* What the two say to each other, in this order. */
enum up_message {
    UP_MESSAGE_NONE,    /* never sent: nothing is due */
    UP_MESSAGE_TAKE,    /* successor: I want to replace you; payload: the kind's version */
    UP_MESSAGE_SOCKETS, /* running: here are the listening sockets; payload: keys of session tickets */
    UP_MESSAGE_RELEASE, /* successor: I have got all I need but the data */
    UP_MESSAGE_RELEASED, /* running: I accept no more, and have let go of the data; payload: how many tunnels I have */
    UP_MESSAGE_SERVING, /* successor: I accept; finish what you have */
    UP_MESSAGE_REFUSED, /* running: not now; payload: why */
};

enum up_phase {
    UP_STARTING, /* not accepting yet */
    UP_SERVING,
    UP_HANDING,  /* a successor is asking for everything, and may still fail */
    UP_STOPPING, /* finishing what runs */
};

struct up_process;
typedef void (*up_done_fn)(void *context);

/* What a process of one kind does in each step. `done` is called once, and never from inside the call. */
struct up_kind {
    const char *version; /* of what is handed over; two that differ do not replace each other */
    /* Everything behind the listening sockets, which are there. up_process_serve follows, now or later. */
    enum status (*make)(struct up_process *process, struct why *why);
    enum status (*open)(struct up_process *process, struct why *why); /* accepts */
    /* Accepts no more; what is there goes on. Then it may be opened again. */
    void (*close)(struct up_process *process, up_done_fn done, void *context);
    /* Lets go of the data that only one may have: the store, or the folder. */
    void (*release)(struct up_process *process, up_done_fn done, void *context);
    /* Has them back, if they are gone. Tried again until it works. */
    enum status (*reclaim)(struct up_process *process, struct why *why);
    /* Finishes what runs, then stops the loop. */
    void (*end)(struct up_process *process, enum edge_farewell farewell);
    size_t (*export_tickets)(struct up_process *process, uint8_t out[TLS_TICKET_BLOB_MAX]);
    size_t (*count_tunnels)(struct up_process *process);
};

/* Reading it wiped its flag, and took its variable out of the environment. */
struct up_secret {
    const char *flag;            /* NULL: it has none */
    const char *variable;        /* NULL: a successor does not need it */
    const struct secret *secret; /* as it was read */
};

struct up_handover;
struct up_takeover;
struct up_reload;

struct up_process {
    const struct up_kind *kind;
    void *owner;        /* the kind's own */
    const char *data;   /* the folder */
    const char *listen; /* where no sockets are given */
    bool is_replacing;  /* take over from the process that runs with the same data */
    int argc;           /* the command line, to start a successor by */
    char **argv;
    struct up_secret secrets[UP_SECRETS_MAX];
    size_t secret_count;

    struct loop *loop;
    enum up_phase phase;
    struct up_listeners listeners;
    struct buf ticket_keys;       /* of the process that this one replaces; a secret */
    struct up_handover *handover; /* NULL: this process cannot be replaced in place */
    struct up_takeover *takeover; /* NULL: nothing was, or is any more, to be taken over */
    struct up_reload *reload;
    uint64_t expected_tunnels; /* that the former process had */
    int64_t serving_since_ms;
    bool is_stop_asked; /* by a signal */
    int64_t stop_asked_at_ms;
};

/* Ends the process, saying why: what was made goes back to the system with it. Before it serves, and nowhere else. */
_Noreturn void up_process_fail(const struct why *why);

/* Makes the loop, and the listening sockets or whoever hands them over; then the kind's parts. What stands before `loop` is set. */
void up_process_start(struct up_process *process);
/* All is there: accepts, and may be replaced from now on. */
void up_process_serve(struct up_process *process);
/* The kind's end begins: nobody comes, no successor either. */
void up_process_end(struct up_process *process);
/* The loop has ended, and the parts are gone. */
void up_process_fini(struct up_process *process);

#endif
