/* ca_renewal.h: the internal CA's intermediates are renewed long before they end, by themselves. Peers verify by the root: nobody waits. */
#ifndef CONTROL_CA_RENEWAL_H
#define CONTROL_CA_RENEWAL_H

#include "control/control_state.h"

/* Hourly, on the loop: looks at the clock, and works on a pool thread where it is time (ca_step.h). */
void ca_renewal_check(struct control *control);

#endif
