#include "base/wheel.h"

#include "base/memory.h"

#define SLOT_MASK (WHEEL_SLOTS - 1)

static struct list *slot_of(struct wheel *wheel, int64_t tick) {
    return &wheel->slots[(uint64_t)tick & SLOT_MASK];
}

void wheel_init(struct wheel *wheel, int64_t now_ms) {
    for (size_t i = 0; i < WHEEL_SLOTS; i++) {
        list_init(&wheel->slots[i]);
    }
    list_init(&wheel->due);
    wheel->tick = now_ms / WHEEL_TICK_MS;
    wheel->count = 0;
}

void wheel_entry_init(struct wheel_entry *entry) {
    list_init(&entry->node);
    entry->deadline_ms = 0;
}

bool wheel_is_set(const struct wheel_entry *entry) {
    return list_is_linked(&entry->node);
}

void wheel_clear(struct wheel *wheel, struct wheel_entry *entry) {
    if (wheel_is_set(entry)) {
        list_remove(&entry->node);
        wheel->count--;
    }
}

void wheel_set(struct wheel *wheel, struct wheel_entry *entry, int64_t deadline_ms) {
    wheel_clear(wheel, entry);
    entry->deadline_ms = deadline_ms;
    /* The first tick that does not come before the deadline; the next one for what is overdue. */
    int64_t tick = deadline_ms / WHEEL_TICK_MS + (deadline_ms % WHEEL_TICK_MS > 0);
    if (tick <= wheel->tick) {
        tick = wheel->tick + 1;
    }
    list_append(slot_of(wheel, tick), &entry->node);
    wheel->count++;
}

/* What has another turn to go stays. */
static void collect_due(struct wheel *wheel, int64_t now_ms) {
    struct list *slot = slot_of(wheel, wheel->tick);
    struct list *next;
    for (struct list *at = slot->next; at != slot; at = next) {
        next = at->next;
        if (CONTAINER_OF(at, struct wheel_entry, node)->deadline_ms <= now_ms) {
            list_remove(at);
            list_append(&wheel->due, at);
        }
    }
}

struct wheel_entry *wheel_expire(struct wheel *wheel, int64_t now_ms) {
    int64_t now_tick = now_ms / WHEEL_TICK_MS;
    if (wheel->count == 0 && wheel->tick < now_tick) {
        wheel->tick = now_tick;
    }
    if (now_tick - wheel->tick > WHEEL_SLOTS) {
        wheel->tick = now_tick - WHEEL_SLOTS; /* each slot once is enough after a long sleep */
    }
    while (list_is_empty(&wheel->due)) {
        if (wheel->tick >= now_tick) {
            return NULL;
        }
        wheel->tick++;
        collect_due(wheel, now_ms);
    }
    struct wheel_entry *entry = CONTAINER_OF(wheel->due.next, struct wheel_entry, node);
    wheel_clear(wheel, entry);
    return entry;
}
