#define _GNU_SOURCE
#include "net/fd_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/fd_channel_state.h"
#include "net/socket.h"

#define HEAD_BYTES 4
#define MESSAGES_PER_TURN 16

struct outgoing {
    struct list node;
    int fds[FD_CHANNEL_FDS_MAX]; /* ours; closed as soon as they have gone */
    size_t fd_count;
    size_t len;
    size_t sent;
    uint8_t bytes[];
};

struct fd_channel {
    uv_poll_t poll;
    struct loop_task end_task;
    struct list peer_node; /* on its listener's list, if there is one */
    struct loop *loop;
    int fd;
    const struct fd_channel_events *events;
    void *owner;
    bool is_ended;    /* on_closed comes at the end of this iteration */
    bool is_disposed; /* waits for its handle to close */
    bool is_unheard;  /* the other end reads no more; what it said before is still read */
    struct why why;
    struct list queue; /* struct outgoing */
    size_t queue_count;
    /* the message that is arriving */
    uint8_t bytes[HEAD_BYTES + FD_CHANNEL_PAYLOAD_MAX];
    size_t len;
    int fds[FD_CHANNEL_FDS_MAX];
    size_t fd_count;
};

static void close_all(int *fds, size_t *count) {
    for (size_t i = 0; i < *count; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    *count = 0;
}

/* ---- the end ---- */

static void free_outgoing(struct fd_channel *channel, struct outgoing *message) {
    list_remove(&message->node);
    channel->queue_count--;
    close_all(message->fds, &message->fd_count);
    memory_free(message);
}

static void clear_queue(struct fd_channel *channel) {
    while (!list_is_empty(&channel->queue)) {
        free_outgoing(channel, CONTAINER_OF(channel->queue.next, struct outgoing, node));
    }
}

static void on_poll_closed(uv_handle_t *handle) {
    memory_free(handle->data);
}

static void dispose(struct fd_channel *channel) {
    channel->is_disposed = true;
    loop_task_cancel(&channel->end_task);
    list_remove(&channel->peer_node);
    clear_queue(channel);
    close_all(channel->fds, &channel->fd_count);
    uv_close((uv_handle_t *)&channel->poll, on_poll_closed);
    close(channel->fd);
}

static void on_end(struct loop_task *task) {
    struct fd_channel *channel = CONTAINER_OF(task, struct fd_channel, end_task);
    struct why why = channel->why;
    const struct fd_channel_events *events = channel->events;
    dispose(channel);
    events->on_closed(channel->owner, channel, &why);
}

static void end(struct fd_channel *channel, const char *slug, const char *text) {
    channel->is_ended = true;
    (void)why_set(&channel->why, STATUS_CLOSED, slug, "%s", text);
    uv_poll_stop(&channel->poll);
    loop_task_schedule(channel->loop, &channel->end_task);
}

void fd_channel_free(struct fd_channel **at) {
    struct fd_channel *channel = *at;
    *at = NULL;
    if (channel != NULL && !channel->is_disposed) {
        dispose(channel);
    }
}

/* ---- receiving ---- */

/* Takes what came along into the channel's keeping. False if there is more than a message may have. */
static bool take_fds(struct fd_channel *channel, struct msghdr *header) {
    bool is_good = (header->msg_flags & MSG_CTRUNC) == 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
            if (channel->fd_count == FD_CHANNEL_FDS_MAX) {
                close(fd);
                is_good = false;
                continue;
            }
            channel->fds[channel->fd_count++] = fd;
        }
    }
    return is_good;
}

static size_t payload_len(const struct fd_channel *channel) {
    return (size_t)channel->bytes[2] << 8 | channel->bytes[3];
}

/* Never beyond the end of a message, so that no descriptor of the next comes with this one. */
static size_t wanted_len(const struct fd_channel *channel) {
    return channel->len < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + payload_len(channel);
}

enum received { RECEIVED_SOME, RECEIVED_NOTHING, RECEIVED_END };

