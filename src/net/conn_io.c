#include "net/conn_state.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* One connection reads and writes at most so often in a turn; then it is the others' turn. A tunnel carries many
 * visitors and gets more. One read is at most a TLS record (16 KiB) or LOOP_READ_BYTES without TLS. */
#define READS_PER_TURN 4
#define READS_PER_TURN_BULK 16
#define READ_BYTES_PRESSED 8192
#define WRITE_BYTES_PER_TURN (256 * 1024)
/* A write costs a record and a system call, however short: as if it were of so many bytes. */
#define WRITE_BYTES_MIN 4096

/* What a TLS record holds. OpenSSL makes one of each write; more would only be offered again. */
#define RECORD_BYTES_MAX 16384

#define LINGER_BYTES_MAX 65536

static bool is_bulk(const struct conn *conn) {
    if (conn->tls.ssl == NULL) {
        return false;
    }
    enum tls_role role = tls_context_role(conn->tls.context);
    return role == TLS_TUNNEL_SERVER || role == TLS_TUNNEL_CLIENT;
}

static enum tls_result read_plain(struct conn *conn, uint8_t *bytes, size_t room, size_t *len) {
    ssize_t got = recv(conn->fd, bytes, room, 0);
    if (got > 0) {
        *len = (size_t)got;
        return TLS_DONE;
    }
    if (got == 0) {
        return TLS_END;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return TLS_WAIT_READ;
    }
    conn->tls.system_error = errno;
    return TLS_TRUNCATED;
}

static enum tls_result write_plain(struct conn *conn, const uint8_t *bytes, size_t len,
                                   size_t *taken) {
    ssize_t sent = send(conn->fd, bytes, len, MSG_NOSIGNAL);
    if (sent >= 0) {
        *taken = (size_t)sent;
        return TLS_DONE;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return TLS_WAIT_WRITE;
    }
    conn->tls.system_error = errno;
    return TLS_TRUNCATED;
}

static void end_failed(struct conn *conn) {
    if (conn->tls.ssl != NULL) {
        conn_end_tls(conn);
        return;
    }
    char peer[ADDRESS_TEXT_SIZE];
    conn_peer_text(conn, peer);
    conn_end(conn, "peer_reset", "%s cut the connection: %s", peer,
             strerror(conn->tls.system_error));
}

/* ---- reading ---- */

/* What one read brings may have to be queued as a whole, for each of a crowd: with a thousand answers that nobody takes, an agent
 * holds 36 KiB for each instead of 106. */
static size_t read_room(const struct conn *conn) {
    bool is_pressed = conn->tls.ssl == NULL && block_pool_is_pressed(loop_block_pool(conn->loop));
    return is_pressed ? READ_BYTES_PRESSED : LOOP_READ_BYTES;
}

/* True when the poller will not tell about what is still there. After a full record another is likely to be there, too: what a turn
 * reads together leaves together, in full records: 1.1 writes to visitors for each record read, instead of 1.9. */
static bool may_have_more(const struct conn *conn, size_t got, size_t room) {
    if (conn->tls.ssl != NULL) {
        return got == RECORD_BYTES_MAX || tls_session_has_pending(&conn->tls);
    }
    return got == room;
}

static enum conn_stop stop_read(struct conn *conn, enum tls_result result) {
    switch (result) {
    case TLS_WAIT_READ:
        conn->is_dry = true;
        return CONN_STOP_DRY;
    case TLS_WAIT_WRITE:
        conn->is_dry = true;
        conn->is_read_waiting = true;
        return CONN_STOP_DRY;
    case TLS_END:
        conn->is_dry = true;
        conn->is_eof = true;
        conn->engine->ops->feed_end(conn->engine);
        return CONN_STOP_DRY;
    default:
        end_failed(conn);
        return CONN_STOP_END;
    }
}

