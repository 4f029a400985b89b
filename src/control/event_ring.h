/* event_ring.h: the latest events of one topic, so that whoever was away for a moment can be told what they missed.
 *
 * Bounded by count and by bytes: the oldest go first. Events are numbered from 1 without gaps; one that is larger than the whole ring is
 * numbered and not kept, and neither is anything before it. Plain memory: one thread, no clock.
 */
#ifndef CONTROL_EVENT_RING_H
#define CONTROL_EVENT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define EVENT_RING_NAME_SIZE 32

struct event_ring_item {
    uint64_t number;
    char name[EVENT_RING_NAME_SIZE];
    char *data; /* one line of JSON */
    size_t data_len;
};

struct event_ring {
    struct event_ring_item *items; /* room for count_max */
    size_t count_max;
    size_t bytes_max; /* of data */
    size_t first;     /* where the oldest is */
    size_t count;
    size_t bytes;
    uint64_t last_number; /* 0: none yet */
};

void event_ring_init(struct event_ring *ring, size_t count_max, size_t bytes_max);
void event_ring_fini(struct event_ring *ring);
/* Copies both. The item lives until it is pushed out; NULL where it was too large. */
const struct event_ring_item *event_ring_add(struct event_ring *ring, const char *name,
                                             struct str data);
/* Numbers an event that cannot be kept. NULL. */
const struct event_ring_item *event_ring_skip(struct event_ring *ring);
/* Whether everything after this number is here. */
bool event_ring_reaches(const struct event_ring *ring, uint64_t number);
/* The first one after this number; NULL: none. */
const struct event_ring_item *event_ring_after(const struct event_ring *ring, uint64_t number);

#endif
