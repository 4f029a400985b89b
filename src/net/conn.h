/* conn.h: one connection: a socket, TLS or none, and the engine that speaks on it.
 *
 * libuv's uv_poll_t with OpenSSL directly on the descriptor, read-ahead on, buffers released when idle. The loop reads into
 * its one buffer, feeds the engine, and before it waits again writes what the engines have, once per iteration.
 *
 * Life: made by a listener or conn_connect; `on_established` when the transport (TCP, TLS handshake) stands: the owner then
 * sets the engine. conn_close asks for an orderly end (flush, close_notify, FIN) and conn_abort for an immediate one;
 * `on_closed` comes exactly once, never from inside those calls, and after it the conn is gone. The engine is told `lost` and
 * freed by the conn just before on_closed, unless taken out. When the engine reaches ENGINE_DONE the conn flushes and closes.
 * Timeouts, by engine phase: handshake, head (from its first byte), idle, and a write that makes no progress.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/engine.h"
#include "base/status.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tls_context.h"

struct conn;

struct conn_timeouts {
    int64_t handshake_ms;   /* TCP connect plus TLS; 0: 10 s */
    int64_t head_ms;        /* ENGINE_HEAD; 0: 10 s */
    int64_t idle_ms;        /* ENGINE_IDLE; 0: 75 s; -1: none */
    int64_t write_stall_ms; /* output waiting and nothing taken; 0: 30 s; -1: none */
    /* The peer has closed its sending side, and nothing was written for so long, at most twice: that cannot be told from one
     * that has gone. 0: none */
    int64_t half_closed_ms;
};

struct conn_events {
    void (*on_established)(void *owner, struct conn *conn);
    /* `why`: slug closed (orderly), tcp_connect, tls_handshake, tls_verify, timeout_handshake, timeout_head, timeout_idle,
     * timeout_write, timeout_half_closed, peer_reset, aborted; and what to tell an operator. */
    void (*on_closed)(void *owner, struct conn *conn, const struct why *why);
};

/* For a connection that is between two owners. */
extern const struct conn_events conn_no_events;

struct conn_connect_config {
    struct address address;  /* or a Unix socket path in `unix_path` */
    const char *unix_path;   /* NULL for TCP */
    struct tls_context *tls; /* NULL: plain */
    /* SNI and, for *_CLIENT roles but TLS_TUNNEL_CLIENT, the name to verify; required with tls */
    const char *server_name;
    struct conn_timeouts timeouts;
    bool is_keepalive; /* for long-lived tunnels: socket_keepalive (socket.h) */
};

/* Begins to connect; the outcome comes through events. */
struct conn *conn_connect(struct loop *loop, const struct conn_connect_config *config,
                          const struct conn_events *events, void *owner);
/* The same from a descriptor that is connected to `config->address` already (through a proxy, perhaps), and that the conn takes over:
 * TLS begins. `config->timeouts` count from here. */
struct conn *conn_adopt(struct loop *loop, int fd, const struct conn_connect_config *config,
                        const struct conn_events *events, void *owner);
/* Takes over an accepted descriptor. `tls` NULL: plain; the handshake's context may be exchanged inside by front.h. */
struct conn *conn_accept(struct loop *loop, int fd, struct tls_context *tls,
                         const struct conn_timeouts *timeouts, const struct conn_events *events,
                         void *owner);

void conn_set_events(struct conn *conn, const struct conn_events *events, void *owner);
void conn_set_timeouts(struct conn *conn, const struct conn_timeouts *timeouts);
/* The conn owns it from now on. Once, after on_established. */
void conn_set_engine(struct conn *conn, struct engine *engine);
void conn_close(struct conn *conn);
void conn_abort(struct conn *conn);

/* Gives an established connection that has no engine yet to another loop: from this call on it belongs to that loop's thread and
 * nothing may be called on it until `arrived` is called there with it; its events are ignored until they are set anew there.
 * May be called from inside on_established, and again from inside `arrived`. Bytes that TLS has read already go along. What
 * the peer does meanwhile is found by the engine: an end on the way is reported after the events are set. `to` lives when
 * this is called; if it ends before the arrival, the connection is closed and `arrived` is not called. */
void conn_move(struct conn *conn, struct loop *to,
               void (*arrived)(void *context, struct conn *conn), void *context);

struct loop *conn_loop(struct conn *conn);
const struct address *conn_peer_address(const struct conn *conn);
/* After the handshake. Empty without TLS or when the peer sent none. Borrowed from the conn. */
struct str conn_alpn(const struct conn *conn);
struct str conn_server_name(const struct conn *conn); /* SNI, lower case */
/* The verified chain, leaf first; borrowed; NULL if none. */
STACK_OF(X509) * conn_peer_chain(const struct conn *conn);
uint64_t conn_bytes_read(const struct conn *conn);
/* Monotonic time of the last byte read. */
int64_t conn_last_read_ms(const struct conn *conn);

#endif
