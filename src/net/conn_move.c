/* From one loop to another. What the old loop holds of the connection (poller, timer, its place among the flushes) is given up on
 * its thread; libuv says so in an iteration of its own, and only then is the connection posted. So at any time one thread
 * alone knows it, and the mailbox's lock orders what the two have written. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/conn_state.h"
#include "net/descriptor_budget.h"

struct conn_move {
    struct loop *to; /* lives in on_arrival, and not to be looked at before */
    struct loop_mailbox *mailbox;
    void (*arrived)(void *context, struct conn *conn);
    void *context;
    bool is_ended;
};

void conn_move(struct conn *conn, struct loop *to,
               void (*arrived)(void *context, struct conn *conn), void *context) {
    if (conn->engine != NULL || !conn->is_established || conn->state == CONN_MOVING ||
        conn->state == CONN_RELEASED) {
        log_error("conn.move_misplaced", "state=%d", (int)conn->state);
        abort();
    }
    struct conn_move *move = MEMORY_NEW(struct conn_move);
    *move = (struct conn_move){.to = to,
                               .mailbox = loop_mailbox_ref(to),
                               .arrived = arrived,
                               .context = context,
                               .is_ended = conn->state != CONN_OPEN};
    conn->move = move;
    conn_set_events(conn, &conn_no_events, NULL);
    loop_task_cancel(&conn->work);
    conn_enter(conn, CONN_MOVING);
    conn_close_handles(conn);
}

static void end_move(struct conn *conn) {
    memory_free(conn->move);
    conn->move = NULL;
}

/* On the new loop. */
static void on_arrival(void *context) {
    struct conn *conn = context;
    struct conn_move move = *conn->move;
    conn->loop = move.to;
    conn->has_moved = true;
    conn->polled = 0;
    conn->unwanted = 0;
    conn->read_turn = UINT64_MAX;
    conn_enter(conn, CONN_OPEN);
    conn_init_timer(conn);
    (void)conn_attach(conn, conn->fd, NULL,
                      NULL); /* if it fails the connection has ended: it is told */
    if (move.is_ended) {
        conn_end(conn, "closed", "closed");
    }
    end_move(conn);
    move.arrived(move.context, conn);
    conn_schedule(conn);
}

/* There is nobody to whom it could arrive. */
static void on_dropped(void *context) {
    struct conn *conn = context;
    (void)tls_session_shutdown(&conn->tls);
    tls_session_close(&conn->tls);
    close(conn->fd);
    descriptor_budget_give();
    end_move(conn);
    memory_free(conn);
}

void conn_move_depart(struct conn *conn) {
    struct loop_mailbox *mailbox = conn->move->mailbox;
    conn->move->mailbox = NULL; /* the arrival may be over before the post has returned */
    loop_mailbox_post(mailbox, on_arrival, on_dropped, conn);
    loop_mailbox_unref(&mailbox);
}
