/* h2_session.h: HTTP/2 (RFC 9113) over nghttp2, in both roles: for visitors (server), for workloads (client), and for the tunnel
 * (the edge is the client, the warpgate the server, on a connection that the warpgate dialled).
 *
 * The library does frames and HPACK; validation is ours (http_check.h), so it runs with no_http_messaging, no automatic
 * window updates, no_closed_streams. The connection window is given back at once, a stream's window when its owner
 * consumed: one slow reader never stops the others. A stream's window begins small and grows as far as its rate needs
 * (h2_window.h). Output is packed into 64 KiB blocks, DATA straight from the stream's queue.
 *
 * A budget bounds abuse by the peer (all profiles but the tunnel): resets in either direction (also those that we send because of
 * the peer's frames), control frames, empty DATA, CONTINUATION, header count and bytes (counted while decoding: over the
 * limit the rest is dropped and the stream gets 431 or a reset). Overdrawn, the session ends with GOAWAY ENHANCE_YOUR_CALM.
 * The figures are in h2_budget.h. The tunnel profile has none: the edge is trusted with that, and one visitor's cancels must not
 * cut others. A workload that overdraws loses its own connection, and what was open on it is HTTP_CLOSE_LOST.
 *
 * Releasing a stream (http_stream_release): a server's complete answer that fits the peer's window is still written, and
 * the rest of the request then refused with NO_ERROR, which the client sees as HTTP_CLOSE_DONE after the answer. Otherwise
 * a server resets with INTERNAL_ERROR and a client with CANCEL. on_sent means packed into the output block.
 * The heads of a visitor's open requests are at most H2_OPEN_HEADS_BYTES_MAX together: HPACK makes a large one of a few bytes,
 * again and again. The request beyond that is refused (REFUSED_STREAM). Those of the answers that a client has open (a hostile
 * warpgate's, a hostile workload's) are at most H2_ANSWER_HEADS_BYTES_MAX together, and the 1xx of one answer HTTP_HEAD_BYTES_MAX:
 * the answer beyond that is MALFORMED.
 * A stream counts against max_streams until its owner got on_closed. Plain CONNECT is refused as malformed.
 * Malformed requests are reset with PROTOCOL_ERROR; heads over the limits are answered 431 (414 for the path), a :protocol other
 * than websocket 501, right here.
 *
 * WebSocket (RFC 8441): servers announce it. A request with head->protocol: `is_end` false; what the peer sends before the final
 * head is kept (at most the stream's window) and handed out after a 101, which is :status 200 on the wire. With any other
 * final head the request is over: on_end comes, what was kept or still comes is dropped. On a tunnel a 2xx that did not switch carries
 * mezusphere-declined; a visitor cannot be told so, and a server that says 2xx to one resets the stream. A client's stream:
 * 2xx becomes 101; with any other final head its request has ended. What its owner sends or ends before is a bug of it: reset, MALFORMED.
 * After 101 each direction is DATA until its END_STREAM; trailers are malformed from the peer, and dropped from the owner.
 */
#ifndef HTTP_H2_SESSION_H
#define HTTP_H2_SESSION_H

#include "base/block.h"
#include "base/clock.h"
#include "base/engine.h"
#include "http/http_stream.h"

struct h2_session;

#define H2_OPEN_HEADS_BYTES_MAX                                                                    \
    (512u << 10) /* a hundred requests of 5 KiB each, as HTTP_HEAD_BYTES_MAX counts */
#define H2_ANSWER_HEADS_BYTES_MAX (32u << 20) /* of thirty thousand answers of 1 KiB each */

enum h2_role {
    H2_SERVER,
    H2_CLIENT,
};

enum h2_profile {
    H2_VISITOR,  /* hostile peer: budget enforced */
    H2_TUNNEL,   /* our own peer: only limits on memory */
    H2_UPSTREAM, /* client: a workload, which may only hurt itself: budget enforced, and its stream limit taken for 100 until known */
};

struct h2_config {
    enum h2_role role;
    enum h2_profile profile;
    struct block_pool *pool;
    const struct clock *clock;        /* for the budget's refill */
    struct http_server server;        /* H2_SERVER: requests go there */
    uint32_t max_streams;             /* that the peer may open; 0: 100000 for tunnels, else 100 */
    uint32_t stream_window_bytes;     /* a stream's first receive window; 0: 64 KiB */
    uint32_t stream_window_max_bytes; /* what it may grow to (h2_window.h); 0: 4 MiB */
    uint32_t
        growth_bytes; /* what all of a session's may grow by together; 0: 64 MiB for tunnels, else 8 MiB */
    /* receive window of the connection; 0: 16 MiB, which is more than a visitor's streams can take together */
    uint32_t session_window_bytes;
    /* Session-level events; each may be NULL. Called with `context`. */
    void (*on_ping_ack)(void *context, const uint8_t payload[8]);
    void (*on_goaway)(void *context);   /* the peer sent GOAWAY: open no more streams here */
    void (*on_settings)(void *context); /* the peer's first SETTINGS arrived */
    /* client: a stream is gone, or the peer's limit is another: there may be room for a stream */
    void (*on_room)(void *context);
    void *context;
};

struct h2_session *h2_session_new(const struct h2_config *config);
struct engine *h2_session_engine(struct h2_session *session);

/* Client: opens a stream with this request head (copied). NULL when the peer sent GOAWAY, the session is ending, the
 * peer's stream limit is reached, or the head asks for a WebSocket and the peer takes none. */
struct http_stream *h2_session_open(struct h2_session *session, const struct http_head *head,
                                    bool is_end, const struct http_stream_events *events,
                                    void *owner);

/* Client: would h2_session_open find room now? If not because of the peer's limit: on_room says when to look again. */
bool h2_session_has_room(const struct h2_session *session);
/* Client: the server takes WebSockets (RFC 8441 §3). Known once its first SETTINGS have come. */
bool h2_session_takes_websocket(const struct h2_session *session);
size_t h2_session_stream_count(const struct h2_session *session);
bool h2_session_is_draining(const struct h2_session *session); /* GOAWAY was sent or received */
void h2_session_ping(struct h2_session *session, const uint8_t payload[8]);
/* GOAWAY with the highest id now, and with the last accepted id once a PING round trip is over; then ENGINE_DONE when
 * the last stream is gone (RFC 9113 §6.8). */
void h2_session_drain(struct h2_session *session);
/* GOAWAY with this error (RFC 9113 §7) and done. */
void h2_session_abort(struct h2_session *session, uint32_t h2_error);

#endif
