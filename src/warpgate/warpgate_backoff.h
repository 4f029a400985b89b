/* warpgate_backoff.h: how long to wait before the next try, and when to speak of it.
 *
 * Full jitter: a uniform time between nothing and a limit that doubles from 250 ms up to `cap_ms`, so that many warpgates
 * that lost the same edge do not come back as one wave. The owner resets it after WARPGATE_BACKOFF_STABLE_MS of success.
 */
#ifndef WARPGATE_WARPGATE_BACKOFF_H
#define WARPGATE_WARPGATE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

#define WARPGATE_BACKOFF_STABLE_MS 10000
#define WARPGATE_BACKOFF_NOTICE_MS 60000

struct warpgate_backoff {
    int64_t cap_ms;
    unsigned failure_count;
    char slug[48];       /* of the last trouble spoken of; empty: none */
    int64_t spoke_at_ms; /* monotonic */
};

void warpgate_backoff_init(struct warpgate_backoff *backoff, int64_t cap_ms);
/* One more failure: the delay before the next try. */
int64_t warpgate_backoff_next(struct warpgate_backoff *backoff, const struct random *random);
void warpgate_backoff_reset(struct warpgate_backoff *backoff);
/* The trouble is over: the next is news, of whatever kind. */
void warpgate_backoff_forget(struct warpgate_backoff *backoff);
/* True when trouble of this kind is worth a line: it is new, or a minute has passed since the last line. */
bool warpgate_backoff_should_speak(struct warpgate_backoff *backoff, const char *slug,
                                   int64_t now_ms);

#endif
