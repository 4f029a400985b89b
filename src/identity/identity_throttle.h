/* identity_throttle.h: what slows down those who guess passwords.
 *
 * Counters in memory for the account together with the address prefix (IPv4 /24, IPv6 /64), for the prefix, and for the account:
 * after some free failures each further one doubles the wait, up to a bound. The account alone is slowed
 * softly, so that strangers cannot lock anybody out for long. Counters halve with time. At most IDENTITY_THROTTLE_ENTRIES_MAX are kept:
 * the stalest goes first. An attempt is counted when it begins (so that many at once do not slip through) and taken back when it succeeds.
 * Safe from any thread.
 */
#ifndef IDENTITY_IDENTITY_THROTTLE_H
#define IDENTITY_IDENTITY_THROTTLE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/str.h"

#define IDENTITY_THROTTLE_ENTRIES_MAX 65536

struct identity_throttle;

struct identity_throttle *identity_throttle_new(const struct clock *clock);
void identity_throttle_free(struct identity_throttle **throttle);

/* `account` is folded to lower case. `ip` without port. STATUS_DENIED never; STATUS_UNAVAILABLE (too_many_attempts) with
 * *retry_after_seconds when one of the three must wait: the attempt must not be evaluated. */
enum status identity_throttle_begin(struct identity_throttle *throttle, struct str account,
                                    struct str ip, int64_t *retry_after_seconds,
                                    struct why *why) MUST_USE;
/* The attempt that began succeeded: forgets the account with this prefix, and takes the attempt back from the others. */
void identity_throttle_succeeded(struct identity_throttle *throttle, struct str account,
                                 struct str ip);
/* It was not evaluated after all (overload): takes it back. */
void identity_throttle_cancel(struct identity_throttle *throttle, struct str account,
                              struct str ip);

#endif
