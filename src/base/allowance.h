/* allowance.h: so much at once, and so much more each second: what somebody may cost before he is refused (a token bucket).
 *
 * The rate is the owner's constant, and handed to each call. Parts of a whole one are not lost between two looks. Not locked;
 * clock_mono_ms of the owner.
 */
#ifndef BASE_ALLOWANCE_H
#define BASE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct allowance_rate {
    uint32_t burst; /* saved up at the most; and at the beginning */
    uint32_t per_second;
};

struct allowance {
    int64_t counted_at_ms;
    uint64_t left;
};

void allowance_init(struct allowance *allowance, const struct allowance_rate *rate, int64_t now_ms);
/* One of it. False: there is none left now. */
bool allowance_take(struct allowance *allowance, const struct allowance_rate *rate, int64_t now_ms);
/* How much there is now. */
uint64_t allowance_left(const struct allowance *allowance, const struct allowance_rate *rate,
                        int64_t now_ms);
/* One more than the rate gives, also over the burst. */
void allowance_grant(struct allowance *allowance);

#endif
