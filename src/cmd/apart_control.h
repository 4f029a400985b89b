/* apart_control.h: `mezusphere control`: the control plane by itself: the API, and the machines' side. Edges join it (apart_edge.h).
 *
 * Configured as `up` is (up.h), without what belongs to the edge. One thread and its pool. Stopping finishes what runs;
 * a successor may take over as with `up` (up_process.h).
 */
#ifndef CMD_APART_CONTROL_H
#define CMD_APART_CONTROL_H

#include "cmd/up.h"

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int apart_control_run(struct up_config *config);

#endif
