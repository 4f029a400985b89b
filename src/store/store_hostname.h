/* store_hostname.h: who has which host name: over all tenants each has one holder, and for a while after that.
 *
 * A name that an environment gives up, or that goes with it, stays with its organization for STORE_HOSTNAME_HOLD_MS: links, bookmarks and DNS
 * records may still lead to it, and nobody else shall get those visitors. Kept are keyed hashes, no names. store_environment.h calls these; of
 * what is deleted with a project or an organization the claims are found to be gone, by store_hostname_release_gone. Threads: store_tx.h.
 */
#ifndef STORE_STORE_HOSTNAME_H
#define STORE_STORE_HOSTNAME_H

#include "store/store_tx.h"

#define STORE_HOSTNAME_HOLD_MS (INT64_C(7) * 24 * 3600 * 1000)

/* STATUS_CONFLICT: hostname_taken (an environment has it), hostname_held (another organization gave it up lately). */
enum status store_hostname_claim(struct store_tx *tx, const struct id *organization,
                                 const struct id *environment, struct str name) MUST_USE;
/* Whether an organization other than `organization` has this name, in use or held. */
enum status store_hostname_is_foreign(struct store_tx *tx, const struct id *organization,
                                      struct str name, bool *is_foreign) MUST_USE;
enum status store_hostname_release(struct store_tx *tx, const struct id *organization,
                                   const struct id *environment, struct str name) MUST_USE;
/* What belongs to environments that are no more; `organization` NULL: of all tenants. */
enum status store_hostname_release_gone(struct store_tx *tx,
                                        const struct id *organization) MUST_USE;
/* Forgets what was held for long enough. */
enum status store_hostname_prune_any(struct store_tx *tx) MUST_USE;

#endif
