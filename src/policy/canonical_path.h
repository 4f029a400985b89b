/* canonical_path.h: the one reading of a request path on which routes and rules decide.
 *
 * Bytes are forwarded exactly as they came; this makes the form that the matcher sees, and refuses whatever two servers
 * could read as two different paths. Refused: raw or encoded dot segments, encoded "/" or "\", raw "\", empty segments
 * ("//"), ";" raw or encoded, "%25" followed by two hexadecimal digits (double encoding), encoded controls and NUL,
 * overlong UTF-8, bytes outside 0x21-0x7e, "#", and percent signs without two hexadecimal digits. All other escapes are
 * decoded once. What is refused is judged on the decoded form, so "%25%34%31" is double encoding as well. The query is everything from the first "?" and plays no part. "*" is not a path (the caller decides).
 * Pure, linear, no allocation but the arena's; the result is never longer than the input.
 */
#ifndef POLICY_CANONICAL_PATH_H
#define POLICY_CANONICAL_PATH_H

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* `target`: origin form, as in :path. *path: canonical path, in the arena (or the target itself when nothing had to be
 * decoded). STATUS_INVALID with one of the slugs path_dot_segment, path_encoded_slash, path_backslash,
 * path_empty_segment, path_parameter, path_double_encoding, path_control, path_overlong, path_malformed. */
enum status canonical_path(struct str target, struct arena *arena, struct str *path,
                           struct why *why) MUST_USE;

/* A path as configuration may carry it: in canonical form already, that is decoded ("/caf\xc3\xa9", not "/caf%C3%A9"),
 * and without "?" and "#", which no path of a request ends up with unless encoded. STATUS_INVALID with a slug as above;
 * *offset (may be NULL) is the byte at fault. */
enum status canonical_path_check(struct str path, size_t *offset, struct why *why) MUST_USE;

#endif
