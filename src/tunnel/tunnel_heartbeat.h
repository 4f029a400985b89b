/* tunnel_heartbeat.h: notices within seconds that the other end of a tunnel is gone; the same on both ends.
 *
 * When nothing was read for 5 s, a PING is sent; when still nothing is read 5 s later the tunnel is dead. With requests waiting
 * (tunnel_heartbeat_expect) both become 1 s. Any byte read counts as life.
 * A process that was frozen itself (SIGSTOP, a suspended machine) asks once more before it gives up.
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
    int64_t pinged_at_ms; /* 0: none outstanding */
    int64_t due_ms;       /* when the timer is to fire */
    size_t waiting;
    void (*on_dead)(void *owner); /* called once; the owner aborts the conn */
    void *owner;
};

void tunnel_heartbeat_start(struct tunnel_heartbeat *heartbeat, struct conn *conn,
                            struct h2_session *session, void (*on_dead)(void *owner), void *owner);
/* The number of exchanges that wait for the peer. */
void tunnel_heartbeat_expect(struct tunnel_heartbeat *heartbeat, size_t waiting);
/* Stops; `closed` as in loop_timer_close. */
void tunnel_heartbeat_stop(struct tunnel_heartbeat *heartbeat,
                           void (*closed)(struct loop_timer *timer));

#endif
