#include "cmd/up_process.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/up_handover.h"
#include "cmd/up_notify.h"
#include "cmd/up_reload.h"
#include "cmd/up_takeover.h"

/* make(1) passes on a SIGTERM that its whole group has had already: one wish, not two. */
#define SAME_SIGNAL_MS 500

_Noreturn void up_process_fail(const struct why *why) {
    (void)fprintf(stderr, "mezusphere: %s [%s]\n", why->text, why->slug);
    _exit(1);
}

/* No more connections come: those that are there finish. */
static void on_closed(void *context) {
    struct up_process *process = context;
    process->kind->end(process, EDGE_FAREWELL_STOP);
}

static void on_signal(void *context, int signal_number) {
    struct up_process *process = context;
    int64_t now_ms = loop_now_ms(process->loop);
    if (process->is_stop_asked && now_ms - process->stop_asked_at_ms < SAME_SIGNAL_MS) {
        return;
    }
    if (process->is_stop_asked || process->phase == UP_STARTING) {
        log_warn("mezusphere.cut", "signal=%d: not waiting any longer", signal_number);
        _exit(process->phase == UP_STARTING ? 0 : 1); /* nothing is served yet; asked twice */
    }
    log_info("mezusphere.stopping", "signal=%d", signal_number);
    process->is_stop_asked = true;
    process->stop_asked_at_ms = now_ms;
    if (process->phase != UP_SERVING) {
        return; /* it stops already; or it will with the hand-over, however that ends (up_handover.c) */
    }
    up_notify("STOPPING=1");
    process->phase = UP_STOPPING;
    up_listen_close(
        &process->listeners); /* whoever comes now is refused, and does not wait in vain */
    up_handover_stop(process);
    process->kind->close(process, on_closed, process);
}

void up_process_start(struct up_process *process) {
    struct why why = {0};
    process->loop = loop_new(clock_system(), random_system());
    buf_init(&process->ticket_keys, TLS_TICKET_BLOB_MAX);
    loop_on_stop_signal(process->loop, on_signal, process);
    if (process->is_replacing) {
        up_takeover_start(process);
        return;
    }
    if (up_listen_open(process->listen, &process->listeners, &why) != STATUS_OK ||
        process->kind->make(process, &why) != STATUS_OK) {
        up_process_fail(&why);
    }
}

static void tell_ready(void) {
    char state[64];
    (void)snprintf(state, sizeof state, "READY=1\nMAINPID=%ld", (long)getpid());
    up_notify(state);
}

void up_process_serve(struct up_process *process) {
    struct why why = {0};
    if (process->kind->open(process, &why) != STATUS_OK) {
        up_process_fail(&why);
    }
    process->phase = UP_SERVING;
    process->serving_since_ms = loop_now_ms(process->loop);
    up_handover_start(process); /* takes the channel's name before the former process gives it up */
    up_takeover_finish(process);
    up_reload_start(process);
    tell_ready();
}

void up_process_end(struct up_process *process) {
    process->phase = UP_STOPPING;
    up_listen_close(&process->listeners);
    up_handover_stop(process);
    up_reload_stop(process);
}

void up_process_fini(struct up_process *process) {
    up_listen_close(&process->listeners);
    buf_fini_wiped(&process->ticket_keys);
    loop_free(&process->loop);
}
