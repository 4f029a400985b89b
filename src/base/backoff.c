#include "base/backoff.h"

#define DOUBLINGS_MAX 16

void backoff_init(struct backoff *backoff, int64_t base_ms, int64_t cap_ms) {
    *backoff = (struct backoff){.base_ms = base_ms, .cap_ms = cap_ms};
}

int64_t backoff_next(struct backoff *backoff, const struct random *random) {
    int64_t limit_ms = backoff->base_ms << backoff->failure_count;
    if (backoff->failure_count < DOUBLINGS_MAX) {
        backoff->failure_count++;
    }
    if (limit_ms > backoff->cap_ms) {
        limit_ms = backoff->cap_ms;
    }
    return (int64_t)random_below(random, (uint64_t)limit_ms + 1);
}

void backoff_reset(struct backoff *backoff) {
    backoff->failure_count = 0;
}
