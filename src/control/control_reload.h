/* control_reload.h: notices that everything in the database was replaced (store_restore.h), and takes it on while it serves.
 *
 * Every other second a pool thread looks at a number (store_generation.h). When it has grown, all bundles are built anew and told to edges, and
 * environments that are gone are taken from them. Where the backup came from an installation with other keys (CA, bundles), this
 * process cannot go on with its own: config.on_replaced is called, which starts a successor. Loop thread, but for what it does on the pool.
 */
#ifndef CONTROL_CONTROL_RELOAD_H
#define CONTROL_CONTROL_RELOAD_H

#include "control/control_state.h"

/* When the store and the hub are ready; notes what is in force. */
enum status control_reload_start(struct control *control, struct why *why) MUST_USE;
/* Looks, unless it is looking. */
void control_reload_check(struct control *control);
void control_reload_free(struct control *control);

#endif
