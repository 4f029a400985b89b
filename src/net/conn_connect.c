#include <errno.h>
#include <string.h>

#include "net/conn_state.h"
#include "net/socket.h"

static void end_unconnected(struct conn *conn, const char *target, int error) {
    conn_end(conn, "tcp_connect", "cannot connect to %.120s: %s%s", target, strerror(error),
             error == ECONNREFUSED || error == ENOENT ? "; is it running there?" : "");
}

struct conn *conn_connect(struct loop *loop, const struct conn_connect_config *config,
                          const struct conn_events *events, void *owner) {
    struct conn *conn = conn_new(loop, &config->timeouts, events, owner);
    char target[ADDRESS_TEXT_SIZE];
    conn->peer = config->address;
    if (config->unix_path != NULL &&
        socket_unix_address(config->unix_path, &conn->peer) != STATUS_OK) {
        end_unconnected(conn, config->unix_path, ENAMETOOLONG);
        return conn;
    }
    conn_peer_text(conn, target);
    const char *name = config->unix_path != NULL ? config->unix_path : target;
    int fd;
    int result = socket_connect(&conn->peer, &fd);
    int error = errno;
    if (fd >= 0 && !conn_attach(conn, fd, config->tls, config->server_name)) {
        return conn;
    }
    if (result < 0) {
        end_unconnected(conn, name, error);
        return conn;
    }
    if (config->is_keepalive) {
        socket_keepalive(fd);
    }
    if (result == 0) {
        conn_enter(conn, CONN_HANDSHAKING);
        conn_schedule(conn);
    } else {
        conn_enter(conn, CONN_CONNECTING);
        conn_watch(conn, UV_WRITABLE);
    }
    conn_deadline_update(conn);
    return conn;
}

struct conn *conn_adopt(struct loop *loop, int fd, const struct conn_connect_config *config,
                        const struct conn_events *events, void *owner) {
    struct conn *conn = conn_new(loop, &config->timeouts, events, owner);
    conn->peer = config->address;
    if (!conn_attach(conn, fd, config->tls, config->server_name)) {
        return conn;
    }
    if (config->is_keepalive) {
        socket_keepalive(fd);
    }
    conn_enter(conn, CONN_HANDSHAKING);
    conn_schedule(conn);
    conn_deadline_update(conn);
    return conn;
}
