/* control_trust.h: a step of the internal CA's rotation takes effect here, and goes on to edges and warpgates. Loop thread only.
 *
 * What is new is trusted in handshakes from here on, connections that stand stay; certificates of our own are issued anew where another
 * authority issues, and ca.pem is written. Edges are told by FEED_MESSAGE_ANCHORS, warpgates by the signed list of edges.
 */
#ifndef CONTROL_CONTROL_TRUST_H
#define CONTROL_CONTROL_TRUST_H

#include "control/change.h"
#include "control/control_state.h"

/* So long everybody has who is to renew: the more there are, the longer. */
unsigned control_trust_renew_within_ms(const struct control *control);
/* A CHANGE_CA; takes its rotation. */
void control_trust_apply(struct control *control, struct change *change);

#endif
