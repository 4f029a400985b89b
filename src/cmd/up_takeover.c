/* up_takeover.c: the successor: asks the running process for its listening sockets, then for its data, and serves in its place.
 *
 * Whatever goes wrong before it serves ends this process, and the other one goes on as if nothing had happened.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/up_takeover.h"

struct up_takeover {
    struct up_process *process;
    struct fd_channel *channel;
    enum up_message expected; /* the next from the running process */
};

static void fail_because(enum status status, const char *slug, const char *text) {
    struct why why = {0};
    (void)why_set(&why, status, slug, "--replace: %s", text);
    up_process_fail(&why);
}

static void say(struct up_takeover *takeover, enum up_message message, struct str payload) {
    if (fd_channel_send(takeover->channel, (uint8_t)message, payload, NULL, 0) != STATUS_OK) {
        fail_because(STATUS_FAILED, "replace_lost", "the running process does not listen");
    }
}

static void take_sockets(struct up_takeover *takeover, struct fd_channel_message *message) {
    struct up_process *process = takeover->process;
    struct why why = {0};
    for (size_t i = 0; i < message->fd_count && i < EDGE_LISTENERS_MAX; i++) {
        if (up_listen_take(&process->listeners, message->fds[i], &why) != STATUS_OK) {
            up_process_fail(&why);
        }
        message->fds[i] = -1; /* ours now */
    }
    if (process->listeners.count == 0) {
        fail_because(STATUS_INVALID, "replace_malformed", "the running process has no sockets");
    }
    if (buf_append_str(&process->ticket_keys, message->payload) != STATUS_OK) {
        fail_because(STATUS_TOO_LARGE, "replace_malformed", "too many ticket keys");
    }
    takeover->expected = UP_MESSAGE_RELEASED;
    say(takeover, UP_MESSAGE_RELEASE, STR_EMPTY);
}

static void take_released(struct up_takeover *takeover, struct str tunnels) {
    struct why why = {0};
    if (str_to_u64(tunnels, UINT32_MAX, &takeover->process->expected_tunnels) != STATUS_OK) {
        fail_because(STATUS_INVALID, "replace_malformed", "the running process is of another kind");
    }
    takeover->expected = UP_MESSAGE_NONE;
    if (takeover->process->kind->make(takeover->process, &why) != STATUS_OK) {
        up_process_fail(&why);
    }
}

static void on_message(void *owner, struct fd_channel *channel,
                       struct fd_channel_message *message) {
    struct up_takeover *takeover = owner;
    (void)channel;
    if (takeover->expected == UP_MESSAGE_NONE) {
        return;
    }
    if (message->type == UP_MESSAGE_REFUSED) {
        fail_because(STATUS_UNAVAILABLE, "replace_refused",
                     "the running process cannot be replaced now: it is starting, stopping, being "
                     "replaced, or of another version or kind");
    }
    if (message->type != takeover->expected) {
        return;
    }
    if (message->type == UP_MESSAGE_SOCKETS) {
        take_sockets(takeover, message);
        return;
    }
    take_released(takeover, message->payload);
}

static void on_closed(void *owner, struct fd_channel *channel, const struct why *why) {
    struct up_takeover *takeover = owner;
    (void)channel;
    (void)why;
    takeover->channel = NULL;
    if (takeover->process->phase == UP_STARTING) {
        fail_because(STATUS_CLOSED, "replace_lost", "the running process took everything back");
    }
    takeover->process->takeover = NULL;
    memory_free(takeover);
}

static const struct fd_channel_events events = {.on_message = on_message, .on_closed = on_closed};

/* Nobody to replace: as without --replace. */
static void start_alone(struct up_process *process) {
    struct why why = {0};
    log_info("mezusphere.nobody_to_replace", "data=%s", process->data);
    if (up_listen_open(process->listen, &process->listeners, &why) != STATUS_OK ||
        process->kind->make(process, &why) != STATUS_OK) {
        up_process_fail(&why);
    }
}

void up_takeover_start(struct up_process *process) {
    char path[PATH_MAX];
    struct why why = {0};
    struct up_takeover *takeover = MEMORY_NEW(struct up_takeover);
    takeover->process = process;
    takeover->expected = UP_MESSAGE_SOCKETS;
    (void)snprintf(path, sizeof path, "%s/%s", process->data, UP_CHANNEL_NAME);
    enum status status =
        fd_channel_connect(process->loop, path, &events, takeover, &takeover->channel, &why);
    if (status == STATUS_NOT_FOUND) {
        memory_free(takeover);
        start_alone(process);
        return;
    }
    if (status != STATUS_OK) {
        up_process_fail(&why);
    }
    process->takeover = takeover;
    say(takeover, UP_MESSAGE_TAKE, str_from(process->kind->version));
}

void up_takeover_finish(struct up_process *process) {
    if (process->takeover != NULL) {
        say(process->takeover, UP_MESSAGE_SERVING, STR_EMPTY);
        /* the other end closes when it has read that */
    }
}
