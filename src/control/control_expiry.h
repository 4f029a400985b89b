/* control_expiry.h: ends the warpgates of service accounts and keys whose time has come.
 *
 * A key that has expired is refused wherever it is shown; the tunnels that were made with it before have to be ended by somebody. Looked for once
 * a second, and when the next one is known to be due: edges hear of it within a second of the time. Loop thread; the store is asked on a pool thread,
 * one look at a time. Several control planes on one database may all look: what one has ended, the next does not find.
 */
#ifndef CONTROL_CONTROL_EXPIRY_H
#define CONTROL_CONTROL_EXPIRY_H

#include "control/control_state.h"

struct control_expiry;

struct control_expiry *control_expiry_new(struct control *control);
/* No look is under way. */
void control_expiry_free(struct control_expiry **expiry);
/* A few times a second. */
void control_expiry_tick(struct control_expiry *expiry);

#endif
