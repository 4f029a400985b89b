/* http_stream.h: one exchange, the same for HTTP/1 and HTTP/2, for servers and clients.
 *
 * An engine makes a stream when a request head has arrived (server) or when asked to send one (client). Its owner (a
 * request of the edge, of the warpgate, of the API) attaches a table of events and from then on speaks to it with the
 * calls below. This is the only seam between message bytes and everything that decides about them.
 *
 * Body bytes and back-pressure: on_data hands over borrowed bytes; the owner says http_stream_consumed when they have
 * left for good, and until then the window (HTTP/2) or the reading of the connection (HTTP/1) is held back.
 * http_stream_send copies bytes into the stream's queue; on_sent says when they have been handed to the transport. So
 *     on_data(n) on one side -> send(n) on the other -> on_sent(n) -> consumed(n) on the first
 * is a relay with bounded memory: at most one window is ever queued.
 *
 * Order of events: client: on_head (any number of 1xx), on_head (final), on_data..., on_end, on_closed. Server: the
 * request callback of the engine, then on_data..., on_end, on_closed. on_sent at any time between.
 * WebSocket (http_message.h): a request with `protocol` has no on_end before it is answered. From a final head of 101 on, on_data and send
 * carry the WebSocket's bytes, on_end and http_stream_end each say that one direction is over, and there are no trailers. Bytes that came
 * before are handed out then. HTTP/1 cannot close in one direction: when ours is written, on_end comes if it had not. With any other
 * final head the request is over: on_end comes (server), and the owner may send no more (client). A client's owner says nothing before.
 * Life: on_closed is the last event and comes exactly once, never from inside a call that the owner makes; after it, the
 * stream is gone. http_stream_release ends it from the owner's side: no event comes after that call, and if the
 * exchange was not complete in both directions it is reset (HTTP/2) or its connection closed (HTTP/1).
 * Events other than on_closed are never called from inside a call on the same stream either.
 */
#ifndef HTTP_HTTP_STREAM_H
#define HTTP_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_message.h"

struct http_stream;

enum http_close {
    HTTP_CLOSE_DONE,      /* both directions complete and written */
    HTTP_CLOSE_CANCELLED, /* the peer gave the exchange up */
    HTTP_CLOSE_REFUSED, /* the peer provably did not process it (RFC 9113 §8.7): may be sent elsewhere */
    HTTP_CLOSE_MALFORMED, /* the peer broke the protocol */
    HTTP_CLOSE_LOST,      /* the connection is gone */
};

struct http_stream_events {
    /* Client only. `head` lives until the stream is gone. `is_end`: no body and no trailers follow (on_end still comes). */
    void (*on_head)(void *owner, const struct http_head *head, bool is_end);
    void (*on_data)(void *owner, const uint8_t *bytes, size_t len);
    /* `trailers` is NULL or lives until the stream is gone. */
    void (*on_end)(void *owner, const struct http_fields *trailers);
    void (*on_sent)(void *owner, size_t len);
    void (*on_closed)(void *owner, enum http_close reason);
};

struct http_stream_ops {
    void (*send_head)(struct http_stream *stream, const struct http_head *head, bool is_end);
    void (*send)(struct http_stream *stream, const uint8_t *bytes, size_t len);
    void (*end)(struct http_stream *stream, const struct http_fields *trailers);
    void (*consumed)(struct http_stream *stream, size_t len);
    void (*release)(struct http_stream *stream);
};

/* Embedded at the start of each engine's own stream. */
struct http_stream {
    const struct http_stream_ops *ops;
    const struct http_stream_events *events;
    void *owner;
    struct arena *arena; /* the stream's: for what must live as long as it */
    size_t unsent;       /* body bytes queued by send and not yet reported by on_sent */
};

static inline void http_stream_attach(struct http_stream *stream,
                                      const struct http_stream_events *events, void *owner) {
    stream->events = events;
    stream->owner = owner;
}

/* Server: a response head (1xx any number of times, then one final); client streams are born with theirs sent. The head
 * is copied. `is_end`: nothing follows. The engine frames the body: by Content-Length if the head has one, else by
 * chunks (1.1), by closing (1.0) or by DATA frames (2). */
static inline void http_stream_send_head(struct http_stream *stream, const struct http_head *head,
                                         bool is_end) {
    stream->ops->send_head(stream, head, is_end);
}

/* Copies body bytes into the queue. Bytes beyond a declared Content-Length are a bug of the caller's peer: the stream is
 * reset and closes with HTTP_CLOSE_MALFORMED. */
static inline void http_stream_send(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    stream->ops->send(stream, bytes, len);
}

/* The body is complete; `trailers` may be NULL and is copied. */
static inline void http_stream_end(struct http_stream *stream, const struct http_fields *trailers) {
    stream->ops->end(stream, trailers);
}

static inline void http_stream_consumed(struct http_stream *stream, size_t len) {
    stream->ops->consumed(stream, len);
}

static inline void http_stream_release(struct http_stream *stream) {
    stream->ops->release(stream);
}

/* For a stream whose owner is done with it before it has ended: what still arrives is consumed unread, and it closes by
 * itself once both directions are complete. */
void http_stream_discard(struct http_stream *stream);

/* What a server engine calls when a request head is complete. `head` lives until the stream is gone. The callee attaches
 * its events before it returns and may answer at once. `is_end`: no body follows (on_end still comes). */
struct http_server {
    void (*on_request)(void *context, struct http_stream *stream, const struct http_head *head,
                       bool is_end);
    void *context;
};

#endif
