/* ca.h: the internal certificate authority: a root and one intermediate per role, all P-256.
 *
 * Held by the control plane. Root: 10 years; intermediates: 2 years, pathlen 0, EKU-constrained; leaves: what the caller says,
 * back-dated by 5 minutes for clock skew, random 127-bit serials. Identity, SANs, EKU and lifetimes are written from the caller's
 * record alone. ca_export/ca_import carry the whole authority as PEM (private keys included) for the sealed store.
 * Immutable once made: ca_issue may be called from several threads.
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

#define CA_ROLE_COUNT CERT_ROLE_COUNT /* one intermediate for each enum cert_role */
#define CA_TEXT_BYTES_MAX 32768       /* of ca_export's document */
#define CA_DNS_NAMES_MAX 4
#define CA_LIFETIME_SECONDS_MAX ((int64_t)398 * 24 * 3600)

/* Makes a fresh authority for a trust domain. STATUS_INVALID (ca_trust_domain), STATUS_FAILED. */
enum status ca_new(struct str trust_domain, const struct clock *clock, struct ca **ca,
                   struct why *why) MUST_USE;
void ca_free(struct ca **ca);
/* A JSON document {"trust_domain", "root": {"certificate", "key"}, "intermediates": [{"role", "certificate", "key"}…]}:
 * secret; wipe it. STATUS_TOO_LARGE (`out` has to hold CA_TEXT_BYTES_MAX), and then nothing was appended. */
enum status ca_export(const struct ca *ca, struct buf *out) MUST_USE;
/* STATUS_INVALID (ca_malformed, ca_mismatch, or json.h's) unless every part is there and fits the others. */
enum status ca_import(struct str text, struct ca **ca, struct why *why) MUST_USE;

/* New intermediates under the same root, before `ca` is shared: what was issued before stays valid. STATUS_FAILED (ca_openssl), and then it
 * is of no use any more. */
enum status ca_renew_intermediates(struct ca *ca, const struct clock *clock,
                                   struct why *why) MUST_USE;

struct str ca_root_pem(const struct ca *ca); /* borrowed from the ca */
struct str ca_trust_domain(const struct ca *ca);
/* When the root, and the first of the intermediates, end: wall clock in ms. */
int64_t ca_root_until_ms(const struct ca *ca);
int64_t ca_intermediates_until_ms(const struct ca *ca);

struct ca_leaf {
    enum cert_role role;
    struct id subject;     /* wg_, edg_, ctl_; none for CERT_SERVICE */
    struct id environment; /* CERT_WARPGATE */
    /* CERT_SERVICE, CERT_EDGE, CERT_CONTROL: DNS SANs, lower case; CERT_SERVICE needs one and may have "*." in front.
     * IP addresses are not certified. */
    struct str dns_names[CA_DNS_NAMES_MAX];
    size_t dns_name_count;
    int64_t lifetime_seconds; /* at most 398 days; cut where the intermediate ends */
};

/* Signs a leaf for `key` (only its public part is used). `chain_pem`: leaf then intermediate. `identity` (may be NULL) gets
 * serial and expiry. STATUS_INVALID with why (leaf_subject, leaf_name, leaf_lifetime, leaf_key), STATUS_FAILED (ca_expired,
 * ca_openssl), STATUS_TOO_LARGE; nothing is appended then. */
enum status ca_issue(const struct ca *ca, const struct ca_leaf *leaf, EVP_PKEY *key,
                     const struct clock *clock, struct buf *chain_pem,
                     struct cert_identity *identity, struct why *why) MUST_USE;

#endif
