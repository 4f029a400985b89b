/* conn_state.h: a connection from inside, for the files conn*.c and front.c alone.
 *
 *   conn.c           life: made, states, turns, end
 *   conn_connect.c   begins to connect
 *   conn_handshake.c TCP connect and TLS handshake until established
 *   conn_io.c        reading into the engine, writing what it has; budgets and back-pressure
 *   conn_deadline.c  the one timer
 *   conn_move.c      from one loop to another
 *
 * Work is done in two places: on_poll, when the poller reports, and on_work, at the end of each iteration in which
 * something happened (cork). Neither is ever entered from inside a call of the owner or of the engine.
 */
#ifndef NET_CONN_STATE_H
#define NET_CONN_STATE_H

#include "net/conn.h"
#include "net/tls_session.h"

enum conn_state {
    CONN_CONNECTING,  /* TCP */
    CONN_HANDSHAKING, /* TLS; a plain connection passes through at once */
    CONN_OPEN,        /* established; the engine speaks */
    CONN_FLUSHING,    /* orderly end: the engine's output is being written, nothing more is read */
    CONN_NOTIFYING,   /* close_notify is being written */
    CONN_LINGERING, /* our FIN is out; what still comes is thrown away, so that the peer reads our last bytes */
    CONN_MOVING,   /* on the way to another loop; belongs to nobody */
    CONN_ENDED,    /* on_closed comes at the end of this iteration */
    CONN_RELEASED, /* on_closed has been called; waits for its handles to close */
};

/* How a turn of reading or writing stopped. */
enum conn_stop {
    CONN_STOP_DRY,    /* nothing left: read: wait for the poller; written: the engine has no more */
    CONN_STOP_BUDGET, /* enough for one turn */
    CONN_STOP_BLOCKED, /* the socket takes no more */
    CONN_STOP_ENGINE,  /* the engine wants no more (back-pressure) */
    CONN_STOP_END,     /* the connection is no longer open */
};

struct conn {
    uv_poll_t poll;
    struct loop_timer timer;
    struct loop_task work;
    struct loop *loop;
    const struct conn_events *events;
    void *owner;
    struct engine *engine;
    struct tls_session tls;
    enum conn_state state;
    int fd;
    int handle_count; /* libuv handles not closed yet */
    int polled;       /* UV_READABLE | UV_WRITABLE that the poller watches */
    int unwanted;     /* of these, what it reported without need */

    bool has_poll;
    bool is_established;
    bool is_eof;           /* the peer closed its sending side */
    bool is_dry;           /* neither socket nor OpenSSL has bytes for us: the poller will tell */
    bool is_write_blocked; /* the socket took no more: the poller will tell */
    bool is_read_waiting;  /* OpenSSL must write before it can read on */
    bool has_moved;        /* so what the peer sent meanwhile is most likely there */
    uint64_t read_turn;    /* the turn whose read budget is spent */
    size_t linger_bytes;

    struct conn_move *move; /* while CONN_MOVING */
    struct conn_timeouts timeouts;
    enum engine_phase phase;
    int64_t phase_since_ms;
    uint64_t phase_bytes_written; /* bytes_written when the phase began */
    int64_t began_ms;             /* connecting or accepted */
    int64_t blocked_since_ms;     /* 0: not blocked */
    int64_t linger_until_ms;
    int64_t last_read_ms;
    int64_t half_closed_since_ms; /* or since something was written; 0: it is not */
    uint64_t half_closed_bytes_written;
    uint64_t bytes_read;
    uint64_t bytes_written;

    struct address peer;
    struct why why; /* the first reason stands */
};

/* conn.c */
struct conn *conn_new(struct loop *loop, const struct conn_timeouts *timeouts,
                      const struct conn_events *events, void *owner);
/* Gives it a descriptor and, with `tls`, a TLS session on it. False: it has ended. */
bool conn_attach(struct conn *conn, int fd, struct tls_context *tls, const char *server_name);
/* Begins to close what the loop holds of it; then the memory is freed, or the move goes on. */
void conn_close_handles(struct conn *conn);
/* The timer's callbacks, on conn->loop. */
void conn_init_timer(struct conn *conn);
void conn_enter(struct conn *conn, enum conn_state state);
void conn_schedule(struct conn *conn);
/* Ends at once. The first reason stands. */
void conn_end(struct conn *conn, const char *slug, const char *format, ...) PRINTF_LIKE(3, 4);
/* Ends after the TLS session said why; a failed handshake lingers, so that the peer reads the alert. */
void conn_end_tls(struct conn *conn);
/* Sends close_notify and FIN and lingers. */
void conn_finish(struct conn *conn);
/* Watches for what is in `events` and stops what is unwanted; does nothing while that is the case already. */
void conn_watch(struct conn *conn, int events);
void conn_peer_text(const struct conn *conn, char out[ADDRESS_TEXT_SIZE]);
/* front.c: called in place of the default context's rules, inside the ClientHello. */
void conn_set_choose(struct conn *conn, tls_choose_fn choose, void *context);

/* conn_handshake.c */
/* One step further; at the end the connection is established. */
void conn_handshake_run(struct conn *conn);
/* The outcome of connect(2) is there. */
void conn_handshake_connected(struct conn *conn);

/* conn_io.c */
enum conn_stop conn_io_read(struct conn *conn);
enum conn_stop conn_io_flush(struct conn *conn);
/* Reads and throws away; CONN_STOP_END when it is enough. */
enum conn_stop conn_io_discard(struct conn *conn);

/* conn_move.c */
/* Its handles are closed. */
void conn_move_depart(struct conn *conn);

/* conn_deadline.c */
void conn_deadline_normalize(struct conn_timeouts *timeouts);
/* Takes note of the engine's phase and pushes the timer accordingly. */
void conn_deadline_update(struct conn *conn);
void conn_deadline_fire(struct loop_timer *timer);

#endif
