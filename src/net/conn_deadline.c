/* One timer for each connection, pushed back lazily: a deadline that moves away is only stored (loop.h). */
#include "net/conn_state.h"
#include "net/socket.h"

#define HANDSHAKE_MS 10000
#define HEAD_MS 10000
#define IDLE_MS 75000
#define WRITE_STALL_MS 30000

struct deadline {
    int64_t at_ms; /* 0: none */
    const char *slug;
    const char *text;
};

static int64_t or_default(int64_t value_ms, int64_t default_ms) {
    return value_ms == 0 ? default_ms : value_ms;
}

void conn_deadline_normalize(struct conn_timeouts *timeouts) {
    timeouts->handshake_ms = or_default(timeouts->handshake_ms, HANDSHAKE_MS);
    timeouts->head_ms = or_default(timeouts->head_ms, HEAD_MS);
    timeouts->idle_ms = or_default(timeouts->idle_ms, IDLE_MS);
    timeouts->write_stall_ms = or_default(timeouts->write_stall_ms, WRITE_STALL_MS);
}

static struct deadline phase_deadline(const struct conn *conn) {
    if (conn->phase == ENGINE_HEAD) {
        return (struct deadline){conn->phase_since_ms + conn->timeouts.head_ms, "timeout_head",
                                 "did not finish the head of its message in time"};
    }
    if (conn->phase == ENGINE_IDLE && conn->timeouts.idle_ms > 0) {
        int64_t since_ms =
            conn->last_read_ms > conn->phase_since_ms ? conn->last_read_ms : conn->phase_since_ms;
        return (struct deadline){since_ms + conn->timeouts.idle_ms, "timeout_idle",
                                 "was idle for too long"};
    }
    if (conn->half_closed_since_ms != 0 && conn->timeouts.half_closed_ms > 0) {
        return (struct deadline){conn->half_closed_since_ms + conn->timeouts.half_closed_ms,
                                 "timeout_half_closed",
                                 "closed its side, and nothing came for it for too long"};
    }
    return (struct deadline){0};
}

static struct deadline stall_deadline(const struct conn *conn) {
    if (conn->blocked_since_ms == 0 || conn->timeouts.write_stall_ms < 0) {
        return (struct deadline){0};
    }
    return (struct deadline){conn->blocked_since_ms + conn->timeouts.write_stall_ms,
                             "timeout_write", "took nothing of what was sent for too long"};
}

static struct deadline next_deadline(const struct conn *conn) {
    switch (conn->state) {
    case CONN_CONNECTING:
        return (struct deadline){conn->began_ms + conn->timeouts.handshake_ms, "timeout_handshake",
                                 "did not accept the connection in time"};
    case CONN_HANDSHAKING:
        return (struct deadline){conn->began_ms + conn->timeouts.handshake_ms, "timeout_handshake",
                                 "did not complete the TLS handshake in time"};
    case CONN_OPEN:
        break;
    case CONN_FLUSHING:
    case CONN_NOTIFYING:
        return stall_deadline(conn);
    case CONN_LINGERING:
        return (struct deadline){conn->linger_until_ms, "closed", "closed"};
    case CONN_MOVING:
    case CONN_ENDED:
    case CONN_RELEASED:
        return (struct deadline){0};
    }
    struct deadline phase = phase_deadline(conn);
    struct deadline stall = stall_deadline(conn);
    bool is_stall_first = stall.at_ms != 0 && (phase.at_ms == 0 || stall.at_ms < phase.at_ms);
    return is_stall_first ? stall : phase;
}

/* Output since a head began means that an earlier one was complete and answered: this is a later head. */
static bool is_later_head(const struct conn *conn) {
    return conn->phase == ENGINE_HEAD && conn->bytes_written > conn->phase_bytes_written;
}

static void note_phase(struct conn *conn) {
    enum engine_phase phase =
        conn->engine != NULL ? conn->engine->ops->phase(conn->engine) : ENGINE_IDLE;
    if (phase == conn->phase) {
        return;
    }
    conn->phase = phase;
    conn->phase_since_ms = loop_now_ms(conn->loop);
    conn->phase_bytes_written = conn->bytes_written;
}

static void begin_half_closed(struct conn *conn) {
    conn->half_closed_since_ms = loop_now_ms(conn->loop);
    conn->half_closed_bytes_written = conn->bytes_written;
}

void conn_deadline_update(struct conn *conn) {
    if (conn->state == CONN_OPEN) {
        note_phase(conn);
        if (conn->is_eof && conn->half_closed_since_ms == 0) {
            begin_half_closed(conn);
        }
    }
    struct deadline deadline = next_deadline(conn);
    if (deadline.at_ms == 0) {
        loop_timer_clear(&conn->timer);
        return;
    }
    loop_timer_set(&conn->timer, deadline.at_ms - loop_now_ms(conn->loop));
}

void conn_deadline_fire(struct loop_timer *timer) {
    struct conn *conn = timer->context;
    struct deadline deadline = next_deadline(conn);
    int64_t now_ms = loop_now_ms(conn->loop);
    if (deadline.at_ms == 0 || deadline.at_ms > now_ms) {
        conn_deadline_update(conn);
        return;
    }
    if (conn->state == CONN_OPEN && is_later_head(conn)) {
        conn->phase_since_ms = now_ms;
        conn->phase_bytes_written = conn->bytes_written;
        conn_deadline_update(conn);
        return;
    }
    bool has_come =
        conn->half_closed_since_ms != 0 && conn->bytes_written > conn->half_closed_bytes_written;
    if (conn->state == CONN_OPEN && has_come && conn->blocked_since_ms == 0) {
        begin_half_closed(conn);
        conn_deadline_update(conn);
        return;
    }
    char peer[ADDRESS_TEXT_SIZE];
    conn_peer_text(conn, peer);
    bool is_idle =
        conn->state == CONN_OPEN && conn->phase == ENGINE_IDLE && conn->blocked_since_ms == 0;
    if (is_idle) {
        (void)why_set(&conn->why, STATUS_TIMEOUT, deadline.slug, "%s %s", peer, deadline.text);
        conn_close(conn);
        return;
    }
    if (conn->blocked_since_ms != 0) {
        socket_discard(conn->fd);
    }
    conn_end(conn, deadline.slug, "%s %s", peer, deadline.text);
}
