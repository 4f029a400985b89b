/* control_leave.c: clients of the API are told to go, and may ask once more, before the control plane stops for a successor. */
#include "base/memory.h"
#include "control/control.h"
#include "control/control_conn.h"

/* how long one may still ask that has a connection and was told nothing on it yet; nobody is let in meanwhile */
#define LEAVE_MS 500
#define CHECK_MS 5

struct leaving {
    struct control *control;
    struct loop_timer timer;
    int64_t until_ms;
    void (*done)(void *context);
    void *context;
};

static void free_leaving(struct loop_timer *timer) {
    memory_free(timer->context);
}

static void on_check(struct loop_timer *timer) {
    struct leaving *leaving = timer->context;
    struct control *control = leaving->control;
    if (control_conn_client_count(control) > 0 && loop_now_ms(control->loop) < leaving->until_ms) {
        loop_timer_set(timer, CHECK_MS);
        return;
    }
    void (*done)(void *context) = leaving->done;
    void *context = leaving->context;
    loop_timer_close(timer, free_leaving);
    done(context);
}

void control_leave(struct control *control, void (*done)(void *context), void *context) {
    struct leaving *leaving = MEMORY_NEW(struct leaving);
    *leaving = (struct leaving){.control = control, .done = done, .context = context};
    leaving->until_ms = loop_now_ms(control->loop) + LEAVE_MS;
    loop_timer_init(&leaving->timer, control->loop, on_check, leaving);
    control_conn_leave_all(control);
    loop_timer_set(&leaving->timer, 1);
}
