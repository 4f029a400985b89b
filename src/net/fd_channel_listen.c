/* The socket file: where it may lie, who may come, and how a dead process's one is told from a living one's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/fd_channel_state.h"
#include "net/socket.h"

#define BACKLOG 8
#define PAUSE_MS 100

struct fd_channel_listener {
    uv_poll_t poll;
    struct loop_timer pause; /* out of descriptors */
    struct loop *loop;
    int fd;
    int handle_count;
    fd_channel_accept_fn accept;
    void *context;
    struct list peers;
    dev_t device; /* of the file that we made */
    ino_t inode;
    char path[]; /* terminated */
};

/* ---- the file ---- */

static enum status deny(struct why *why, const char *path, const char *text) {
    return why_set(why, STATUS_DENIED, "channel_denied", "%.150s: %s", path, text);
}

static enum status fail(struct why *why, const char *path, int error) {
    return why_set(why, STATUS_FAILED, "channel_failed", "%.150s: %s", path, strerror(error));
}

static enum status check_folder(const char *path, struct why *why) {
    struct stat folder;
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    char *text = slash == NULL ? memory_dup(".", 1) : memory_dup(path, len == 0 ? 1 : len);
    int result = stat(text, &folder);
    int error = errno;
    memory_free(text);
    if (result != 0) {
        return fail(why, path, error);
    }
    bool is_ours = folder.st_uid == geteuid() || folder.st_uid == 0;
    if (!is_ours || (folder.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return deny(why, path, "others may write in its folder");
    }
    return STATUS_OK;
}

/* STATUS_OK: the name is free to take. */
static enum status check_former(const char *path, const struct address *address, bool is_replacing,
                                struct why *why) {
    struct stat former;
    if (lstat(path, &former) != 0) {
        return errno == ENOENT ? STATUS_OK : fail(why, path, errno);
    }
    if (!S_ISSOCK(former.st_mode)) {
        return deny(why, path, "is there already, and no socket");
    }
    int fd;
    int result = socket_connect(address, &fd);
    bool is_dead = result < 0 && (errno == ECONNREFUSED || errno == ENOENT);
    if (fd >= 0) {
        close(fd);
    }
    if (!is_dead && !is_replacing) {
        return why_set(why, STATUS_CONFLICT, "channel_in_use",
                       "another process listens at %.150s: is it running already?", path);
    }
    return STATUS_OK;
}

/* Made under another name and renamed: until it listens nobody can connect, and until then it has its mode. */
static enum status make_socket(struct fd_channel_listener *listener, struct why *why) {
    struct address address;
    struct stat made;
    char temporary[sizeof(address.storage)];
    int len = snprintf(temporary, sizeof(temporary), "%s.%d", listener->path, (int)getpid());
    if (len < 0 || (size_t)len >= sizeof(temporary) ||
        socket_unix_address(temporary, &address) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "channel_path", "%.150s is too long for a socket",
                       listener->path);
    }
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        return fail(why, listener->path, errno);
    }
    (void)unlink(temporary); /* of a dead process that had our number */
    const struct sockaddr *at = (const struct sockaddr *)&address.storage;
    if (bind(listener->fd, at, address.len) != 0) {
        return fail(why, temporary, errno);
    }
    if (chmod(temporary, S_IRUSR | S_IWUSR) != 0 || lstat(temporary, &made) != 0 ||
        listen(listener->fd, BACKLOG) != 0 || rename(temporary, listener->path) != 0) {
        int error = errno;
        (void)unlink(temporary);
        return fail(why, listener->path, error);
    }
    listener->device = made.st_dev;
    listener->inode = made.st_ino;
    return STATUS_OK;
}

static void remove_own_file(const struct fd_channel_listener *listener) {
    struct stat now;
    if (lstat(listener->path, &now) == 0 && now.st_dev == listener->device &&
        now.st_ino == listener->inode) {
        (void)unlink(listener->path);
    }
}

/* ---- who comes ---- */

static void refuse_message(void *owner, struct fd_channel *channel,
                           struct fd_channel_message *message) {
    (void)owner;
    (void)message;
    fd_channel_free(&channel);
}

