/* route_matcher.h: the inside of a route matcher, for route_matcher.c and the tests.
 *
 * A *position* is where a match stands after some bytes of a path; it stands for a set of the automaton's states:
 *   POSITION_UNKNOWN     not computed yet
 *   POSITION_DEAD        the empty set: nothing further can match
 *   POSITION_SOLO | n    node n of the trie alone: the trie is walked as it is, without a state being made
 *   otherwise            the offset in `cells` of a deterministic state, which is laid out so:
 *                        exact, prefix, regexp, item count, hash, next of bucket; a position per byte class; the items
 * An item is a node's index, or node_count plus a step's.
 */
#ifndef POLICY_ROUTE_MATCHER_H
#define POLICY_ROUTE_MATCHER_H

#include "policy/route_automaton.h"
#include "policy/route_program.h"

enum route_position {
    POSITION_UNKNOWN = 0,
    POSITION_DEAD = 1,
    POSITION_FIRST = 2, /* the first state's offset */
};
#define POSITION_SOLO 0x80000000u

/* What a set of states amounts to when a path ends in it (or, for the prefix, passes it). NONE where nothing does. */
struct route_accepts {
    uint32_t exact;
    uint32_t prefix;
    uint32_t regexp;
};

struct route_set {
    uint32_t *items;
    size_t count;
    struct route_accepts accepts;
};

struct route_matcher {
    struct route_program *program;
    const struct route_automaton *automaton;

    uint32_t start; /* position */
    uint32_t *cells;
    size_t cell_count, cell_cap, cell_max;
    uint32_t *buckets; /* state offsets, chained; 0 is none */
    size_t bucket_count, bucket_max;
    size_t state_count;
    uint32_t *entries; /* by end: the position of that node with its edges */
    uint32_t hash_seed;

    /* The set being made, the one before (in direct simulation), and what is in the former. */
    struct route_set to;
    struct route_set from;
    uint8_t *marks;
    uint8_t generation;
    uint32_t *stack;
    size_t stack_count;

    /* Of the current or last match. */
    size_t step_count; /* items looked at to make sets: the cost of what was not known yet */
    size_t step_max;
    unsigned drop_count;
    bool was_simulated;
    bool gave_up; /* step_max was passed: no route */
};

/* As route_matcher_new with another bound on its memory: for tests of what happens when it is full. What the program's
 * size makes necessary comes on top, if the bound is lower. */
struct route_matcher *route_matcher_new_sized(struct route_program *program, size_t bytes_max);

#endif
