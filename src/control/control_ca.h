/* control_ca.h: the internal CA at work: the one place where the control plane finds it, for all threads.
 *
 * What is read is a snapshot that never changes and stays until the control plane ends: a step of a rotation (ca_step.h) puts another one in
 * its place. So whoever has read it once may go on with it; two reads may see two.
 */
#ifndef CONTROL_CONTROL_CA_H
#define CONTROL_CONTROL_CA_H

#include "control/control_state.h"
#include "pki/ca_rotation.h"

const struct ca_rotation *control_ca(const struct control *control);
/* The authority that issues. */
const struct ca *control_ca_issuer(const struct control *control);
/* All roots that are trusted: PEM. */
struct str control_ca_anchors(const struct control *control);
struct str control_ca_trust_domain(const struct control *control);
/* Of the root that issues: what join tokens name. */
void control_ca_root_sha256(const struct control *control, uint8_t sha256[DIGEST_BYTES]);

/* Takes it over; `revision` counts the steps. False, and it is freed: what is there is younger. */
bool control_ca_put(struct control *control, struct ca_rotation **rotation, uint64_t revision);
/* No thread uses it any more. */
void control_ca_close(struct control *control);

#endif
