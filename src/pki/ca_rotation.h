/* ca_rotation.h: from one root of the internal PKI to the next, in phases, so that at no moment two peers lack a common root.
 *
 *   CA_STABLE     one authority: it issues, and it alone is trusted
 *   CA_ANNOUNCED  a second one has been made: both are trusted, the first still issues
 *   CA_ISSUING    both are trusted, the second issues: everybody renews
 *   CA_STABLE     the second one alone
 *
 * Forward from ANNOUNCED only when every peer trusts both, from ISSUING only when every certificate in use is the second's: the caller
 * counts. Back, from ANNOUNCED and ISSUING, at any time. Intermediates are renewed without phases, since every peer
 * verifies by the root. Immutable once made, for all threads: each step makes a new one.
 */
#ifndef PKI_CA_ROTATION_H
#define PKI_CA_ROTATION_H

#include "pki/ca.h"

enum ca_phase {
    CA_STABLE,
    CA_ANNOUNCED,
    CA_ISSUING,
};

#define CA_ROTATION_TEXT_BYTES_MAX (2 * CA_TEXT_BYTES_MAX + 256)
#define CA_ANCHORS_SIZE 65 /* of ca_rotation_anchors_name, terminated */

struct ca_rotation;

const char *ca_rotation_phase_name(enum ca_phase phase); /* "stable", "announced", "issuing" */

/* CA_STABLE with a fresh authority. As ca_new. */
enum status ca_rotation_new(struct str trust_domain, const struct clock *clock,
                            struct ca_rotation **rotation, struct why *why) MUST_USE;
void ca_rotation_free(struct ca_rotation **rotation);
/* {"phase", "ca", "next"}, as ca_export writes the two ("next" only where there is one): secret; wipe it. STATUS_TOO_LARGE (`out` has to
 * hold CA_ROTATION_TEXT_BYTES_MAX). */
enum status ca_rotation_export(const struct ca_rotation *rotation, struct buf *out) MUST_USE;
/* Also what ca_export alone wrote: CA_STABLE. STATUS_INVALID as ca_import, and where both are the same authority or of two trust domains
 * (ca_mismatch). */
enum status ca_rotation_import(struct str text, struct ca_rotation **rotation,
                               struct why *why) MUST_USE;

enum ca_phase ca_rotation_phase(const struct ca_rotation *rotation);
/* The one that issues. Borrowed. */
const struct ca *ca_rotation_issuer(const struct ca_rotation *rotation);
/* The other one that is trusted; NULL when stable. Borrowed. */
const struct ca *ca_rotation_other(const struct ca_rotation *rotation);
/* All roots that are trusted, the issuer's first: PEM. Borrowed. */
struct str ca_rotation_anchors(const struct ca_rotation *rotation);
/* A name for this set of roots: hex of a SHA-256 over the certificates, in whatever order they stand. What peers report. */
void ca_rotation_anchors_name(struct str anchors_pem, char name[CA_ANCHORS_SIZE]);

/* The steps. Each makes a new one and leaves the old. STATUS_CONFLICT (ca_phase): not from this phase. */
enum status ca_rotation_announce(const struct ca_rotation *rotation, const struct clock *clock,
                                 struct ca_rotation **next, struct why *why) MUST_USE;
enum status ca_rotation_issue(const struct ca_rotation *rotation, struct ca_rotation **next,
                              struct why *why) MUST_USE;
enum status ca_rotation_finish(const struct ca_rotation *rotation, struct ca_rotation **next,
                               struct why *why) MUST_USE;
/* One step back. */
enum status ca_rotation_back(const struct ca_rotation *rotation, struct ca_rotation **next,
                             struct why *why) MUST_USE;
/* New intermediates under the root that issues; only from CA_STABLE. */
enum status ca_rotation_renew_intermediates(const struct ca_rotation *rotation,
                                            const struct clock *clock, struct ca_rotation **next,
                                            struct why *why) MUST_USE;

#endif
