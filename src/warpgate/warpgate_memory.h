/* warpgate_memory.h: what keeps an idle agent small.
 *
 * An agent stands beside every workload, so its idle memory counts: one helper thread, one heap arena, no configuration files of
 * libraries; and after the start or a busy time, what was needed only then goes back to the system.
 */
#ifndef WARPGATE_WARPGATE_MEMORY_H
#define WARPGATE_WARPGATE_MEMORY_H

#include "net/loop.h"

/* First thing in main: may start the program again (same process, same arguments) with another setting of its allocator. */
void warpgate_memory_prepare(char **argv);
/* What the loop keeps for its next burst, free heap pages, and pages of the program itself that were read for the start alone: they come back from the file when
 * they are needed again. Takes a fraction of a millisecond. */
void warpgate_memory_release(struct loop *loop);

#endif
