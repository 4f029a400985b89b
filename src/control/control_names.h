/* control_names.h: the host names of environments: which they get, which nobody gets.
 *
 * <project>.<domain> for a project's first environment, <project>-<environment>.<domain> for the others. Labels that the
 * platform uses itself, or that people would take for it, are reserved; so are internationalised (xn--) labels. Besides these an environment may have names of domains that are not the platform's.
 */
#ifndef CONTROL_CONTROL_NAMES_H
#define CONTROL_CONTROL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#define CONTROL_NAMES_HOST_SIZE 254
#define CONTROL_NAMES_URL_SIZE 280
#define CONTROL_NAMES_DETAIL_SIZE 400

/* A domain that the platform may run under: canonical, at least two labels, room for a label in front. STATUS_INVALID (domain_invalid). */
enum status control_names_check_domain(struct str domain, struct why *why) MUST_USE;
/* STATUS_INVALID (name_invalid): reserved, or longer than a label may be. */
enum status control_names_hostname(struct str domain, struct str project, struct str environment,
                                   bool is_first, char out[CONTROL_NAMES_HOST_SIZE],
                                   struct why *why) MUST_USE;
/* Whether an environment may have this name: NULL, or the stable code of what is wrong, with `detail` saying what to do:
 * host_not_canonical (upper case, a dot at the end, …), hostname_wildcard, hostname_invalid, hostname_unqualified, hostname_not_platform (`is_first`: it has to be one label under the domain),
 * hostname_reserved (the domain itself, what is above it, deeper below it, or a label that nobody gets). */
const char *control_names_judge(struct str domain, struct str name, bool is_first,
                                char detail[CONTROL_NAMES_DETAIL_SIZE]);
/* "https://host", with the port unless it is 443. */
void control_names_url(struct str hostname, uint16_t port, char out[CONTROL_NAMES_URL_SIZE]);
/* Whether a certificate for *.<domain> covers the name: exactly one label more. */
bool control_names_is_covered(struct str domain, struct str hostname);

#endif
