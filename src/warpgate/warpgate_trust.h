/* warpgate_trust.h: by which authorities https workloads are verified (`--upstream-ca`), and the TLS that follows from it.
 *
 *   FILE        for all https upstreams that have none of their own
 *   name=FILE   for the https upstream of this name
 * Without either, the system's authorities count. Files are read once, at start, and tried, so that a wrong one is told before any
 * network. Upstreams with the same authorities share one set of TLS contexts: the system's are large.
 */
#ifndef WARPGATE_WARPGATE_TRUST_H
#define WARPGATE_WARPGATE_TRUST_H

#include "base/buf.h"
#include "warpgate/warpgate_link.h"

#define WARPGATE_TRUST_BYTES_MAX ((size_t)1 << 20) /* of one file */

/* Fills `tls`, one for each target; both members stay NULL where it is not https. STATUS_INVALID with why (slug upstream_ca). What
 * was made before an error is the caller's to free, too. */
enum status warpgate_trust_make(const char *const *files, size_t file_count,
                                const struct warpgate_target *targets, size_t target_count,
                                struct warpgate_link_tls *tls, struct why *why) MUST_USE;
void warpgate_trust_free(struct warpgate_link_tls *tls, size_t count);
/* A whole file, at most what `out` may hold. STATUS_FAILED (errno says why), STATUS_TOO_LARGE (errno is 0). */
enum status warpgate_trust_read_file(const char *path, struct buf *out) MUST_USE;

#endif
