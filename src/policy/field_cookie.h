/* field_cookie.h: takes one cookie of the platform's own out of a request (RFC 6265 §4.2.1), and leaves every other byte of the
 * field as the visitor wrote it: what looks malformed may have a meaning to the workload.
 */
#ifndef POLICY_FIELD_COOKIE_H
#define POLICY_FIELD_COOKIE_H

#include "base/arena.h"
#include "http/http_message.h"

/* Removes every `name=value` pair of this very name (case matters) from all `cookie` fields, each with one separator next to it; a
 * field of which nothing is left goes, too. Returns the first value, or the empty string. New values live in the arena. */
struct str field_cookie_take(struct http_fields *fields, struct arena *arena, struct str name);

#endif
