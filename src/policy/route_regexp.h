/* route_regexp.h: the regular expressions of routes: parsed to a small syntax tree, without backtracking anywhere.
 *
 * Syntax (a subset of RE2's): literals, ".", classes [a-z] [^/] with \d \w \s \D \W \S and POSIX [:alpha:] names, groups
 * ( ) and (?: ), "|", and the repeats * + ? {n} {n,} {n,m} with n, m <= 255; "^" first and "$" last (in the pattern or in an
 * outermost alternative) are allowed and mean nothing, since a pattern always covers the whole path. Any other ASCII
 * punctuation stands for itself after a backslash; "{", "}", "]" and, in a class, "[" do so only after one. Bytes, not code points: a multi-byte UTF-8 character is its
 * bytes, "." is any byte but "\n", and a class may not hold non-ASCII characters. Not available, and refused with the
 * position of the fault: back-references, look-around, named groups, lazy and possessive repeats, \b, \A, \z, \Q, \p, \x, flags,
 * control characters.
 * Limits: ROUTE_REGEXP_BYTES_MAX pattern bytes, ROUTE_REGEXP_STATES_MAX states after repeats are written out, nesting 64.
 */
#ifndef POLICY_ROUTE_REGEXP_H
#define POLICY_ROUTE_REGEXP_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

#define ROUTE_REGEXP_BYTES_MAX 1024
#define ROUTE_REGEXP_STATES_MAX 2000

struct route_regexp; /* route_regexp_node.h */

struct route_regexp_fault {
    size_t offset; /* byte offset in the pattern */
};

/* Parses into the arena. why says what, fault where:
 * STATUS_INVALID: regexp_empty, regexp_control, regexp_escape, regexp_group, regexp_class, regexp_repeat, regexp_bracket.
 * STATUS_UNSUPPORTED: regexp_back_reference, regexp_look_around, regexp_named_group, regexp_flags, regexp_lazy,
 * regexp_possessive, regexp_anchor, regexp_escape_unsupported, regexp_class_not_ascii.
 * STATUS_TOO_LARGE: regexp_too_long, regexp_nesting, regexp_repeat_count, regexp_states. */
enum status route_regexp_parse(struct str pattern, struct arena *arena,
                               struct route_regexp **regexp, struct route_regexp_fault *fault,
                               struct why *why) MUST_USE;

#endif
