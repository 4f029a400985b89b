#include "warpgate/warpgate_backoff.h"

#include <stdio.h>
#include <string.h>

#define BASE_MS 250
#define DOUBLINGS_MAX 16

void warpgate_backoff_init(struct warpgate_backoff *backoff, int64_t cap_ms) {
    *backoff = (struct warpgate_backoff){.cap_ms = cap_ms};
}

int64_t warpgate_backoff_next(struct warpgate_backoff *backoff, const struct random *random) {
    int64_t limit_ms = (int64_t)BASE_MS << backoff->failure_count;
    if (backoff->failure_count < DOUBLINGS_MAX) {
        backoff->failure_count++;
    }
    if (limit_ms > backoff->cap_ms) {
        limit_ms = backoff->cap_ms;
    }
    return (int64_t)random_below(random, (uint64_t)limit_ms + 1);
}

void warpgate_backoff_reset(struct warpgate_backoff *backoff) {
    backoff->failure_count = 0;
}

void warpgate_backoff_forget(struct warpgate_backoff *backoff) {
    backoff->slug[0] = '\0';
}

bool warpgate_backoff_should_speak(struct warpgate_backoff *backoff, const char *slug,
                                   int64_t now_ms) {
    bool is_new = strcmp(backoff->slug, slug) != 0;
    if (!is_new && now_ms - backoff->spoke_at_ms < WARPGATE_BACKOFF_NOTICE_MS) {
        return false;
    }
    (void)snprintf(backoff->slug, sizeof(backoff->slug), "%s", slug);
    backoff->spoke_at_ms = now_ms;
    return true;
}
