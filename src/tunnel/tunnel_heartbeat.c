#include "tunnel/tunnel_heartbeat.h"

#include <string.h>

#include "net/conn_progress.h"

#define QUIET_MS 2400 /* without a byte: ask; and again so long: dead */
#define QUIET_URGENT_MS 900
#define ANSWER_URGENT_MS 950
#define ROUND_TRIPS 3 /* of this path, where they take longer than the above */
#define LOOK_MS 600   /* between PINGs that are not answered */
#define LOOK_URGENT_MS 240
#define LOOK_CARRYING_MS 450 /* between looks at whether our bytes leave */
#define SLOW_MS 30000
/* A timer this late means that the process stood still, not the peer: the peer gets its time anew. */
#define FROZEN_MS 500

/* What is known at one look. */
struct look {
    int64_t now_ms;
    int64_t silent_since_ms;
    bool is_outstanding;
    bool is_urgent;
    int64_t round_trip_ms;
};

static int64_t later_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void set_timer(struct tunnel_heartbeat *heartbeat, int64_t delay_ms) {
    heartbeat->due_ms = loop_now_ms(conn_loop(heartbeat->conn)) + delay_ms;
    loop_timer_set(&heartbeat->timer, delay_ms);
}

static struct conn_progress note_progress(struct tunnel_heartbeat *heartbeat, int64_t now_ms) {
    struct conn_progress progress = conn_progress(heartbeat->conn);
    if (!progress.is_outstanding || progress.acked_bytes != heartbeat->acked_bytes) {
        heartbeat->moved_at_ms = now_ms;
        heartbeat->acked_bytes = progress.acked_bytes;
    }
    return progress;
}

static struct look look_around(struct tunnel_heartbeat *heartbeat) {
    struct look look = {.now_ms = loop_now_ms(conn_loop(heartbeat->conn))};
    look.silent_since_ms = later_of(conn_last_read_ms(heartbeat->conn), heartbeat->awake_at_ms);
    if (heartbeat->pinged_at_ms != 0 &&
        conn_bytes_read(heartbeat->conn) != heartbeat->pinged_bytes) {
        heartbeat->pinged_at_ms = 0;
    }
    look.is_urgent = heartbeat->waiting > 0;
    if (heartbeat->pinged_at_ms != 0 || heartbeat->is_carrying) {
        struct conn_progress progress = note_progress(heartbeat, look.now_ms);
        look.is_outstanding = progress.is_outstanding;
        look.round_trip_ms = progress.round_trip_ms;
        look.is_urgent |=
            heartbeat->is_carrying && look.now_ms - heartbeat->moved_at_ms >= LOOK_CARRYING_MS;
    }
    return look;
}

static void send_ping(struct tunnel_heartbeat *heartbeat, const struct look *look) {
    uint8_t payload[8];
    memcpy(payload, &look->now_ms, sizeof(payload));
    if (heartbeat->pinged_at_ms == 0) {
        heartbeat->pinged_at_ms = look->now_ms;
        heartbeat->pinged_bytes = conn_bytes_read(heartbeat->conn);
    }
    h2_session_ping(heartbeat->session, payload);
    set_timer(heartbeat, look->is_urgent ? LOOK_URGENT_MS : LOOK_MS);
}

static bool is_dead(const struct tunnel_heartbeat *heartbeat, const struct look *look) {
    int64_t since_ping_ms = look->now_ms - heartbeat->pinged_at_ms;
    int64_t silent_ms = look->now_ms - look->silent_since_ms;
    if (!look->is_outstanding) {
        return silent_ms >= 2 * QUIET_MS && since_ping_ms >= QUIET_MS;
    }
    int64_t limit_ms = QUIET_MS;
    if (look->is_urgent) {
        limit_ms = later_of(ANSWER_URGENT_MS, ROUND_TRIPS * look->round_trip_ms);
        limit_ms = limit_ms < QUIET_MS ? limit_ms : QUIET_MS;
    }
    int64_t moved_at_ms = later_of(heartbeat->pinged_at_ms, heartbeat->moved_at_ms);
    return look->now_ms - moved_at_ms >= limit_ms || silent_ms >= SLOW_MS;
}

