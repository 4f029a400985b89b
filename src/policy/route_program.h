/* route_program.h: all routes of one environment in one linear-time automaton.
 *
 * Precedence: an exact route before the longest matching prefix before the first matching regexp in list order.
 * A prefix is a literal: "/api/" covers "/api/users" and not "/api"; "/api" covers "/api", "/api/x" and also "/apix"
 * (documented; use "/api/" to mean the folder). A regexp covers the whole path.
 *
 * The program is immutable and shared by all threads. Matching runs on a route_matcher, one per thread and program: a
 * lazily built deterministic automaton in bounded memory, so a match costs one table step per byte however many routes
 * there are; when the table is full it is dropped and begun anew (and if that happens too often within one path, the set of
 * states is simulated directly), so time stays linear in path length whatever the patterns. One step is never repeated by
 * backtracking, but a step into a set of states that was not seen before costs the size of that set, and whoever writes the
 * patterns and sends the paths can make it so for every byte. So what one match may spend on new sets is limited; past the
 * limit it gives up and no route matches: such a path is refused, not let through.
 */
#ifndef POLICY_ROUTE_PROGRAM_H
#define POLICY_ROUTE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/route_regexp.h"

#define ROUTE_PROGRAM_ROUTES_MAX 10000
/* automaton states of one environment before determinisation */
#define ROUTE_PROGRAM_STATES_MAX 1000000
/* of these, those that do not belong to literal beginnings */
#define ROUTE_PROGRAM_REGEXP_STATES_MAX 200000
#define ROUTE_PATTERN_BYTES_MAX 1024
#define ROUTE_MATCHER_BYTES_MAX (4u << 20)
/* What one match may spend on new sets of states: about half a millisecond for one pattern. */
#define ROUTE_MATCHER_STEPS_BASE 262144
#define ROUTE_MATCHER_STEPS_PER_STATE 8
#define ROUTE_NONE SIZE_MAX

enum route_match {
    ROUTE_MATCH_PREFIX,
    ROUTE_MATCH_EXACT,
    ROUTE_MATCH_REGEXP,
};

struct route_pattern {
    enum route_match match;
    struct str path; /* literal, in canonical form (canonical_path.h), or a regexp */
};

struct route_program;
struct route_matcher;
struct route_automaton;

/* "prefix", "exact", "regexp". */
enum status route_match_parse(struct str text, enum route_match *match) MUST_USE;
const char *route_match_name(enum route_match match);

/* Judges one pattern as the API does: literals must begin with "/" and be in canonical form (canonical_path_check); regexps
 * must parse and, alone, stay within ROUTE_REGEXP_STATES_MAX. STATUS_INVALID, STATUS_UNSUPPORTED, STATUS_TOO_LARGE with why and fault. */
enum status route_pattern_check(const struct route_pattern *pattern,
                                struct route_regexp_fault *fault, struct why *why) MUST_USE;

/* Compiles `count` patterns; their index is what a match returns. The patterns' text is not kept.
 * STATUS_TOO_LARGE, or what route_pattern_check returns, with *faulty the index of the pattern. */
enum status route_program_new(const struct route_pattern *patterns, size_t count,
                              struct route_program **program, size_t *faulty,
                              struct why *why) MUST_USE;
struct route_program *route_program_ref(struct route_program *program); /* atomic */
void route_program_unref(struct route_program **program);
/* For matchers: what was compiled (route_automaton.h), as long as the program lives. */
const struct route_automaton *route_program_automaton(const struct route_program *program);

struct route_matcher *route_matcher_new(struct route_program *program);
void route_matcher_free(struct route_matcher **matcher);
/* The index of the route for this canonical path, or ROUTE_NONE. */
size_t route_matcher_match(struct route_matcher *matcher, struct str path);
/* True if the last match ended with ROUTE_NONE because it became too costly. */
bool route_matcher_gave_up(const struct route_matcher *matcher);

#endif