enum conn_stop conn_io_read(struct conn *conn) {
    int budget = is_bulk(conn) ? READS_PER_TURN_BULK : READS_PER_TURN;
    uint8_t *bytes = loop_read_buffer(conn->loop);
    while (conn->engine->ops->wants_read(conn->engine)) {
        if (budget-- == 0) {
            conn->read_turn = loop_turn(conn->loop);
            return CONN_STOP_BUDGET;
        }
        size_t len = 0;
        size_t room = read_room(conn);
        enum tls_result result = conn->tls.ssl != NULL
                                     ? tls_session_read(&conn->tls, bytes, room, &len)
                                     : read_plain(conn, bytes, room, &len);
        if (result != TLS_DONE) {
            return stop_read(conn, result);
        }
        conn->bytes_read += len;
        conn->last_read_ms = loop_now_ms(conn->loop);
        /* before the owner may end the session from inside */
        bool has_more = may_have_more(conn, len, room);
        conn->engine->ops->feed(conn->engine, bytes, len);
        if (conn->state != CONN_OPEN) {
            return CONN_STOP_END;
        }
        if (!has_more) {
            conn->is_dry = true;
            return CONN_STOP_DRY;
        }
    }
    return CONN_STOP_ENGINE;
}

enum conn_stop conn_io_discard(struct conn *conn) {
    uint8_t *bytes = loop_read_buffer(conn->loop);
    while (conn->linger_bytes < LINGER_BYTES_MAX) {
        ssize_t got = recv(conn->fd, bytes, LINGER_BYTES_MAX - conn->linger_bytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return CONN_STOP_DRY;
        }
        if (got <= 0) {
            return CONN_STOP_END;
        }
        conn->linger_bytes += (size_t)got;
    }
    return CONN_STOP_END;
}

/* ---- writing ---- */

/* A peer may answer and close before it has read all that we have to say (an upload refused, say). Its answer is still in
 * the socket after the write has failed. */
static void end_unwritable(struct conn *conn) {
    int error = conn->tls.system_error;
    if (conn->tls.ssl == NULL && conn->state == CONN_OPEN && !conn->is_eof) {
        (void)conn_io_read(conn);
    }
    if (conn->state == CONN_OPEN || conn->state == CONN_FLUSHING) {
        conn->tls.system_error = error;
        end_failed(conn);
    }
}

static void note_blocked(struct conn *conn) {
    conn->is_write_blocked = true;
    if (conn->blocked_since_ms == 0) {
        conn->blocked_since_ms = loop_now_ms(conn->loop);
    }
}

static size_t peek_output(struct conn *conn, const uint8_t **bytes) {
    size_t len = conn->engine->ops->peek(conn->engine, bytes);
    if (conn->tls.ssl == NULL) {
        return len;
    }
    return len > RECORD_BYTES_MAX ? RECORD_BYTES_MAX : len;
}

enum conn_stop conn_io_flush(struct conn *conn) {
    size_t budget = WRITE_BYTES_PER_TURN;
    if (conn->is_write_blocked) {
        return CONN_STOP_BLOCKED;
    }
    for (;;) {
        const uint8_t *bytes;
        size_t len = peek_output(conn, &bytes);
        if (len == 0) {
            conn->blocked_since_ms = 0;
            return CONN_STOP_DRY;
        }
        if (budget == 0) {
            return CONN_STOP_BUDGET;
        }
        size_t taken = 0;
        enum tls_result result = conn->tls.ssl != NULL
                                     ? tls_session_write(&conn->tls, bytes, len, &taken)
                                     : write_plain(conn, bytes, len, &taken);
        if (result == TLS_WAIT_WRITE || result == TLS_WAIT_READ) {
            note_blocked(conn);
            return CONN_STOP_BLOCKED;
        }
        if (result != TLS_DONE) {
            end_unwritable(conn);
            return CONN_STOP_END;
        }
        conn->blocked_since_ms = 0;
        conn->bytes_written += taken;
        size_t cost = taken > WRITE_BYTES_MIN ? taken : WRITE_BYTES_MIN;
        budget -= cost < budget ? cost : budget;
        conn->engine->ops->wrote(conn->engine, taken);
        if (conn->state != CONN_OPEN && conn->state != CONN_FLUSHING) {
            return CONN_STOP_END;
        }
    }
}
