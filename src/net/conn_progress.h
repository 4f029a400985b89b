/* conn_progress.h: how the peer's system takes what we send, for heartbeats.
 *
 * TCP tells more than the bytes that arrive: a path that still acknowledges ours is slow, not dead, and a path that does not is
 * dead even while the socket takes more. One system call on each look; nothing is kept between looks.
 * Any number of looks, on the connection's loop thread. What the system has to tell is asked by conn_progress_linux.c; elsewhere
 * conn_progress_portable.c knows nothing, and says so.
 * What it cannot tell: whether the peer's program is alive, since its system acknowledges for it; and anything behind a proxy.
 */
#ifndef NET_CONN_PROGRESS_H
#define NET_CONN_PROGRESS_H

#include "net/conn.h"

struct conn_progress {
    uint64_t
        acked_bytes; /* of ours, by the peer's system, since the connection was made; grows only */
    bool is_outstanding;   /* something that was written to the socket is not acknowledged yet */
    int64_t round_trip_ms; /* smoothed, as TCP measures it; 0: unknown */
};

/* All zeros where the system cannot tell: no TCP, or no connection any more. */
struct conn_progress conn_progress(const struct conn *conn);

#endif
