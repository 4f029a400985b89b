/* ca_anchors.h: which of the trusted roots a certificate is of, as its holder can tell: what peers report during a rotation (ca_rotation.h).
 *
 * Pure; any thread. For chains that the control plane issued: leaf, then the intermediate that the root has signed.
 */
#ifndef PKI_CA_ANCHORS_H
#define PKI_CA_ANCHORS_H

#include "pki/ca_rotation.h"

/* The next certificate of a PEM text of several, with its lines; empty at the end. `rest` moves on. */
struct str ca_anchors_next(struct str *rest);
/* The name (ca_rotation_anchors_name) of the root among `anchors_pem` that signed the chain's intermediate. STATUS_NOT_FOUND: none of them
 * did; STATUS_INVALID: this is no such chain. `name` is empty then. */
enum status ca_anchors_root_of(struct str chain_pem, struct str anchors_pem,
                               char name[CA_ANCHORS_SIZE]) MUST_USE;

#endif
