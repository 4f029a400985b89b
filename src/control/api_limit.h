/* api_limit.h: how fast each caller may call the API: token buckets in memory.
 *
 * A member or service account has one bucket for reads (GET, HEAD) and one for everything else. Who is not known has one for the address: calls that
 * need no session, and calls whose token did not do. A bucket starts full and fills with the rate;
 * who finds it empty gets 429 with Retry-After, and nothing of the call is done. Each process counts for itself.
 *
 * At most API_LIMIT_BUCKETS are kept, the stalest of those that fall together is forgotten first: a bucket that was forgotten is full. Which fall together
 * nobody outside can tell (keyed hash). Safe from any thread.
 */
#ifndef CONTROL_API_LIMIT_H
#define CONTROL_API_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/str.h"

#define API_LIMIT_BUCKETS 32768
#define API_LIMIT_READS_PER_SECOND 1000
/* A bucket holds what comes in this many seconds. */
#define API_LIMIT_WINDOW_SECONDS 20
#define API_LIMIT_STRANGER_PER_SECOND 20

enum api_limit_kind {
    API_LIMIT_READ,
    API_LIMIT_WRITE,    /* a fifth of the reads */
    API_LIMIT_STRANGER, /* by address */
};
#define API_LIMIT_KIND_COUNT (API_LIMIT_STRANGER + 1)

/* How a bucket stands, for the fields of the answer. */
struct api_limit_state {
    const char *policy; /* "read", "write", "address"; NULL: nothing was asked */
    int64_t quota;
    int64_t window_seconds;
    int64_t remaining;
    int64_t full_in_seconds;
    int64_t retry_after_seconds; /* 0: there was a token */
};

struct api_limit;

/* `reads_per_second` 0: API_LIMIT_READS_PER_SECOND. */
struct api_limit *api_limit_new(const struct clock *clock, const struct random *random,
                                uint32_t reads_per_second);
void api_limit_free(struct api_limit **limit);

/* Takes a token of `who`'s bucket. False: there is none, and none was taken. */
bool api_limit_take(struct api_limit *limit, enum api_limit_kind kind, struct str who,
                    struct api_limit_state *state);

#endif
