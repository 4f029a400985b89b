/* cert_identity.h: who a certificate of the internal PKI says its holder is.
 *
 * One URI SAN (SPIFFE): spiffe://<trust domain>/environment/<env>/warpgate/<wg>, …/edge/<edg>, …/control/<ctl>; visitors'
 * certificates (for service host names) have none. The role must also be the one of the issuing intermediate (its common
 * name) and of the EKU: clientAuth for warpgates, both for edges and control planes. Checked by the peer, on each side.
 */
#ifndef PKI_CERT_IDENTITY_H
#define PKI_CERT_IDENTITY_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"

#define CERT_TRUST_DOMAIN_SIZE 256
#define CERT_SERIAL_SIZE 41 /* hexadecimal, terminated */
#define CERT_URI_SIZE 384   /* longest URI SAN, terminated */

enum cert_role {
    CERT_WARPGATE,
    CERT_EDGE,
    CERT_CONTROL,
    CERT_SERVICE, /* a host name's certificate, for visitors */
};

#define CERT_ROLE_COUNT (CERT_SERVICE + 1)

struct cert_identity {
    enum cert_role role;
    char trust_domain[CERT_TRUST_DOMAIN_SIZE]; /* empty for CERT_SERVICE */
    struct id subject;                         /* wg_, edg_ or ctl_; none for CERT_SERVICE */
    struct id environment;                     /* CERT_WARPGATE only */
    int64_t not_after_ms;                      /* wall */
    char serial[CERT_SERIAL_SIZE];             /* lower case, whole bytes, no zero byte in front */
};

/* What certificates of a role look like: the CA writes by it, peers judge by it. */
struct cert_role_rule {
    const char *name;
    const char *issuer_name; /* common name of the intermediate, its only name */
    bool is_server;          /* EKU serverAuth, in leaf and intermediate */
    bool is_client;          /* EKU clientAuth, in leaf and intermediate */
    bool has_uri;            /* the one URI SAN; otherwise none */
    bool may_have_dns;       /* DNS SANs; a leaf without a URI has at least one */
    enum id_kind subject;    /* of the URI */
};

const char *cert_role_name(enum cert_role role); /* "warpgate", "edge", "control", "service" */
const struct cert_role_rule *cert_role_rule(enum cert_role role);

/* Lower-case letters, digits, '.', '-', '_'; 1 to 255 (SPIFFE-ID §2.1). */
bool cert_identity_is_trust_domain(struct str text);
/* The URI SAN of role, trust domain, subject and environment. STATUS_INVALID for CERT_SERVICE or parts of a wrong kind. */
enum status cert_identity_uri(const struct cert_identity *identity,
                              char out[CERT_URI_SIZE]) MUST_USE;
/* Whether `issuer` is a role's intermediate by name, EKU and pathlen 0. Who signed it is not asked. */
bool cert_identity_is_issuer(X509 *issuer, enum cert_role role);

/* Reads and judges the leaf of a chain that TLS has verified (`chain` leaf first, from conn_peer_chain). STATUS_DENIED with
 * why (slugs role_missing: no identity, or another role's; role_trust_domain, role_eku, role_issuer, role_malformed) unless
 * everything agrees and role == `expected`. */
enum status cert_identity_check(STACK_OF(X509) * chain, enum cert_role expected,
                                struct str trust_domain, struct cert_identity *identity,
                                struct why *why) MUST_USE;

#endif
