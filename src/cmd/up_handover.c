/* up_handover.c: the running process gives way to a successor, in place: no connection is refused and no request fails.
 *
 * Until the successor says that it serves, everything can be taken back: when it goes away, or takes too long, this process has
 * its data back (the store, or an edge's folder) and goes on. In between nobody accepts: what arrives waits in the listening sockets, which both have. Told to stop
 * meanwhile, it lets the hand-over come to its end, and ends itself either way.
 */
#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/up_handover.h"

/* from letting go of the data until the successor serves */
#define PATIENCE_MS 20000
/* A process that has just taken over waits for the tunnels of the former one, which are on their way to it: its visitors are waiting
 * for them. So long at the most, looking so often. */
#define SETTLE_MS 3000
#define SETTLE_CHECK_MS 10
/* between two tries to have the data back */
#define RECLAIM_MS 200

enum handover_state {
    HANDOVER_WAITING, /* nobody is there, or one that has not asked, or was refused */
    HANDOVER_OFFERED, /* a successor has the sockets; nothing has changed */
    HANDOVER_SETTLING, /* it wants the data; this process has just taken over itself, and gets its tunnels first */
    HANDOVER_CLOSING,      /* it wants the data: accepting ends, then they are let go of */
    HANDOVER_CLOSING_LOST, /* as above, but it has gone: what is under way comes to its end first */
    HANDOVER_RELEASED,     /* the data are its */
    HANDOVER_RECLAIMING    /* it is gone: the data are to be ours again */
};

struct up_handover {
    struct up_process *process;
    enum handover_state state;
    struct fd_channel_listener *listener;
    struct fd_channel
        *channel; /* the successor, or one that was refused and has not left; NULL: none */
    struct loop_timer timer; /* the state's own: of SETTLING, RELEASED and RECLAIMING */
};

static void set_state(struct up_handover *handover, enum handover_state state) {
    loop_timer_clear(&handover->timer);
    handover->state = state;
}

static void go_on_serving(struct up_handover *handover) {
    struct why why = {0};
    if (handover->process->kind->open(handover->process, &why) != STATUS_OK) {
        log_error("mezusphere.not_listening", "code=%s detail=%s", why.slug, why.text);
    }
    set_state(handover, HANDOVER_WAITING);
    handover->process->phase = UP_SERVING;
    log_warn("mezusphere.not_replaced", "the successor did not come up: this process goes on");
}

/* The successor did not come up. A process that was told to stop meanwhile has nothing to take back. */
static void take_back(struct up_handover *handover) {
    struct up_process *process = handover->process;
    if (process->is_stop_asked) {
        log_info("mezusphere.stopping", "the successor did not come up");
        process->kind->end(process, EDGE_FAREWELL_STOP);
        return;
    }
    struct why why = {0};
    if (process->kind->reclaim(process, &why) != STATUS_OK) {
        /* the successor may still hold them for a moment */
        log_warn("mezusphere.data_not_back", "code=%s detail=%s", why.slug, why.text);
        set_state(handover, HANDOVER_RECLAIMING);
        loop_timer_set(&handover->timer, RECLAIM_MS);
        return;
    }
    go_on_serving(handover);
}

static void settle(struct up_handover *handover);

static void on_timer(struct loop_timer *timer) {
    struct up_handover *handover = timer->context;
    if (handover->state == HANDOVER_SETTLING) {
        settle(handover);
    } else if (handover->state == HANDOVER_RECLAIMING) {
        take_back(handover);
    } else if (handover->state == HANDOVER_RELEASED) {
        log_warn("mezusphere.successor_slow", "it has not begun to serve in %d s",
                 PATIENCE_MS / 1000);
        fd_channel_free(&handover->channel); /* it ends when it sees that */
        take_back(handover);
    }
}

static void tell(struct up_handover *handover, enum up_message message, struct str payload) {
    if (handover->channel != NULL &&
        fd_channel_send(handover->channel, (uint8_t)message, payload, NULL, 0) != STATUS_OK) {
        log_warn("mezusphere.successor_deaf", "message=%d", (int)message);
    }
}

/* Steps towards letting go: fronts, then the data. */

static void on_data_released(void *context) {
    struct up_handover *handover = context;
    if (handover->state == HANDOVER_CLOSING_LOST) {
        take_back(handover);
        return;
    }
    set_state(handover, HANDOVER_RELEASED);
    log_info("mezusphere.released", "the successor has the data");
    loop_timer_set(&handover->timer, PATIENCE_MS);
    char tunnels[24];
    (void)snprintf(tunnels, sizeof tunnels, "%zu",
                   handover->process->kind->count_tunnels(handover->process));
    tell(handover, UP_MESSAGE_RELEASED, str_from(tunnels));
}

static void on_fronts_closed(void *context) {
    struct up_handover *handover = context;
    if (handover->state == HANDOVER_CLOSING_LOST) {
        take_back(handover);
        return;
    }
    handover->process->kind->release(handover->process, on_data_released, handover);
}

