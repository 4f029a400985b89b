/* cert_chain.h: a certificate chain as PEM text, leaf first, such as a holder gets of its own certificate.
 *
 * A warpgate reads what it has just been issued: who it is, and when it has to renew. Nothing is verified here but what the leaf says of
 * itself: for somebody else's chain there are the handshake and cert_identity.h. The text is borrowed for the call; no state, any
 * thread. At most CERT_CHAIN_LENGTH_MAX certificates.
 */
#ifndef PKI_CERT_CHAIN_H
#define PKI_CERT_CHAIN_H

#include "base/status.h"
#include "base/str.h"
#include "pki/cert_identity.h"

#define CERT_CHAIN_LENGTH_MAX 8

/* Who the chain's leaf says its holder is, and until when: cert_identity_check without a verified signature, for a holder that
 * reads its own. STATUS_INVALID (chain_malformed), or what cert_identity_check returns, with why. */
enum status cert_chain_identity(struct str pem, enum cert_role expected, struct str trust_domain,
                                struct cert_identity *identity, struct why *why) MUST_USE;

#endif
