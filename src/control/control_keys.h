/* control_keys.h: what the control plane signs and seals with: made at the first start, kept sealed in the store.
 *
 * The internal CA, the key that bundles are signed with, and the key of cursors. ca.pem in the data folder holds all roots of the CA that are
 * trusted, for local clients; it is written anew at each start, and at each step of a rotation.
 */
#ifndef CONTROL_CONTROL_KEYS_H
#define CONTROL_CONTROL_KEYS_H

#include "control/control_state.h"

#define CONTROL_KEYS_CA "ca" /* the setting that holds the CA (ca_rotation_export) */

/* Fills ca, bundle_key, bundle_jwks and cursor_key. What the store says; STATUS_INVALID when what it holds cannot be read;
 * STATUS_DENIED (data_not_writable) for ca.pem. */
enum status control_keys_open(struct control *control, struct why *why) MUST_USE;
/* ca.pem, as control_ca says now. STATUS_DENIED (data_not_writable). */
enum status control_keys_write_anchors(const struct control *control, struct why *why) MUST_USE;
void control_keys_close(struct control *control);

#endif