static void settle(struct up_handover *handover) {
    struct up_process *process = handover->process;
    bool is_settled = process->kind->count_tunnels(process) >= process->expected_tunnels ||
                      loop_now_ms(process->loop) - process->serving_since_ms > SETTLE_MS;
    if (process->phase == UP_SERVING && !is_settled) {
        loop_timer_set(&handover->timer, SETTLE_CHECK_MS);
        return;
    }
    log_info("mezusphere.replacing", "a successor takes over");
    set_state(handover, HANDOVER_CLOSING);
    process->phase = UP_HANDING;
    process->kind->close(process, on_fronts_closed, handover);
}

/* What the successor says */

static void take_take(struct up_handover *handover, struct str payload) {
    struct up_process *process = handover->process;
    uint8_t keys[TLS_TICKET_BLOB_MAX];
    if (handover->state != HANDOVER_WAITING || process->phase != UP_SERVING ||
        !str_eq(payload, str_from(process->kind->version))) {
        tell(handover, UP_MESSAGE_REFUSED,
             STR("it is starting, stopping, or of another version or kind"));
        return;
    }
    size_t len = process->kind->export_tickets(process, keys);
    set_state(handover, HANDOVER_OFFERED);
    if (fd_channel_send(handover->channel, UP_MESSAGE_SOCKETS, str_make((const char *)keys, len),
                        process->listeners.fds, process->listeners.count) != STATUS_OK) {
        log_warn("mezusphere.successor_deaf", "it cannot be given the sockets");
        set_state(handover, HANDOVER_WAITING);
        fd_channel_free(&handover->channel);
    }
    secret_wipe(keys, sizeof keys);
}

static void take_release(struct up_handover *handover, struct str payload) {
    (void)payload;
    if (handover->state != HANDOVER_OFFERED || handover->process->phase != UP_SERVING) {
        tell(handover, UP_MESSAGE_REFUSED, STR("it is stopping"));
        return;
    }
    set_state(handover, HANDOVER_SETTLING);
    settle(handover);
}

static void take_serving(struct up_handover *handover, struct str payload) {
    (void)payload;
    if (handover->state != HANDOVER_RELEASED) {
        return;
    }
    struct up_process *process = handover->process;
    log_info("mezusphere.replaced", "the successor serves; finishing what runs");
    process->kind->end(process, EDGE_FAREWELL_REPLACE);
}

static const struct {
    enum up_message message;
    void (*take)(struct up_handover *handover, struct str payload);
} takers[] = {
    {UP_MESSAGE_TAKE, take_take},
    {UP_MESSAGE_RELEASE, take_release},
    {UP_MESSAGE_SERVING, take_serving},
};

static void on_message(void *owner, struct fd_channel *channel,
                       struct fd_channel_message *message) {
    struct up_handover *handover = owner;
    (void)channel;
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (message->type == takers[i].message) {
            takers[i].take(handover, message->payload);
            return;
        }
    }
}

static void on_closed(void *owner, struct fd_channel *channel, const struct why *why) {
    struct up_handover *handover = owner;
    (void)channel;
    (void)why;
    handover->channel = NULL;
    switch (handover->state) {
    case HANDOVER_OFFERED:
    case HANDOVER_SETTLING:
        set_state(handover, HANDOVER_WAITING);
        return;
    case HANDOVER_CLOSING:
        set_state(handover, HANDOVER_CLOSING_LOST);
        return;
    case HANDOVER_RELEASED:
        take_back(handover);
        return;
    case HANDOVER_WAITING:
    case HANDOVER_CLOSING_LOST:
    case HANDOVER_RECLAIMING:
        return; /* it was another, and refused */
    }
}

static const struct fd_channel_events events = {.on_message = on_message, .on_closed = on_closed};

/* One successor at a time: the newest, until this process has begun to give way to one. One that hangs must not keep the others out. */
static void on_accept(void *context, struct fd_channel *channel) {
    struct up_handover *handover = context;
    bool is_early = handover->state == HANDOVER_WAITING || handover->state == HANDOVER_OFFERED;
    if (handover->channel != NULL && !is_early) {
        fd_channel_free(&channel);
        return;
    }
    if (handover->channel != NULL) {
        log_warn("mezusphere.successor_outrun", "another one has come before it was ready");
        fd_channel_free(&handover->channel); /* it ends when it sees that */
        set_state(handover, HANDOVER_WAITING);
    }
    handover->channel = channel;
    fd_channel_set_events(channel, &events, handover);
}

/* Life */

void up_handover_start(struct up_process *process) {
    char path[PATH_MAX];
    struct why why = {0};
    struct up_handover *handover = MEMORY_NEW(struct up_handover);
    handover->process = process;
    (void)snprintf(path, sizeof path, "%s/%s", process->data, UP_CHANNEL_NAME);
    if (fd_channel_listen(process->loop, path, true, on_accept, handover, &handover->listener,
                          &why) != STATUS_OK) {
        log_warn("mezusphere.not_replaceable", "code=%s detail=%s: stop it to start another",
                 why.slug, why.text);
        memory_free(handover);
        return;
    }
    loop_timer_init(&handover->timer, process->loop, on_timer, handover);
    process->handover = handover;
}

static void free_handover(struct loop_timer *timer) {
    memory_free(timer->context);
}

void up_handover_stop(struct up_process *process) {
    struct up_handover *handover = process->handover;
    process->handover = NULL;
    if (handover == NULL) {
        return;
    }
    fd_channel_free(&handover->channel);
    fd_channel_listener_free(&handover->listener);
    loop_timer_close(&handover->timer, free_handover);
}
