#include "control/event_ring.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void event_ring_init(struct event_ring *ring, size_t count_max, size_t bytes_max) {
    *ring = (struct event_ring){.count_max = count_max, .bytes_max = bytes_max};
    ring->items = memory_new_array(count_max, sizeof(ring->items[0]));
}

static void drop_oldest(struct event_ring *ring) {
    struct event_ring_item *item = &ring->items[ring->first];
    ring->bytes -= item->data_len;
    memory_free(item->data);
    item->data = NULL;
    ring->first = (ring->first + 1) % ring->count_max;
    ring->count--;
}

static void clear(struct event_ring *ring) {
    while (ring->count > 0) {
        drop_oldest(ring);
    }
}

void event_ring_fini(struct event_ring *ring) {
    clear(ring);
    memory_free(ring->items);
    *ring = (struct event_ring){0};
}

const struct event_ring_item *event_ring_skip(struct event_ring *ring) {
    ring->last_number++;
    clear(ring);
    return NULL;
}

const struct event_ring_item *event_ring_add(struct event_ring *ring, const char *name,
                                             struct str data) {
    if (data.len > ring->bytes_max) {
        return event_ring_skip(ring);
    }
    ring->last_number++;
    while (ring->count == ring->count_max || ring->bytes + data.len > ring->bytes_max) {
        drop_oldest(ring);
    }
    struct event_ring_item *item = &ring->items[(ring->first + ring->count) % ring->count_max];
    item->number = ring->last_number;
    snprintf(item->name, sizeof(item->name), "%s", name);
    item->data = memory_new_array(data.len + 1, 1);
    if (data.len > 0) {
        memcpy(item->data, data.at, data.len);
    }
    item->data_len = data.len;
    ring->count++;
    ring->bytes += data.len;
    return item;
}

bool event_ring_reaches(const struct event_ring *ring, uint64_t number) {
    return number <= ring->last_number && number + ring->count >= ring->last_number;
}

const struct event_ring_item *event_ring_after(const struct event_ring *ring, uint64_t number) {
    uint64_t oldest = ring->last_number - ring->count + 1;
    if (ring->count == 0 || number >= ring->last_number) {
        return NULL;
    }
    size_t skip = number < oldest ? 0 : (size_t)(number - oldest + 1);
    return &ring->items[(ring->first + skip) % ring->count_max];
}
