/* h2_stream.h: one stream of an HTTP/2 session: what its owner may call (http_stream.h) and what it is told.
 *
 * A stream lives until the library has closed it AND its owner was told (or has released it). Released streams live on
 * without events until the reset, or the rest of a complete response, is packed; they still count against the
 * peer's limit. Events that arise while output is being packed are kept on the session's list `events` and
 * delivered by h2_stream_deliver, from peek, feed and lost only.
 */
#ifndef HTTP_H2_STREAM_H
#define HTTP_H2_STREAM_H

#include "base/arena.h"
#include "base/block.h"
#include "base/list.h"
#include "http/h2_head.h"
#include "http/h2_window.h"
#include "http/http_stream.h"

struct h2_session;

/* What we send on it. */
enum h2_local {
    H2_LOCAL_HEAD,  /* the (final) head is still to come */
    H2_LOCAL_BODY,  /* head submitted; bytes and the end follow */
    H2_LOCAL_ENDED, /* the owner said everything */
    H2_LOCAL_DONE,  /* END_STREAM is packed */
};

/* What the peer sends on it. */
enum h2_remote {
    H2_REMOTE_HEAD,
    H2_REMOTE_BODY,
    H2_REMOTE_DONE,
};

enum h2_switching {
    H2_SWITCHING_NOT, /* an ordinary exchange; at a client also one that was refused a WebSocket */
    H2_SWITCHING_ASKED, /* for a WebSocket, and not answered yet */
    H2_SWITCHING_REFUSED, /* server: an ordinary answer was given, the request is over for its owner */
    H2_SWITCHING_DONE,    /* both directions are the WebSocket's */
};

enum h2_life {
    H2_LIFE_OWNED,    /* events go to the owner */
    H2_LIFE_RESET,    /* we sent, or are about to send, RST_STREAM: only on_closed follows */
    H2_LIFE_RELEASED, /* no owner any more */
};

struct h2_stream {
    struct http_stream base; /* first */
    struct h2_session *session;
    struct list node;  /* in the session's streams, or spare */
    struct list event; /* in the session's events, if linked */
    struct arena arena;
    int32_t id;
    enum h2_local local;
    enum h2_remote remote;
    enum h2_life life;
    enum h2_switching switching;
    bool is_held_end;       /* END_STREAM came before the owner may hear of it */
    bool is_closed;         /* the library has closed it */
    bool is_peer_reset;     /* by the peer's RST_STREAM */
    bool is_waiting;        /* the library waits for bytes in the queue */
    bool is_head_request;   /* HEAD: no body comes back */
    bool has_local_limit;   /* local_left counts */
    bool has_remote_limit;  /* remote_left counts */
    uint8_t interim_count;  /* 1xx heads received */
    size_t head_bytes;      /* of the heads and trailers received: counted on the session, too */
    enum http_close reason; /* once is_closed, or once we reset it */
    uint64_t local_left;    /* body bytes that the declared length still wants from us */
    uint64_t remote_left;   /* and from the peer */
    struct h2_window window;
    size_t sent; /* packed and not yet reported by on_sent */
    struct block_queue queue;
    struct block_queue held;    /* server: a WebSocket's bytes that came before the answer */
    struct h2_head_nv trailers; /* to be sent after the queue */
};

/* A new one, on the session's list, without an id. */
struct h2_stream *h2_stream_new(struct h2_session *session);
void h2_stream_free(struct h2_stream *stream);
/* Frees all but `keep` of the streams that are kept to be used again. */
void h2_stream_trim(struct h2_session *session, size_t keep);
/* The peer's message is complete: on_end, or a reset if it was shorter than declared. */
void h2_stream_tell_end(struct h2_stream *stream, const struct http_fields *trailers);
/* Puts it on the session's event list. */
void h2_stream_queue_event(struct h2_stream *stream);
/* Tells owners what is on the event list, and frees what is over. Returns true if there was anything. */
bool h2_stream_deliver(struct h2_session *session);

/* Nothing but on_closed with `reason` comes any more; queued bytes are dropped. */
void h2_stream_give_up(struct h2_stream *stream, enum http_close reason);
/* And RST_STREAM; the owner gets on_closed with `reason` when it is packed. */
void h2_stream_reset(struct h2_stream *stream, uint32_t h2_error, enum http_close reason);
/* The engine's own answer to a request that no owner sees: this status, no body, then gone. */
void h2_stream_refuse(struct h2_stream *stream, unsigned status);
/* The library closed it. */
void h2_stream_closed(struct h2_stream *stream, uint32_t h2_error);
/* Client: the final head of an answer to who asked for a WebSocket. True, and a 101, if it was granted; if not, the
 * request ends here. */
bool h2_stream_take_switch(struct h2_stream *stream, struct http_head *head);
/* END_STREAM was packed. */
void h2_stream_sent_end(struct h2_stream *stream);

/* h2_session_has_room. */
bool h2_stream_may_open(const struct h2_session *session);
/* The rest of h2_session_open. */
struct http_stream *h2_stream_open(struct h2_session *session, const struct http_head *head,
                                   bool is_end, const struct http_stream_events *events,
                                   void *owner);

#endif
