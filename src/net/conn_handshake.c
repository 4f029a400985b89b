/* From the socket to an established connection: the outcome of connect(2), then TLS. */
#include <errno.h>
#include <string.h>

#include "net/conn_state.h"
#include "net/socket.h"

static bool is_long_lived(const struct conn *conn) {
    if (conn->tls.ssl == NULL) {
        return false;
    }
    enum tls_role role = tls_context_role(conn->tls.context);
    return role == TLS_TUNNEL_SERVER || role == TLS_TUNNEL_CLIENT || role == TLS_CONTROL_SERVER;
}

static void establish(struct conn *conn) {
    if (is_long_lived(conn)) {
        socket_keepalive(conn->fd);
    }
    conn_set_choose(conn, NULL, NULL); /* its context goes with the handshake */
    conn->is_established = true;
    conn->phase = ENGINE_IDLE;
    conn->phase_since_ms = loop_now_ms(conn->loop);
    conn->last_read_ms = conn->phase_since_ms;
    conn_enter(conn, CONN_OPEN);
    conn->events->on_established(conn->owner, conn);
    conn_schedule(conn);
}

void conn_handshake_run(struct conn *conn) {
    enum tls_result result = conn->tls.ssl != NULL ? tls_session_handshake(&conn->tls) : TLS_DONE;
    if (conn->state != CONN_HANDSHAKING) {
        return; /* ended by whom the ClientHello callback asked */
    }
    switch (result) {
    case TLS_DONE:
        establish(conn);
        return;
    case TLS_WAIT_READ:
        conn->unwanted = UV_WRITABLE;
        conn_watch(conn, UV_READABLE);
        return;
    case TLS_WAIT_WRITE:
        conn->unwanted = UV_READABLE;
        conn_watch(conn, UV_WRITABLE);
        return;
    default:
        conn_end_tls(conn);
        return;
    }
}

void conn_handshake_connected(struct conn *conn) {
    int error = socket_error(conn->fd);
    if (error != 0) {
        char peer[ADDRESS_TEXT_SIZE];
        conn_peer_text(conn, peer);
        conn_end(conn, "tcp_connect", "cannot connect to %s: %s%s", peer, strerror(error),
                 error == ECONNREFUSED ? "; is it running there?" : "");
        return;
    }
    conn_enter(conn, CONN_HANDSHAKING);
    conn_handshake_run(conn);
}
