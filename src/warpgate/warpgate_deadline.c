#include "warpgate/warpgate_deadline.h"

#include "base/memory.h"

#define SWEEP_MS 50

void warpgate_deadline_init(struct warpgate_deadline *deadline,
                            void (*on_due)(struct warpgate_deadline *deadline)) {
    wheel_entry_init(&deadline->entry);
    deadline->on_due = on_due;
}

void warpgate_deadline_set(struct warpgate_parts *parts, struct warpgate_deadline *deadline,
                           int64_t delay_ms) {
    if (parts->wheel.count == 0) {
        (void)wheel_expire(&parts->wheel, loop_now_ms(parts->loop)); /* it stood still */
    }
    wheel_set(&parts->wheel, &deadline->entry, loop_now_ms(parts->loop) + delay_ms);
    if (parts->sweep.deadline_ms == 0) {
        loop_timer_set(&parts->sweep, SWEEP_MS);
    }
}

void warpgate_deadline_clear(struct warpgate_parts *parts, struct warpgate_deadline *deadline) {
    wheel_clear(&parts->wheel, &deadline->entry);
}

void warpgate_deadline_sweep(struct loop_timer *timer) {
    struct warpgate_parts *parts = timer->context;
    int64_t now_ms = loop_now_ms(parts->loop);
    for (struct wheel_entry *entry = wheel_expire(&parts->wheel, now_ms); entry != NULL;
         entry = wheel_expire(&parts->wheel, now_ms)) {
        struct warpgate_deadline *deadline = CONTAINER_OF(entry, struct warpgate_deadline, entry);
        deadline->on_due(deadline);
    }
    if (parts->wheel.count > 0) {
        loop_timer_set(timer, SWEEP_MS);
    }
}
