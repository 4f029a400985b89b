/* warpgate_race.h: one TCP connection to a name that has several addresses (RFC 8305).
 *
 * They are tried in the order given, with the families taken in turn; the next one when one has failed, or when 300 ms have passed
 * without an outcome. The first that stands wins, and the others are closed. Nothing is said on them: whoever gets the descriptor speaks first.
 */
#ifndef WARPGATE_WARPGATE_RACE_H
#define WARPGATE_WARPGATE_RACE_H

#include "net/address.h"
#include "warpgate/warpgate_parts.h"

struct warpgate_race;

/* A descriptor, which is the callee's from then on, and its address; or -1 and why: slug tcp_connect (the last address that failed)
 * or timeout_connect (none answered). Called once, later, unless cancelled. */
typedef void (*warpgate_raced_fn)(void *context, int fd, const struct address *address,
                                  const struct why *why);

/* `addresses` (1 to ADDRESS_RESULTS_MAX) are copied. `timeout_ms` is for all of them together. */
struct warpgate_race *warpgate_race_start(struct warpgate_parts *parts,
                                          const struct address *addresses, size_t count,
                                          int64_t timeout_ms, warpgate_raced_fn done,
                                          void *context);
/* `done` is not called after this. NULLs the pointer; NULL is allowed. */
void warpgate_race_cancel(struct warpgate_race **race);
/* The order in which they are tried. */
void warpgate_race_order(struct address *addresses, size_t count);

#endif
