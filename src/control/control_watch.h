/* control_watch.h: several control planes on one database: what another one has committed reaches the edges of this one.
 *
 * Whoever commits changes announces them in the same transaction (control_watch_announce). The others hear which environments it is
 * about, and that something was revoked (store_watch.h), read that, build the bundles anew, and hand them to the hub, as if they had made the change
 * themselves. After a gap everything is read again. News that come while it reads are read together after that; a reading that fails is
 * tried again until it succeeds.
 *
 * The others sign with the same key, so a bundle of the same revision may differ in when it was signed, and in nothing else.
 * Threads: announcing, in any with a transaction; everything else belongs to the loop's.
 */
#ifndef CONTROL_CONTROL_WATCH_H
#define CONTROL_CONTROL_WATCH_H

#include "control/change.h"
#include "control/control_state.h"
#include "store/store_tx.h"

struct control_watch;

/* In the transaction that makes these changes, before its commit. */
enum status control_watch_announce(struct store_tx *tx, const struct change_list *changes) MUST_USE;

/* Before the hub is filled: nothing is missed in between. The hub is used once the loop runs. */
enum status control_watch_start(struct control *control, struct control_watch **watch,
                                struct why *why) MUST_USE;
/* Nothing more is read. The control plane has not ended before what it waits for has (control.work_count). */
void control_watch_stop(struct control_watch *watch);
void control_watch_free(struct control_watch **watch);

/* When the state at hand was last known to be the database's, wall clock in ms (FEED_MESSAGE_STATE). `watch` NULL: now. */
int64_t control_watch_as_of_ms(const struct control_watch *watch, const struct clock *clock);

/* Whether this one does what is to be done once for all. NULL: yes. */
bool control_watch_leads(const struct control_watch *watch);

#endif
