#define _GNU_SOURCE
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The system lowers it to its own bound (net.core.somaxconn). */
#define BACKLOG 4096

#define KEEPALIVE_IDLE_S 5
#define KEEPALIVE_INTERVAL_S 2
#define KEEPALIVE_COUNT 3
/* As long as a heartbeat is patient with a slow path (tunnel/tunnel_heartbeat.h): a proxy before a slow line closes its window for
 * seconds, and Linux counts from the first such time on, also while bytes go through between. */
#define USER_TIMEOUT_MS 30000

#define VISITOR_IDLE_S 60
#define VISITOR_INTERVAL_S 15
#define VISITOR_COUNT 4

static void set_int(int fd, int level, int option, int value) {
    /* Wishes: a socket without them still works. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static enum status listen_error(const struct address *address, int error, struct why *why) {
    char text[ADDRESS_TEXT_SIZE];
    address_text(address, text);
    if (error == EADDRINUSE) {
        return why_set(why, STATUS_CONFLICT, "address_in_use",
                       "%s is in use by another program: stop it or listen elsewhere", text);
    }
    if (error == EACCES || error == EPERM) {
        return why_set(why, STATUS_DENIED, "address_denied",
                       "not allowed to listen on %s: ports below 1024 need CAP_NET_BIND_SERVICE",
                       text);
    }
    return why_set(why, STATUS_FAILED, "listen_failed", "cannot listen on %s: %s", text,
                   strerror(error));
}

static void ask_for_life(int fd, int idle_s, int interval_s, int count) {
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
}

/* Accepted sockets inherit these: one call here instead of one for each of them. */
static void set_inherited(int fd) {
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    ask_for_life(fd, VISITOR_IDLE_S, VISITOR_INTERVAL_S, VISITOR_COUNT);
}

enum status socket_listen(const struct address *address, int *out, struct why *why) {
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return listen_error(address, errno, why);
    }
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address->storage.ss_family == AF_INET6) {
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (address->storage.ss_family != AF_UNIX) {
        set_inherited(fd);
    }
    if (bind(fd, (const struct sockaddr *)&address->storage, address->len) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int error = errno;
        close(fd);
        return listen_error(address, error, why);
    }
    *out = fd;
    return STATUS_OK;
}

static int get_int(int fd, int level, int option) {
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, level, option, &value, &len) == 0 ? value : -1;
}

enum status socket_adopt_listener(int fd, struct why *why) {
    struct address address;
    socket_local_address(fd, &address);
    int family = address.storage.ss_family;
    bool is_tcp = (family == AF_INET || family == AF_INET6) &&
                  get_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM;
    if (!is_tcp || get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) {
        return why_set(why, STATUS_INVALID, "listener_invalid",
                       "descriptor %d is not a listening TCP socket", fd);
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return why_set(why, STATUS_INVALID, "listener_invalid", "descriptor %d: %s", fd,
                       strerror(errno));
    }
    set_inherited(fd);
    return STATUS_OK;
}

int socket_dup(int fd) {
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void socket_wake_one(struct loop *loop, int fd) {
    /* libuv has no word for it. It finds its watcher by the descriptor in `data`, and leaves the entry alone until it is
     * stopped, which removes whatever is there. */
    int poller = uv_backend_fd(loop_uv(loop));
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_DEL, fd, &event) == 0 &&
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        event.events = EPOLLIN;
        (void)epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

int socket_accept(int listen_fd) {
    return accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int socket_connect(const struct address *address, int *out) {
    *out = -1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    *out = fd;
    if (address->storage.ss_family != AF_UNIX) {
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0) {
        return 0;
    }
    return errno == EINPROGRESS || errno == EINTR ? 1 : -1;
}

enum status socket_unix_address(const char *path, struct address *address) {
    *address = (struct address){0};
    struct sockaddr_un *to = (struct sockaddr_un *)&address->storage;
    to->sun_family = AF_UNIX;
    enum status status = str_to_cstr(str_from(path), to->sun_path, sizeof(to->sun_path));
    if (status != STATUS_OK) {
        return STATUS_TOO_LARGE;
    }
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return STATUS_OK;
}

enum status socket_peer_uid(int fd, uid_t *uid) {
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer) ||
        peer.pid == 0) { /* 0: not a connected Unix socket */
        return STATUS_FAILED;
    }
    *uid = peer.uid;
    return STATUS_OK;
}

int socket_error(int fd) {
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return errno;
    }
    return error;
}

void socket_local_address(int fd, struct address *address) {
    *address = (struct address){.len = sizeof(address->storage)};
    if (getsockname(fd, (struct sockaddr *)&address->storage, &address->len) != 0) {
        *address = (struct address){0};
    }
}

void socket_peer_address(int fd, struct address *address) {
    *address = (struct address){.len = sizeof(address->storage)};
    if (getpeername(fd, (struct sockaddr *)&address->storage, &address->len) != 0) {
        *address = (struct address){0};
    }
}

void socket_discard(int fd) {
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void socket_keepalive(int fd) {
    ask_for_life(fd, KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SOCKET_NOTSENT_BYTES);
}
