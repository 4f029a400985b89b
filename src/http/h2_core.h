/* h2_core.h: the inside of a session, shared by the h2_*.c files and nobody else.
 *
 * h2_session.c   life, settings, the engine's calls
 * h2_core.c      waking the connection, ending, draining
 * h2_receive.c   the library's callbacks for what the peer sent
 * h2_stream.c    streams: what their owners may call, what they are told
 * h2_window.c    how far ahead of its owner a peer may send
 * h2_output.c    packing frames into the block that the transport writes from
 * h2_head.c      header lists; h2_budget.c: what a hostile peer may cost
 *
 * The library must not be asked for output, nor the session be ended, while it is taking input: `busy` says so, and
 * whatever an owner wants then is submitted (RST_STREAM, HEADERS) or remembered (`end_error`) for when it returns.
 */
#ifndef HTTP_H2_CORE_H
#define HTTP_H2_CORE_H

#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "http/h2_budget.h"
#include "http/h2_head.h"
#include "http/h2_session.h"
#include "http/h2_stream.h"

enum h2_session_state {
    H2_SESSION_OPEN,
    H2_SESSION_NOTICED, /* GOAWAY with the highest id sent; a PING round trip is under way */
    H2_SESSION_FINAL,   /* GOAWAY with the last id submitted: open streams are being finished */
    H2_SESSION_ENDED,   /* GOAWAY with an error submitted: nothing of the peer counts any more */
    H2_SESSION_BROKEN,  /* the library failed: not even a GOAWAY */
    H2_SESSION_LOST,    /* the transport is gone */
};

enum h2_busy {
    H2_BUSY_NOT,
    H2_BUSY_RECEIVING, /* inside nghttp2_session_mem_recv */
    H2_BUSY_SENDING,   /* inside nghttp2_session_mem_send */
};

struct h2_session {
    struct engine engine; /* first: h2_session_engine's callers hold this */
    struct h2_config config;
    nghttp2_session *ng;
    enum h2_session_state state;
    enum h2_busy busy;
    bool has_end_error; /* end with end_error as soon as not busy */
    uint32_t end_error;
    bool is_goaway_received;
    bool has_settings; /* the peer's first SETTINGS came */
    bool is_notified;  /* since the last peek */

    struct h2_budget budget;      /* but for H2_TUNNEL */
    struct h2_head_reader reader; /* of the header block that is arriving */
    struct h2_stream *reading;    /* whose block that is, or NULL: dropped */

    size_t growth_left; /* h2_window.h: what streams' windows may still grow by */
    struct h2_window_probe probe;

    struct list streams; /* all that live */
    size_t stream_count;
    size_t head_bytes;  /* that they hold, received and decoded: bounded in h2_receive.c */
    struct list events; /* streams that have something to tell their owners */
    struct list spare;  /* streams to use again, with their arenas */
    size_t spare_count;

    struct block *out; /* packed output, or NULL */
    /* of a frame that did not fit: the library's memory until its next mem_send */
    const uint8_t *remainder;
    size_t remainder_len;
};

/* Tells the connection that there is something to write, once per peek. */
void h2_core_wake(struct h2_session *session);
/* Ends the session with this error once the library is not busy. */
void h2_core_end(struct h2_session *session, uint32_t h2_error);
/* Does what h2_core_end put off. */
void h2_core_end_if_due(struct h2_session *session);
/* h2_session_drain. */
void h2_core_drain(struct h2_session *session);
/* An answer to the PING of a drain, or to one of the owner's. */
void h2_core_take_ping_ack(struct h2_session *session, const uint8_t payload[8]);
/* Takes points off a visitor's budget; overdrawn, the session ends with ENHANCE_YOUR_CALM. */
void h2_core_charge(struct h2_session *session, unsigned points);

#endif
