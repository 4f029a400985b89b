/* edge_trust.h: whom this edge trusts, and which root its own certificate is of: through a rotation of the internal CA (pki/ca_rotation.h).
 *
 * A feed says which roots are trusted (FEED_MESSAGE_ANCHORS): from then on by each new handshake of the tunnels' listener and of the feeds;
 * connections stay. Where another root issues than that of the edge's own certificate, it asks for a new one, at some moment within the time it was
 * given. What is so is reported to all control planes. Main loop only.
 */
#ifndef EDGE_EDGE_TRUST_H
#define EDGE_EDGE_TRUST_H

#include "edge/edge_state.h"

/* Once, with what the edge starts by. STATUS_INVALID with why. */
enum status edge_trust_start(struct edge *edge, struct str anchors_pem, struct why *why) MUST_USE;
void edge_trust_fini(struct edge *edge);
/* A FEED_MESSAGE_ANCHORS. STATUS_INVALID with why: what was trusted before is trusted still. */
enum status edge_trust_hear(struct edge *edge, const struct feed_message *message,
                            struct why *why) MUST_USE;
/* The edge's own certificate is this from now on. */
void edge_trust_certificate(struct edge *edge, struct str chain_pem);
/* To every control plane that listens. */
void edge_trust_report(struct edge *edge);

#endif
