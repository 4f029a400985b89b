#include "tunnel/tunnel_heartbeat.h"

#include <string.h>

#define QUIET_MS 5000
#define QUIET_WAITING_MS 1000
/* A timer this late means that the process stood still, not the peer: the peer gets its time anew. */
#define FROZEN_MS 1000

static int64_t quiet_ms(const struct tunnel_heartbeat *heartbeat) {
    return heartbeat->waiting > 0 ? QUIET_WAITING_MS : QUIET_MS;
}

static void set_timer(struct tunnel_heartbeat *heartbeat, int64_t delay_ms) {
    heartbeat->due_ms = loop_now_ms(conn_loop(heartbeat->conn)) + delay_ms;
    loop_timer_set(&heartbeat->timer, delay_ms);
}

static void send_ping(struct tunnel_heartbeat *heartbeat, int64_t now_ms) {
    uint8_t payload[8];
    memcpy(payload, &now_ms, sizeof(payload));
    heartbeat->pinged_at_ms = now_ms;
    h2_session_ping(heartbeat->session, payload);
    set_timer(heartbeat, quiet_ms(heartbeat));
}

static void check_life(struct loop_timer *timer) {
    struct tunnel_heartbeat *heartbeat = timer->context;
    int64_t now_ms = loop_now_ms(timer->loop);
    int64_t read_at_ms = conn_last_read_ms(heartbeat->conn);
    if (heartbeat->pinged_at_ms != 0 && read_at_ms >= heartbeat->pinged_at_ms) {
        heartbeat->pinged_at_ms = 0;
    }
    bool was_frozen = now_ms - heartbeat->due_ms >= FROZEN_MS;
    int64_t since_ms = heartbeat->pinged_at_ms != 0 ? heartbeat->pinged_at_ms : read_at_ms;
    int64_t left_ms = quiet_ms(heartbeat) - (now_ms - since_ms);
    if (left_ms > 0) {
        set_timer(heartbeat, left_ms);
        return;
    }
    if (heartbeat->pinged_at_ms == 0 || was_frozen) {
        send_ping(heartbeat, now_ms);
        return;
    }
    heartbeat->on_dead(heartbeat->owner);
}

void tunnel_heartbeat_start(struct tunnel_heartbeat *heartbeat, struct conn *conn,
                            struct h2_session *session, void (*on_dead)(void *owner), void *owner) {
    heartbeat->conn = conn;
    heartbeat->session = session;
    heartbeat->pinged_at_ms = 0;
    heartbeat->waiting = 0;
    heartbeat->on_dead = on_dead;
    heartbeat->owner = owner;
    loop_timer_init(&heartbeat->timer, conn_loop(conn), check_life, heartbeat);
    set_timer(heartbeat, QUIET_MS);
}

void tunnel_heartbeat_expect(struct tunnel_heartbeat *heartbeat, size_t waiting) {
    bool was_waiting = heartbeat->waiting > 0;
    heartbeat->waiting = waiting;
    if (was_waiting || waiting == 0) {
        return;
    }
    /* At most one timer is set per second, however often requests come and go. */
    if (heartbeat->due_ms - loop_now_ms(conn_loop(heartbeat->conn)) > QUIET_WAITING_MS) {
        set_timer(heartbeat, QUIET_WAITING_MS);
    }
}

void tunnel_heartbeat_stop(struct tunnel_heartbeat *heartbeat,
                           void (*closed)(struct loop_timer *timer)) {
    loop_timer_close(&heartbeat->timer, closed);
}
