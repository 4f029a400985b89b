/* tunnel_heartbeat.h: notices within seconds that the other end of a tunnel is gone; the same on both ends.
 *
 * What counts as life is any byte read. When none came for 2.4 s a PING is sent, and repeated until something is read. Then:
 *
 *   the path is dead      our bytes are not even acknowledged by the peer's system, for 2.4 s        dead 4.8 s after the last byte
 *   the peer is dead      they are, but nothing answers (a stopped process; behind a proxy: anything) dead 4.8 s after the last byte
 *   the path is slow      they are being acknowledged, while more of ours waits: nobody is dead; for 30 s at most
 *
 * With exchanges that wait for the peer (tunnel_heartbeat_expect), or bytes of ours that do not leave (tunnel_heartbeat_carry), the
 * first PING is sent after 0.9 s, and a path is dead after 0.95 s more, or three of its own round trips where these are longer (at
 * most 2.4 s): in all 1.9 s. A peer that is stopped gets its 4.8 s, since its system acknowledges for it: a busy machine is no dead one.
 * A packet that is lost costs no verdict: the repeated PING makes TCP notice the gap at once instead of after its own timeout.
 *
 * A process that stood still itself (SIGSTOP, a machine without time for it) begins anew: its peer had no chance to be heard. The
 * clock is the monotonic one, which stands still while the machine is suspended, as TCP's own timers do: after resume nothing
 * is judged by the time that was slept; the next PING is answered, by a reset or not at all, and tells the truth within 4.8 s.
 * Why these figures, and what they cost: docs/decisions/0006-who-is-dead.md.
 */
#ifndef TUNNEL_TUNNEL_HEARTBEAT_H
#define TUNNEL_TUNNEL_HEARTBEAT_H

#include "http/h2_session.h"
#include "net/conn.h"
#include "net/loop.h"

struct tunnel_heartbeat {
    struct loop_timer timer;
    struct conn *conn;
    struct h2_session *session;
    int64_t due_ms;        /* when the timer is to fire */
    int64_t pinged_at_ms;  /* the first PING since the last byte was read; 0: none */
    uint64_t pinged_bytes; /* read so far, at that time */
    int64_t moved_at_ms;   /* when our output was last seen to move, or to be through */
    uint64_t acked_bytes;
    int64_t awake_at_ms; /* we stood still until then */
    size_t waiting;
    bool is_carrying;
    void (*on_dead)(void *owner); /* called once; the owner aborts the conn */
    void *owner;
};

void tunnel_heartbeat_start(struct tunnel_heartbeat *heartbeat, struct conn *conn,
                            struct h2_session *session, void (*on_dead)(void *owner), void *owner);
/* The number of exchanges that wait for the peer. */
void tunnel_heartbeat_expect(struct tunnel_heartbeat *heartbeat, size_t waiting);
/* Whether there are exchanges whose bytes we may be sending: then it is watched, without a byte on the wire, that they leave. */
void tunnel_heartbeat_carry(struct tunnel_heartbeat *heartbeat, bool is_carrying);
/* Stops; `closed` as in loop_timer_close. */
void tunnel_heartbeat_stop(struct tunnel_heartbeat *heartbeat,
                           void (*closed)(struct loop_timer *timer));

#endif