static enum received receive(struct fd_channel *channel) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FD_CHANNEL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {channel->bytes + channel->len, wanted_len(channel) - channel->len};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(channel->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return RECEIVED_NOTHING;
    }
    if (got < 0) {
        end(channel, "channel_failed", strerror(errno));
        return RECEIVED_END;
    }
    bool has_fds_before = channel->fd_count > 0;
    bool is_good = take_fds(channel, &header);
    bool is_misplaced = channel->len > 0 && !has_fds_before && channel->fd_count > 0;
    if (!is_good || is_misplaced) {
        end(channel, "channel_invalid", "descriptors came that no message announces");
        return RECEIVED_END;
    }
    if (got == 0) {
        bool is_orderly = channel->len == 0;
        end(channel, is_orderly ? "closed" : "channel_invalid",
            is_orderly ? "closed" : "ended in the middle of a message");
        return RECEIVED_END;
    }
    channel->len += (size_t)got;
    return RECEIVED_SOME;
}

static bool is_head_valid(const struct fd_channel *channel) {
    return channel->bytes[1] == channel->fd_count && payload_len(channel) <= FD_CHANNEL_PAYLOAD_MAX;
}

static void deliver(struct fd_channel *channel) {
    int fds[FD_CHANNEL_FDS_MAX];
    size_t fd_count = channel->fd_count;
    memcpy(fds, channel->fds, sizeof(fds));
    struct fd_channel_message message = {
        .type = channel->bytes[0],
        .payload = str_make(channel->bytes + HEAD_BYTES, payload_len(channel)),
        .fds = fds,
        .fd_count = fd_count,
    };
    channel->fd_count = 0;
    channel->len = 0;
    channel->events->on_message(channel->owner, channel, &message);
    close_all(fds, &fd_count);
}

static void read_messages(struct fd_channel *channel) {
    int budget = MESSAGES_PER_TURN;
    while (budget > 0 && !channel->is_disposed && !channel->is_ended) {
        if (receive(channel) != RECEIVED_SOME) {
            return;
        }
        if (channel->len >= HEAD_BYTES && !is_head_valid(channel)) {
            end(channel, "channel_invalid", "a message's head is malformed");
            return;
        }
        if (channel->len >= HEAD_BYTES && channel->len == wanted_len(channel)) {
            deliver(channel);
            budget--;
        }
    }
}

/* ---- sending ---- */

static ssize_t send_some(const struct fd_channel *channel, const struct outgoing *message) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FD_CHANNEL_FDS_MAX * sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)(message->bytes + message->sent),
                         message->len - message->sent};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (message->fd_count > 0) {
        size_t fds_bytes = message->fd_count * sizeof(int);
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(fds_bytes);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds_bytes);
        memcpy(CMSG_DATA(rights), message->fds, fds_bytes);
    }
    return sendmsg(channel->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct fd_channel *channel) {
    bool has_output = !list_is_empty(&channel->queue);
    uv_poll_start(&channel->poll, UV_READABLE | (has_output ? UV_WRITABLE : 0), on_poll);
}

static void flush(struct fd_channel *channel) {
    while (!list_is_empty(&channel->queue)) {
        struct outgoing *message = CONTAINER_OF(channel->queue.next, struct outgoing, node);
        ssize_t sent = send_some(channel, message);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            break;
        }
        if (sent < 0) {
            /* What it said before it went away is still to be read, and then its end. */
            channel->is_unheard = true;
            clear_queue(channel);
            shutdown(channel->fd, SHUT_WR);
            break;
        }
        close_all(message->fds, &message->fd_count);
        message->sent += (size_t)sent;
        if (message->sent == message->len) {
            free_outgoing(channel, message);
        }
    }
    watch(channel);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct fd_channel *channel = poll->data;
    if (status < 0 || (events & UV_READABLE)) {
        read_messages(channel);
    }
    if (!channel->is_disposed && !channel->is_ended && (status < 0 || (events & UV_WRITABLE))) {
        flush(channel);
    }
}

static bool duplicate_fds(struct outgoing *message, const int *fds, size_t fd_count) {
    for (size_t i = 0; i < fd_count; i++) {
        int fd = socket_dup(fds[i]);
        if (fd < 0) {
            close_all(message->fds, &message->fd_count);
            return false;
        }
        message->fds[message->fd_count++] = fd;
    }
    return true;
}

