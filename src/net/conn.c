#include "net/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/conn_state.h"
#include "net/descriptor_budget.h"
#include "net/socket.h"

#define LINGER_MS 1000

/* ---- states and the poller ---- */

void conn_enter(struct conn *conn, enum conn_state state) {
    conn->state = state;
}

void conn_schedule(struct conn *conn) {
    if (conn->state != CONN_RELEASED && conn->state != CONN_MOVING) {
        loop_flush_schedule(conn->loop, &conn->work);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Each change costs two system calls, so interest that has become idle stays until the poller reports it for nothing. */
void conn_watch(struct conn *conn, int events) {
    int watched = (conn->polled & ~conn->unwanted) | events;
    conn->unwanted = 0;
    if (watched == conn->polled || !conn->has_poll) {
        return;
    }
    conn->polled = watched;
    if (watched == 0) {
        uv_poll_stop(&conn->poll);
        return;
    }
    uv_poll_start(&conn->poll, watched, on_poll);
}

void conn_peer_text(const struct conn *conn, char out[ADDRESS_TEXT_SIZE]) {
    address_text(&conn->peer, out);
    if (out[0] == '\0') {
        snprintf(out, ADDRESS_TEXT_SIZE, "the peer"); /* gone before it could be asked for */
    }
}

/* ---- the end ---- */

void conn_end(struct conn *conn, const char *slug, const char *format, ...) {
    if (conn->state == CONN_ENDED || conn->state == CONN_RELEASED || conn->state == CONN_MOVING) {
        return;
    }
    if (conn->why.slug[0] == '\0') {
        char text[sizeof(conn->why.text)];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        (void)why_set(&conn->why, STATUS_CLOSED, slug, "%s", text);
    }
    conn_enter(
        conn,
        CONN_ENDED); /* the poller is closed at the end of this iteration: stopping it before is a call more */
    loop_timer_clear(&conn->timer);
    conn_schedule(conn);
}

/* Our last bytes are with the system. A peer that is still sending would be answered with a reset, which takes our last
 * bytes away from it: so it is listened to, for a while, in vain. */
static void linger(struct conn *conn) {
    shutdown(conn->fd, SHUT_WR);
    if (conn->is_eof) {
        conn_end(conn, "closed", "closed");
        return;
    }
    conn_enter(conn, CONN_LINGERING);
    conn->linger_until_ms = loop_now_ms(conn->loop) + LINGER_MS;
    conn->unwanted = UV_WRITABLE;
    conn_watch(conn, UV_READABLE);
    conn_deadline_update(conn);
}

void conn_finish(struct conn *conn) {
    if (conn->why.slug[0] == '\0') {
        (void)why_set(&conn->why, STATUS_CLOSED, "closed", "closed");
    }
    if (conn->tls.ssl != NULL) {
        enum tls_result result = tls_session_shutdown(&conn->tls);
        if (result == TLS_WAIT_WRITE || result == TLS_WAIT_READ) {
            conn_enter(conn, CONN_NOTIFYING);
            conn->is_write_blocked = true;
            if (conn->blocked_since_ms == 0) {
                conn->blocked_since_ms = loop_now_ms(conn->loop);
            }
            conn_watch(conn, UV_WRITABLE);
            conn_deadline_update(conn);
            return;
        }
        if (result != TLS_DONE) {
            conn_end(conn, "closed", "closed");
            return;
        }
    }
    linger(conn);
}

/* A client that leaves an idle connection with a bare FIN does no harm, and most do. */
static bool is_harmless_fin(const struct conn *conn) {
    return conn->is_established && conn->tls.system_error == 0 && conn->phase == ENGINE_IDLE &&
           ERR_GET_REASON(conn->tls.error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

void conn_end_tls(struct conn *conn) {
    char address[ADDRESS_TEXT_SIZE];
    conn_peer_text(conn, address);
    bool is_client = !tls_context_is_server(conn->tls.context);
    if (conn->why.slug[0] == '\0' && !is_harmless_fin(conn)) {
        tls_session_why(&conn->tls, is_client ? conn->tls.server_name : address, &conn->why);
    }
    /* Who is shed has sent nothing after its hello that could make a reset of our end, and waiting would keep its descriptor. */
    bool has_said_alert =
        !conn->is_established && conn->tls.system_error == 0 && conn->tls.refusal_alert == 0;
    if (has_said_alert && conn->state == CONN_HANDSHAKING) {
        linger(conn);
        return;
    }
    conn_end(conn, "closed", "closed");
}

static void on_handle_closed(struct conn *conn) {
    if (--conn->handle_count > 0) {
        return;
    }
    if (conn->state == CONN_MOVING) {
        conn_move_depart(conn);
        return;
    }
    memory_free(conn);
}

static void on_timer_closed(struct loop_timer *timer) {
    on_handle_closed(CONTAINER_OF(timer, struct conn, timer));
}

static void on_poll_closed(uv_handle_t *handle) {
    on_handle_closed(handle->data);
}

void conn_close_handles(struct conn *conn) {
    if (conn->has_poll) {
        uv_close((uv_handle_t *)&conn->poll, on_poll_closed);
        conn->has_poll = false;
    }
    loop_timer_close(&conn->timer, on_timer_closed);
}

static void release(struct conn *conn) {
    conn_enter(conn, CONN_RELEASED);
    if (conn->engine != NULL) {
        conn->engine->notify = NULL;
        conn->engine->ops->lost(conn->engine);
        conn->engine->ops->free(conn->engine);
        conn->engine = NULL;
    }
    conn->events->on_closed(conn->owner, conn, &conn->why);
    loop_task_cancel(&conn->work);
    tls_session_close(&conn->tls);
    conn_close_handles(conn); /* before the descriptor: the poller still names it */
    if (conn->fd >= 0) {
        close(conn->fd);
        descriptor_budget_give();
    }
}

/* ---- turns ---- */

static void run_flushing(struct conn *conn) {
    enum conn_stop stop =
        conn->engine != NULL && conn->is_established ? conn_io_flush(conn) : CONN_STOP_DRY;
    if (stop == CONN_STOP_END || conn->state != CONN_FLUSHING) {
        return;
    }
    if (stop == CONN_STOP_DRY) {
        conn_finish(conn);
        return;
    }
    if (stop == CONN_STOP_BUDGET) {
        loop_flush_later(conn->loop, &conn->work);
    }
    conn_watch(conn, stop == CONN_STOP_BLOCKED ? UV_WRITABLE : 0);
    conn_deadline_update(conn);
}

/* Who tells us to go on: the poller, the next iteration, or the engine's notify. */
static void arrange_next(struct conn *conn, enum conn_stop written) {
    bool wants_read = !conn->is_eof && conn->engine->ops->wants_read(conn->engine);
    int events = 0;
    if (conn->is_dry && wants_read) {
        events |= UV_READABLE;
    }
    if (conn->is_write_blocked || conn->is_read_waiting) {
        events |= UV_WRITABLE;
    }
    conn_watch(conn, events);
    bool is_hidden = conn->tls.ssl != NULL || !(conn->polled & UV_READABLE);
    if (written == CONN_STOP_BUDGET || (!conn->is_dry && wants_read && is_hidden)) {
        loop_flush_later(conn->loop, &conn->work);
    }
    conn_deadline_update(conn);
}

/* A peer that closed its sending side may still wait for an answer. */
static bool is_done(const struct conn *conn) {
    const struct engine_ops *ops = conn->engine->ops;
    bool is_cut_short =
        conn->is_eof && (ops->outlasts_end == NULL || !ops->outlasts_end(conn->engine));
    return is_cut_short || ops->phase(conn->engine) == ENGINE_DONE;
}

static void run_open(struct conn *conn) {
    if (conn->engine == NULL) {
        conn_watch(conn, 0);
        conn_deadline_update(conn);
        return;
    }
    bool may_read = !conn->is_dry && !conn->is_eof && conn->read_turn != loop_turn(conn->loop);
    if (may_read) {
        (void)conn_io_read(conn);
    }
    enum conn_stop written = CONN_STOP_END;
    if (conn->state == CONN_OPEN) {
        written = conn_io_flush(conn);
    }
    if (conn->state == CONN_FLUSHING) {
        run_flushing(conn); /* the owner asked for the end meanwhile */
        return;
    }
    if (conn->state != CONN_OPEN) {
        return;
    }
    if (written == CONN_STOP_DRY && is_done(conn)) {
        conn_finish(conn);
        return;
    }
    arrange_next(conn, written);
}

static void on_work(struct loop_task *task) {
    struct conn *conn = CONTAINER_OF(task, struct conn, work);
    switch (conn->state) {
    case CONN_HANDSHAKING:
        conn_handshake_run(conn);
        return;
    case CONN_OPEN:
        run_open(conn);
        return;
    case CONN_FLUSHING:
        run_flushing(conn);
        return;
    case CONN_NOTIFYING:
        if (!conn->is_write_blocked) {
            conn_finish(conn);
        }
        return;
    case CONN_ENDED:
        release(conn);
        return;
    case CONN_CONNECTING:
    case CONN_LINGERING:
    case CONN_MOVING:
    case CONN_RELEASED:
        return;
    }
}

static void on_writable(struct conn *conn) {
    if (!conn->is_write_blocked && !conn->is_read_waiting) {
        conn->unwanted |= UV_WRITABLE;
        return;
    }
    conn->is_dry = conn->is_dry && !conn->is_read_waiting;
    conn->is_write_blocked = false;
    conn->is_read_waiting = false;
}

static void on_readable(struct conn *conn, bool has_error) {
    bool may_read =
        conn->engine != NULL && !conn->is_eof && conn->engine->ops->wants_read(conn->engine);
    if (may_read) {
        conn->is_dry = false;
        if (conn->read_turn != loop_turn(conn->loop)) {
            (void)conn_io_read(conn);
        }
        return;
    }
    conn->unwanted |= UV_READABLE;
    if (!conn->is_eof) {
        conn->is_dry = false;
    }
    if (has_error) {
        char peer[ADDRESS_TEXT_SIZE];
        conn_peer_text(conn, peer);
        conn_end(conn, "peer_reset", "%s cut the connection", peer);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct conn *conn = poll->data;
    bool has_error = status < 0;
    if (has_error) {
        conn->polled = 0; /* libuv has stopped the handle; the socket says what is the matter */
        events = UV_READABLE | UV_WRITABLE;
    }
    if (conn->state == CONN_CONNECTING) {
        conn_handshake_connected(conn);
        return;
    }
    if (conn->state == CONN_HANDSHAKING) {
        conn_handshake_run(conn);
        return;
    }
    if (conn->state == CONN_LINGERING) {
        if (conn_io_discard(conn) == CONN_STOP_END) {
            conn_end(conn, "closed", "closed");
        }
        return;
    }
    if (events & UV_WRITABLE) {
        on_writable(conn);
    }
    if ((events & UV_READABLE) && conn->state == CONN_OPEN) {
        on_readable(conn, has_error);
    } else if (events & UV_READABLE) {
        conn->unwanted |= UV_READABLE;
    }
    conn_schedule(conn);
}

/* ---- made ---- */

struct conn *conn_new(struct loop *loop, const struct conn_timeouts *timeouts,
                      const struct conn_events *events, void *owner) {
    struct conn *conn = MEMORY_NEW(struct conn);
    conn->loop = loop;
    conn->events = events;
    conn->owner = owner;
    conn->fd = -1;
    conn->is_dry = true;
    conn->read_turn = UINT64_MAX;
    conn->began_ms = loop_now_ms(loop);
    conn_set_timeouts(conn, timeouts);
    loop_task_init(&conn->work, on_work);
    conn_init_timer(conn);
    return conn;
}

void conn_init_timer(struct conn *conn) {
    loop_timer_init(&conn->timer, conn->loop, conn_deadline_fire, conn);
    conn->handle_count++;
}

bool conn_attach(struct conn *conn, int fd, struct tls_context *tls, const char *server_name) {
    if (conn->fd < 0) {
        descriptor_budget_take();
    }
    conn->fd = fd;
    int error = uv_poll_init(loop_uv(conn->loop), &conn->poll, fd);
    if (error != 0) {
        conn_end(conn, "tcp_connect", "cannot watch the socket: %s", uv_strerror(error));
        return false;
    }
    conn->poll.data = conn;
    conn->has_poll = true;
    conn->handle_count++;
    if (tls != NULL && tls_session_open(&conn->tls, tls, fd, server_name) != STATUS_OK) {
        conn_end(conn, "tls_handshake", "cannot begin TLS");
        return false;
    }
    return true;
}

struct conn *conn_accept(struct loop *loop, int fd, struct tls_context *tls,
                         const struct conn_timeouts *timeouts, const struct conn_events *events,
                         void *owner) {
    struct conn *conn = conn_new(loop, timeouts, events, owner);
    socket_peer_address(fd, &conn->peer);
    if (!conn_attach(conn, fd, tls, NULL)) {
        return conn;
    }
    conn_enter(conn, CONN_HANDSHAKING);
    if (tls == NULL) {
        conn_schedule(conn);
        return conn;
    }
    conn_watch(conn, UV_READABLE);
    conn_deadline_update(conn);
    return conn;
}

void conn_set_choose(struct conn *conn, tls_choose_fn choose, void *context) {
    tls_session_set_choose(&conn->tls, choose, context);
}

static void ignore_established(void *owner, struct conn *conn) {
    (void)owner;
    (void)conn;
}

static void ignore_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    (void)why;
}

const struct conn_events conn_no_events = {ignore_established, ignore_closed};

void conn_set_events(struct conn *conn, const struct conn_events *events, void *owner) {
    conn->events = events;
    conn->owner = owner;
}

void conn_set_timeouts(struct conn *conn, const struct conn_timeouts *timeouts) {
    conn->timeouts = *timeouts;
    conn_deadline_normalize(&conn->timeouts);
    bool is_alive = conn->state != CONN_ENDED && conn->state != CONN_RELEASED;
    if (conn->timer.loop != NULL && conn->state != CONN_MOVING && is_alive) {
        conn_deadline_update(conn);
    }
}

static void on_notify(void *context) {
    conn_schedule(context);
}

void conn_set_engine(struct conn *conn, struct engine *engine) {
    if (conn->engine != NULL || !conn->is_established || conn->state == CONN_RELEASED) {
        log_error("conn.engine_misplaced", "state=%d", (int)conn->state);
        abort();
    }
    conn->engine = engine;
    engine->notify = on_notify;
    engine->notify_context = conn;
    /* What came together with the end of the handshake sits in OpenSSL, where no poller sees it. */
    bool is_hidden = conn->tls.ssl != NULL && tls_session_has_pending(&conn->tls);
    conn->is_dry = !is_hidden && !conn->has_moved;
    conn_schedule(conn);
}

void conn_close(struct conn *conn) {
    switch (conn->state) {
    case CONN_CONNECTING:
    case CONN_HANDSHAKING:
        conn_end(conn, "closed", "closed");
        return;
    case CONN_OPEN:
        conn_enter(conn, CONN_FLUSHING);
        conn_schedule(conn);
        return;
    default:
        return; /* on its way */
    }
}

void conn_abort(struct conn *conn) {
    if (conn->blocked_since_ms != 0) {
        socket_discard(conn->fd);
    }
    conn_end(conn, "aborted", "aborted");
}

/* ---- what it is ---- */

struct loop *conn_loop(struct conn *conn) {
    return conn->loop;
}

const struct address *conn_peer_address(const struct conn *conn) {
    return &conn->peer;
}

struct str conn_alpn(const struct conn *conn) {
    const unsigned char *protocol;
    unsigned int len;
    if (conn->tls.ssl == NULL) {
        return STR_EMPTY;
    }
    SSL_get0_alpn_selected(conn->tls.ssl, &protocol, &len);
    return len == 0 ? STR_EMPTY : str_make(protocol, len);
}

struct str conn_server_name(const struct conn *conn) {
    return str_from(conn->tls.server_name);
}

STACK_OF(X509) * conn_peer_chain(const struct conn *conn) {
    bool has_peer = conn->tls.is_established && SSL_get0_peer_certificate(conn->tls.ssl) != NULL;
    return has_peer ? SSL_get0_verified_chain(conn->tls.ssl) : NULL;
}

uint64_t conn_bytes_read(const struct conn *conn) {
    return conn->bytes_read;
}

int64_t conn_last_read_ms(const struct conn *conn) {
    return conn->last_read_ms;
}
