/* ca.h: the internal certificate authority: a root and one intermediate per role, all P-256.
 *
 * Held by the control plane. Root: 10 years; intermediates: 2 years, pathlen 0, EKU-constrained; leaves: what the caller says,
 * back-dated by 5 minutes for clock skew, random 127-bit serials. Identity, SANs, EKU and lifetimes are written from the caller's
 * record alone. ca_export/ca_import carry the whole authority as PEM (private keys included) for the sealed store.
 */
#ifndef PKI_CA_H
#define PKI_CA_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/str.h"
#include "pki/cert_identity.h"

struct ca;

#define CA_ROLE_COUNT 4 /* one intermediate for each enum cert_role */

/* Makes a fresh authority for a trust domain. */
enum status ca_new(struct str trust_domain, const struct clock *clock, struct ca **ca, struct why *why) MUST_USE;
void ca_free(struct ca **ca);
/* A JSON document {"trust_domain", "root": {"certificate", "key"}, "intermediates": [{"role", "certificate", "key"}…]}:
 * secret; wipe it. */
enum status ca_export(const struct ca *ca, struct buf *out) MUST_USE;
enum status ca_import(struct str text, struct ca **ca, struct why *why) MUST_USE;

struct str ca_root_pem(const struct ca *ca); /* borrowed from the ca */
struct str ca_trust_domain(const struct ca *ca);

struct ca_leaf {
    enum cert_role role;
    struct id subject;       /* wg_, edg_, ctl_; none for CERT_SERVICE */
    struct id environment;   /* CERT_WARPGATE */
    struct str dns_names[4]; /* CERT_SERVICE, CERT_EDGE, CERT_CONTROL: DNS SANs; IP addresses are not certified */
    size_t dns_name_count;
    int64_t lifetime_seconds; /* at most 398 days */
};

/* Signs a leaf for `key` (only its public part is used). `chain_pem`: leaf then intermediate. `identity` (may be NULL) gets
 * serial and expiry. STATUS_INVALID with why. */
enum status ca_issue(const struct ca *ca, const struct ca_leaf *leaf, EVP_PKEY *key, const struct clock *clock,
                     struct buf *chain_pem, struct cert_identity *identity, struct why *why) MUST_USE;

#endif
