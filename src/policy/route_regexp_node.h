/* route_regexp_node.h: the syntax tree of one regular expression, for the compiler of route programs alone.
 *
 * Built by route_regexp.c in the caller's arena, read by route_automaton.c. The tree is simplified as it is built: groups
 * are gone, concatenations are flat, alternatives of single bytes are one class, and REGEXP_EMPTY stands only at the top or
 * as an alternative. So every node but REGEXP_EMPTY costs at least one state, and writing out repeats
 * costs exactly `state_count`.
 */
#ifndef POLICY_ROUTE_REGEXP_NODE_H
#define POLICY_ROUTE_REGEXP_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "policy/route_regexp.h"

#define ROUTE_REGEXP_UNBOUNDED UINT16_MAX

enum route_regexp_kind {
    REGEXP_EMPTY,     /* the empty text */
    REGEXP_BYTE,      /* `byte` */
    REGEXP_CLASS,     /* any byte of `set` */
    REGEXP_CONCAT,    /* the children one after another: at least two */
    REGEXP_ALTERNATE, /* one of the children: at least two */
    REGEXP_REPEAT,    /* the one child, `min` to `max` times */
};

struct route_regexp_set {
    uint64_t bits[4];
};

struct route_regexp_node {
    enum route_regexp_kind kind;
    uint8_t byte;
    uint16_t min;
    uint16_t max; /* ROUTE_REGEXP_UNBOUNDED: no limit */
    size_t state_count;
    struct str text; /* the part of the pattern it was read from; equal text is an equal meaning */
    struct route_regexp_set set;
    struct route_regexp_node *first;
    struct route_regexp_node *last;
    struct route_regexp_node *next; /* sibling */
    struct route_regexp_node *prev;
};

struct route_regexp {
    struct route_regexp_node *root;
};

static inline bool route_regexp_set_has(const struct route_regexp_set *set, uint8_t byte) {
    return (set->bits[byte >> 6] >> (byte & 63) & 1) != 0;
}

static inline void route_regexp_set_add(struct route_regexp_set *set, uint8_t byte) {
    set->bits[byte >> 6] |= (uint64_t)1 << (byte & 63);
}

static inline void route_regexp_set_add_range(struct route_regexp_set *set, uint8_t low,
                                              uint8_t high) {
    for (unsigned byte = low; byte <= high; byte++) {
        route_regexp_set_add(set, (uint8_t)byte);
    }
}

#endif
