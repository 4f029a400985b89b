/* backoff.h: how long to wait before the next try.
 *
 * Full jitter: a uniform time between nothing and a limit that doubles from `base_ms` up to `cap_ms`, so that many who lost
 * the same peer do not come back as one wave. Plain memory of its owner, who resets it when things have gone well for long enough.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

#include "base/random.h"

struct backoff {
    int64_t base_ms;
    int64_t cap_ms;
    unsigned failure_count;
};

void backoff_init(struct backoff *backoff, int64_t base_ms, int64_t cap_ms);
/* One more failure: the delay before the next try, 0 to `cap_ms`. */
int64_t backoff_next(struct backoff *backoff, const struct random *random);
/* The next failure is the first one again. */
void backoff_reset(struct backoff *backoff);

#endif