static void ignore_closed(void *owner, struct fd_channel *channel, const struct why *why) {
    (void)owner;
    (void)channel;
    (void)why;
}

/* Until the owner has set its own. */
static const struct fd_channel_events no_events = {refuse_message, ignore_closed};

static size_t count_peers(const struct fd_channel_listener *listener) {
    size_t count = 0;
    for (const struct list *at = listener->peers.next; at != &listener->peers; at = at->next) {
        count++;
    }
    return count;
}

static void take_peer(struct fd_channel_listener *listener, int fd) {
    struct fd_channel *channel;
    struct why why;
    if (count_peers(listener) >= FD_CHANNEL_PEERS_MAX) {
        close(fd);
        return;
    }
    if (fd_channel_adopt(listener->loop, fd, &no_events, NULL, &channel, &why) != STATUS_OK) {
        log_warn("fd_channel.refused", "path=%s reason=\"%s\"", listener->path, why.text);
        return;
    }
    list_append(&listener->peers, fd_channel_peer_node(channel));
    listener->accept(listener->context, channel);
}

static void on_acceptable(uv_poll_t *poll, int status, int events) {
    struct fd_channel_listener *listener = poll->data;
    (void)status;
    (void)events;
    int fd = socket_accept(listener->fd); /* one in a turn: the owner may free us in `accept` */
    if (fd >= 0) {
        take_peer(listener, fd);
        return;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) {
        uv_poll_stop(&listener->poll);
        loop_timer_set(&listener->pause, PAUSE_MS);
    }
}

static void on_pause_over(struct loop_timer *timer) {
    struct fd_channel_listener *listener = timer->context;
    uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

/* ---- life ---- */

static void on_handle_closed(struct fd_channel_listener *listener) {
    if (--listener->handle_count == 0) {
        memory_free(listener);
    }
}

static void on_poll_closed(uv_handle_t *handle) {
    on_handle_closed(handle->data);
}

static void on_pause_closed(struct loop_timer *timer) {
    on_handle_closed(timer->context);
}

static enum status start(struct fd_channel_listener *listener, struct why *why) {
    int error = uv_poll_init(loop_uv(listener->loop), &listener->poll, listener->fd);
    if (error != 0) {
        remove_own_file(listener);
        return why_set(why, STATUS_FAILED, "channel_failed", "cannot watch the socket: %s",
                       uv_strerror(error));
    }
    listener->poll.data = listener;
    loop_timer_init(&listener->pause, listener->loop, on_pause_over, listener);
    listener->handle_count = 2;
    uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
    return STATUS_OK;
}

enum status fd_channel_listen(struct loop *loop, const char *path, bool is_replacing,
                              fd_channel_accept_fn accept, void *context,
                              struct fd_channel_listener **out, struct why *why) {
    struct address address;
    if (socket_unix_address(path, &address) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "channel_path", "%.150s is too long for a socket",
                       path);
    }
    enum status status = check_folder(path, why);
    if (status == STATUS_OK) {
        status = check_former(path, &address, is_replacing, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct fd_channel_listener *listener = memory_new(sizeof(*listener) + strlen(path) + 1);
    listener->loop = loop;
    listener->fd = -1;
    listener->accept = accept;
    listener->context = context;
    list_init(&listener->peers);
    memcpy(listener->path, path, strlen(path) + 1);
    status = make_socket(listener, why);
    if (status == STATUS_OK) {
        status = start(listener, why);
    }
    if (status != STATUS_OK) {
        if (listener->fd >= 0) {
            close(listener->fd);
        }
        memory_free(listener);
        return status;
    }
    *out = listener;
    return STATUS_OK;
}

void fd_channel_listener_free(struct fd_channel_listener **at) {
    struct fd_channel_listener *listener = *at;
    *at = NULL;
    if (listener == NULL) {
        return;
    }
    while (!list_is_empty(&listener->peers)) {
        list_remove(listener->peers.next);
    }
    remove_own_file(listener);
    uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
    loop_timer_close(&listener->pause, on_pause_closed);
    close(listener->fd);
    listener->fd = -1;
}
