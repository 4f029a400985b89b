/* wheel.h: many coarse deadlines, cheap to set and to clear: a hashed timing wheel.
 *
 * For what every request has and few ever reach: "no response head in 60 s". Setting and clearing are a list operation; expiry is
 * found by wheel_expire, which the owner calls several times a second from a timer of its own. A deadline is reported late by up to
 * WHEEL_TICK_MS plus the owner's interval, never early. Deadlines beyond one turn (WHEEL_SLOTS ticks) go round again.
 * The caller's memory; one thread; times are monotonic milliseconds.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define WHEEL_TICK_MS 64
#define WHEEL_SLOTS 1024 /* a power of two: one turn is 65 s */

/* Embedded in what has the deadline. wheel_entry_init before first use. */
struct wheel_entry {
    struct list node;
    int64_t deadline_ms;
};

struct wheel {
    struct list slots[WHEEL_SLOTS];
    struct list due; /* found at `tick`, not handed out yet */
    int64_t tick;    /* the last one that was looked at */
    size_t count;
};

void wheel_init(struct wheel *wheel, int64_t now_ms);
void wheel_entry_init(struct wheel_entry *entry);
/* Sets, or moves. */
void wheel_set(struct wheel *wheel, struct wheel_entry *entry, int64_t deadline_ms);
void wheel_clear(struct wheel *wheel, struct wheel_entry *entry);
bool wheel_is_set(const struct wheel_entry *entry);
/* Takes out one entry whose deadline has passed, or NULL. Call until NULL; what the caller does to other entries between two
 * calls (also set and clear) is safe. */
struct wheel_entry *wheel_expire(struct wheel *wheel, int64_t now_ms);

#endif