enum status fd_channel_send(struct fd_channel *channel, uint8_t type, struct str payload,
                            const int *fds, size_t fd_count) {
    if (payload.len > FD_CHANNEL_PAYLOAD_MAX || fd_count > FD_CHANNEL_FDS_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (channel->is_ended || channel->is_disposed || channel->is_unheard) {
        return STATUS_CLOSED;
    }
    if (channel->queue_count == FD_CHANNEL_QUEUE_MAX) {
        return STATUS_AGAIN;
    }
    struct outgoing *message = memory_new(sizeof(*message) + HEAD_BYTES + payload.len);
    list_init(&message->node);
    if (!duplicate_fds(message, fds, fd_count)) {
        memory_free(message);
        return STATUS_FAILED;
    }
    uint8_t head[HEAD_BYTES] = {type, (uint8_t)fd_count, (uint8_t)(payload.len >> 8),
                                (uint8_t)payload.len};
    memcpy(message->bytes, head, HEAD_BYTES);
    if (payload.len > 0) {
        memcpy(message->bytes + HEAD_BYTES, payload.at, payload.len);
    }
    message->len = HEAD_BYTES + payload.len;
    list_append(&channel->queue, &message->node);
    channel->queue_count++;
    if (channel->queue_count == 1) {
        flush(channel);
    }
    return STATUS_OK;
}

/* ---- made ---- */

enum status fd_channel_adopt(struct loop *loop, int fd, const struct fd_channel_events *events,
                             void *owner, struct fd_channel **out, struct why *why) {
    uid_t uid;
    if (socket_peer_uid(fd, &uid) != STATUS_OK || (uid != geteuid() && uid != 0)) {
        close(fd);
        return why_set(why, STATUS_DENIED, "channel_denied",
                       "the other end of the channel is another user's");
    }
    struct fd_channel *channel = MEMORY_NEW(struct fd_channel);
    int error = uv_poll_init(loop_uv(loop), &channel->poll, fd);
    if (error != 0) {
        close(fd);
        memory_free(channel);
        return why_set(why, STATUS_FAILED, "channel_failed", "cannot watch the channel: %s",
                       uv_strerror(error));
    }
    channel->poll.data = channel;
    channel->loop = loop;
    channel->fd = fd;
    channel->events = events;
    channel->owner = owner;
    list_init(&channel->queue);
    list_init(&channel->peer_node);
    loop_task_init(&channel->end_task, on_end);
    watch(channel);
    *out = channel;
    return STATUS_OK;
}

static enum status explain_connect(const char *path, int error, struct why *why) {
    switch (error) {
    case ENOENT:
    case ECONNREFUSED:
        return why_set(why, STATUS_NOT_FOUND, "channel_absent", "nobody listens at %.150s", path);
    case EACCES:
    case EPERM:
        return why_set(why, STATUS_DENIED, "channel_denied", "not allowed to connect to %.150s",
                       path);
    case EAGAIN:
        return why_set(why, STATUS_UNAVAILABLE, "channel_busy", "%.150s takes nobody at the moment",
                       path);
    default:
        return why_set(why, STATUS_FAILED, "channel_failed", "cannot connect to %.150s: %s", path,
                       strerror(error));
    }
}

enum status fd_channel_connect(struct loop *loop, const char *path,
                               const struct fd_channel_events *events, void *owner,
                               struct fd_channel **channel, struct why *why) {
    struct address address;
    int fd;
    if (socket_unix_address(path, &address) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "channel_path", "%.150s is too long for a socket",
                       path);
    }
    if (socket_connect(&address, &fd) != 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return explain_connect(path, error, why);
    }
    return fd_channel_adopt(loop, fd, events, owner, channel, why);
}

void fd_channel_set_events(struct fd_channel *channel, const struct fd_channel_events *events,
                           void *owner) {
    channel->events = events;
    channel->owner = owner;
}

struct list *fd_channel_peer_node(struct fd_channel *channel) {
    return &channel->peer_node;
}
