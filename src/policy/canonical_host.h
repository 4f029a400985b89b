/* canonical_host.h: the one reading of an authority: lower case, without port, without one trailing dot. */
#ifndef POLICY_CANONICAL_HOST_H
#define POLICY_CANONICAL_HOST_H

#include "base/status.h"
#include "base/str.h"

#define CANONICAL_HOST_SIZE 256

/* Writes the terminated host. `authority` may carry a port (1 to 5 digits, at most 65535). Labels: letters, digits, "-",
 * "_", 1 to 63 bytes, at most 253 in all; or an IPv4 or bracketed IPv6 address, kept as it is but for case. A name whose
 * last label is a number is an address or nothing. STATUS_INVALID with one of the slugs host_empty, host_label,
 * host_too_long, host_address, host_port. */
enum status canonical_host(struct str authority, char out[CANONICAL_HOST_SIZE],
                           struct why *why) MUST_USE;

/* A host name as configuration may carry it: as above, already canonical, no port, no address. STATUS_INVALID, with
 * the further slugs host_not_canonical and host_is_address. */
enum status canonical_host_check_name(struct str name, struct why *why) MUST_USE;

#endif
