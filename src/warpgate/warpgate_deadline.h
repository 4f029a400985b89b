/* warpgate_deadline.h: the deadlines of requests: one wheel (base/wheel.h) and one timer for all of them.
 *
 * Reported never early, and late by at most some 115 ms. The timer runs only while a deadline is set: an idle agent sleeps.
 */
#ifndef WARPGATE_WARPGATE_DEADLINE_H
#define WARPGATE_WARPGATE_DEADLINE_H

#include "warpgate/warpgate_parts.h"

struct warpgate_deadline {
    struct wheel_entry entry;
    void (*on_due)(struct warpgate_deadline *deadline); /* not set any more */
};

void warpgate_deadline_init(struct warpgate_deadline *deadline,
                            void (*on_due)(struct warpgate_deadline *deadline));
/* Sets, or moves. */
void warpgate_deadline_set(struct warpgate_parts *parts, struct warpgate_deadline *deadline,
                           int64_t delay_ms);
void warpgate_deadline_clear(struct warpgate_parts *parts, struct warpgate_deadline *deadline);
/* parts->sweep calls it. */
void warpgate_deadline_sweep(struct loop_timer *timer);

#endif
