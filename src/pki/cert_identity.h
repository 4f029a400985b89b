/* cert_identity.h: who a certificate of the internal PKI says its holder is.
 *
 * One URI SAN (SPIFFE): spiffe://<trust domain>/environment/<env>/warpgate/<wg>, …/edge/<edg>, …/control/<ctl>; visitors'
 * certificates (for service host names) have none. The role must also be the one of the issuing intermediate (its common
 * name) and of the EKU: clientAuth for warpgates, both for edges and control planes. Checked by the peer, on each side.
 */
#ifndef PKI_CERT_IDENTITY_H
#define PKI_CERT_IDENTITY_H

#include <openssl/x509.h>

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"

#define CERT_TRUST_DOMAIN_SIZE 256
#define CERT_SERIAL_SIZE 41 /* hexadecimal, terminated */

enum cert_role {
    CERT_WARPGATE,
    CERT_EDGE,
    CERT_CONTROL,
    CERT_SERVICE, /* a host name's certificate, for visitors */
};

struct cert_identity {
    enum cert_role role;
    char trust_domain[CERT_TRUST_DOMAIN_SIZE];
    struct id subject;     /* wg_, edg_ or ctl_ */
    struct id environment; /* CERT_WARPGATE only */
    int64_t not_after_ms;  /* wall */
    char serial[CERT_SERIAL_SIZE];
};

const char *cert_role_name(enum cert_role role); /* "warpgate", "edge", "control", "service" */
/* Reads and judges the leaf of a chain that TLS has verified (`chain` leaf first, from conn_peer_chain). STATUS_DENIED with
 * why (slugs role_missing, role_eku, role_issuer, role_malformed) unless everything agrees and role == `expected`. */
enum status cert_identity_check(STACK_OF(X509) *chain, enum cert_role expected, struct str trust_domain,
                                struct cert_identity *identity, struct why *why) MUST_USE;

#endif