/* True when there was no need to ask yet; then the timer is set. */
static bool wait_on(struct tunnel_heartbeat *heartbeat, const struct look *look) {
    int64_t quiet_ms = look->is_urgent ? QUIET_URGENT_MS : QUIET_MS;
    int64_t left_ms = look->silent_since_ms + quiet_ms - look->now_ms;
    if (left_ms <= 0) {
        return false;
    }
    set_timer(heartbeat,
              heartbeat->is_carrying && left_ms > LOOK_CARRYING_MS ? LOOK_CARRYING_MS : left_ms);
    return true;
}

static void check_life(struct loop_timer *timer) {
    struct tunnel_heartbeat *heartbeat = timer->context;
    struct look look = look_around(heartbeat);
    if (look.now_ms - heartbeat->due_ms >= FROZEN_MS) {
        heartbeat->awake_at_ms = heartbeat->moved_at_ms = look.now_ms;
        heartbeat->pinged_at_ms = 0;
        send_ping(heartbeat, &look);
        return;
    }
    if (heartbeat->pinged_at_ms == 0 && wait_on(heartbeat, &look)) {
        return;
    }
    if (heartbeat->pinged_at_ms != 0 && is_dead(heartbeat, &look)) {
        heartbeat->on_dead(heartbeat->owner);
        return;
    }
    if (heartbeat->pinged_at_ms == 0) {
        (void)note_progress(heartbeat, look.now_ms);
    }
    send_ping(heartbeat, &look);
}

void tunnel_heartbeat_start(struct tunnel_heartbeat *heartbeat, struct conn *conn,
                            struct h2_session *session, void (*on_dead)(void *owner), void *owner) {
    heartbeat->conn = conn;
    heartbeat->session = session;
    heartbeat->pinged_at_ms = 0;
    heartbeat->pinged_bytes = 0;
    heartbeat->acked_bytes = 0;
    heartbeat->awake_at_ms = heartbeat->moved_at_ms = loop_now_ms(conn_loop(conn));
    heartbeat->waiting = 0;
    heartbeat->is_carrying = false;
    heartbeat->on_dead = on_dead;
    heartbeat->owner = owner;
    loop_timer_init(&heartbeat->timer, conn_loop(conn), check_life, heartbeat);
    set_timer(heartbeat, QUIET_MS);
}

/* The next look is not later than this. Timers are set a few times a second at most, however often requests come and go. */
static void look_by(struct tunnel_heartbeat *heartbeat, int64_t delay_ms) {
    if (heartbeat->due_ms - loop_now_ms(conn_loop(heartbeat->conn)) > delay_ms) {
        set_timer(heartbeat, delay_ms);
    }
}

void tunnel_heartbeat_expect(struct tunnel_heartbeat *heartbeat, size_t waiting) {
    bool was_waiting = heartbeat->waiting > 0;
    heartbeat->waiting = waiting;
    if (!was_waiting && waiting > 0) {
        look_by(heartbeat, heartbeat->pinged_at_ms != 0 ? LOOK_URGENT_MS : QUIET_URGENT_MS);
    }
}

void tunnel_heartbeat_carry(struct tunnel_heartbeat *heartbeat, bool is_carrying) {
    if (is_carrying && !heartbeat->is_carrying) {
        heartbeat->moved_at_ms = loop_now_ms(conn_loop(heartbeat->conn));
        look_by(heartbeat, LOOK_CARRYING_MS);
    }
    heartbeat->is_carrying = is_carrying;
}

void tunnel_heartbeat_stop(struct tunnel_heartbeat *heartbeat,
                           void (*closed)(struct loop_timer *timer)) {
    loop_timer_close(&heartbeat->timer, closed);
}
