/* h2_window.h: how much a peer may send on a stream before its owner has consumed it: little at first, more to who needs it.
 *
 * A window has to hold what is under way in one round trip; twice that, so that it is never what is waited for. A PING measures it: it
 * is sent while DATA arrives, and until it is answered the stream's bytes are counted. When they come to half of the window,
 * and the owner has consumed all but a quarter of it by then, the window is doubled, up to the session's most for a stream. What
 * queues make a PING wait for is not distance: bytes count by the shortest round trip of the last 10 to 20 s. So a stream reaches
 * its rate in a few round trips, however long they are, while one whose owner does not keep pace stays where it is.
 * All growth of a session comes out of one account (h2_config.growth_bytes) and returns there when the stream is gone: this,
 * and the first windows, are what a session can be made to hold.
 * Consumed bytes are announced by eighths of a window, 32 KiB at least (a half of a window that is smaller than that).
 * One PING is under way at a time, and a stream asks for one every 16 KiB at most: small messages cause none.
 */
#ifndef HTTP_H2_WINDOW_H
#define HTTP_H2_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h2_session;
struct h2_stream;

/* Of a session. */
struct h2_window_probe {
    bool is_under_way;
    uint32_t serial; /* of the one that is under way, or of the last */
    int64_t began_at_ms;
    int64_t
        shortest_ms; /* round trip since `epoch_at_ms`, and in the 10 s before; -1: none was measured */
    int64_t shortest_before_ms;
    int64_t epoch_at_ms;
};

struct h2_window {
    size_t unconsumed;  /* handed to the owner */
    size_t unannounced; /* consumed, and not yet given back to the peer */
    size_t counted;     /* received in the round trip of `serial` */
    size_t since;       /* received since the stream asked for one */
    size_t grown_bytes; /* beyond the first window */
    uint32_t serial;    /* of the session's round trip that is counted */
};

void h2_window_probe_init(struct h2_window_probe *probe);
/* DATA arrived for the owner. */
void h2_window_received(struct h2_stream *stream, size_t len);
/* The owner is done with it: it may be sent anew. */
void h2_window_consumed(struct h2_stream *stream, size_t len);
/* The stream is gone: its growth goes back to the session. */
void h2_window_forget(struct h2_stream *stream);
/* False if this PING is not one of ours. */
bool h2_window_take_ping_ack(struct h2_session *session, const uint8_t payload[8]);

#endif
