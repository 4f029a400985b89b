/* h1_server_core.h: the inside of an HTTP/1 server, shared by the h1_server*.c files and nobody else.
 *
 * h1_server.c         the connection's calls, and what becomes due between them
 * h1_server_input.c   the visitor's bytes: heads, bodies, a WebSocket's
 * h1_server_answer.c  what the owner of the exchange may call
 * h1_server_core.c    ends, and refusals
 *
 * Owners hear of things only from the connection's calls: what one of their own calls brings about is noted in here, and told at the
 * next look (settle in h1_server.c).
 */
#ifndef HTTP_H1_SERVER_CORE_H
#define HTTP_H1_SERVER_CORE_H

#include "base/buf.h"
#include "base/memory.h"
#include "http/h1_flow.h"
#include "http/h1_out.h"
#include "http/h1_parse.h"
#include "http/h1_server.h"

/* The most that is kept of pipelined bytes; a connection that reads on in spite of wants_read ends here. */
#define H1_LEFTOVER_BYTES_MAX ((size_t)1 << 20)

enum h1_receiving {
    H1_RECEIVING_HEAD,
    H1_RECEIVING_BODY,
    H1_RECEIVING_NOTHING, /* the request is complete: what comes now belongs to the next one */
    H1_RECEIVING_RAW,     /* the bytes of a WebSocket */
};

enum h1_switching {
    H1_SWITCHING_NOT,   /* an ordinary exchange */
    H1_SWITCHING_ASKED, /* a WebSocket is asked for: bytes that come are kept until it is granted */
    H1_SWITCHING_REFUSED, /* an ordinary answer was given; the request's end is still to be told */
    H1_SWITCHING_DONE,    /* 101 is queued: both directions are raw */
};

enum h1_answering {
    H1_ANSWERING_NOTHING, /* no final head yet */
    H1_ANSWERING_BODY,
    H1_ANSWERING_COMPLETE, /* all of it queued, perhaps not yet written */
};

struct h1_server {
    struct engine engine;      /* first: h1_server_engine's callers hold this */
    struct http_stream stream; /* the present exchange, while is_open */
    struct h1_server_config config;
    struct arena arena;
    struct http_head head;
    struct http_head trailers; /* only the fields */
    struct h1_scan scan;
    struct h1_body body;
    struct h1_out out;
    struct h1_flow flow;
    struct buf leftover;
    struct str key; /* of the WebSocket that is asked for */
    enum h1_receiving receiving;
    enum h1_answering answering;
    enum h1_switching switching;
    enum http_close failure; /* when has_failed */
    unsigned serial;         /* of the exchange: callbacks may end it and begin the next */
    size_t discarded;        /* body bytes sent in vain, still to be reported as sent */
    bool is_open;            /* an exchange is going on */
    bool is_released;        /* it has no owner any more; its answer is still being written */
    bool is_keep_alive;      /* the connection may outlive the exchange */
    bool expects_continue;   /* the client waits for 100 with its body */
    bool has_failed;         /* by an owner's call: to be closed at the next look */
    bool has_skipped_line;   /* the one empty line that may precede a request */
    bool is_ended;           /* the peer has closed its sending side */
    bool is_draining;        /* the next final head says Connection: close */
    bool is_final;           /* and no other request is waited for */
    bool is_closed;          /* nothing is read any more; what is queued is written */
};

static inline struct h1_server *h1_server_core_from_stream(struct http_stream *stream) {
    return CONTAINER_OF(stream, struct h1_server, stream);
}

/* True while the exchange of this serial is there and wants events. */
static inline bool h1_server_core_is_heard(const struct h1_server *server, unsigned serial) {
    return server->is_open && server->serial == serial && !server->is_released &&
           !server->has_failed;
}

/* Nothing is read any more; what is queued is written. */
void h1_server_core_close(struct h1_server *server);
/* The last event of the exchange. */
void h1_server_core_end(struct h1_server *server, enum http_close reason);
/* From inside an owner's call: the exchange ends at the next look. */
void h1_server_core_fail_later(struct h1_server *server, enum http_close reason);
/* Answers a request that cannot be served with a page or a bare status line, and closes. */
void h1_server_core_reject(struct h1_server *server, unsigned status, const struct why *why);

#endif
