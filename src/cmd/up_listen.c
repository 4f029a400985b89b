#include "cmd/up_listen.h"

#include <unistd.h>

#include "base/log.h"
#include "net/listen_fds.h"
#include "net/socket.h"

static enum status listen_on(const char *text, struct up_listeners *listeners, struct why *why) {
    struct address address;
    struct why reason = {0};
    enum status status = address_parse_listen(str_from(text), &address, &reason);
    if (status == STATUS_OK) {
        status = socket_listen(&address, &listeners->fds[0], &reason);
    }
    if (status != STATUS_OK) {
        return why_set(why, status, reason.slug, "--listen: %s", reason.text);
    }
    listeners->count = 1;
    return STATUS_OK;
}

/* What the service manager left is ours even if it is of no use: nobody else will close it. */
static enum status take_activated(struct up_listeners *listeners, struct why *why) {
    struct listen_fds taken;
    enum status status = listen_fds_take(&taken, why);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < taken.count; i++) {
        if (listeners->count < EDGE_LISTENERS_MAX && status == STATUS_OK) {
            listeners->fds[listeners->count++] = taken.fds[i];
            status = socket_adopt_listener(taken.fds[i], why);
            continue;
        }
        (void)close(taken.fds[i]);
    }
    if (listeners->count > 0) {
        log_info("mezusphere.activated", "sockets=%zu", listeners->count);
    }
    return status;
}

enum status up_listen_open(const char *listen, struct up_listeners *listeners, struct why *why) {
    enum status status = take_activated(listeners, why);
    return status == STATUS_OK && listeners->count == 0 ? listen_on(listen, listeners, why)
                                                        : status;
}

enum status up_listen_take(struct up_listeners *listeners, int fd, struct why *why) {
    if (listeners->count == EDGE_LISTENERS_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "listeners_full", "too many listening sockets");
    }
    enum status status = socket_adopt_listener(fd, why);
    if (status == STATUS_OK) {
        listeners->fds[listeners->count++] = fd;
    }
    return status;
}

void up_listen_close(struct up_listeners *listeners) {
    while (listeners->count > 0) {
        (void)close(listeners->fds[--listeners->count]);
    }
}

void up_listen_address(const struct up_listeners *listeners, struct address *address) {
    socket_local_address(listeners->fds[0], address);
}
