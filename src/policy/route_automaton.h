/* route_automaton.h: the nondeterministic automaton of a route program, for route_program.c and route_matcher.c alone.
 *
 * Two kinds of states. *Nodes* form a trie: all literals, and the literal beginnings of regexps, share it byte by byte.
 * *Steps* are what is left of regexps: classes, repeats and alternatives, as Thompson's construction makes them. An *edge*
 * leads from a node into the steps of one part of a regexp (such as "[0-9]+"), which end in a jump to another node, where
 * the literal text after that part goes on; regexps that begin with the same parts share these, too. So
 * /users/[0-9]+/a and /users/[0-9]+/b differ in one node.
 *
 * Routes end in nodes. Below the root, as long as no edge was taken, at most one node is active at any time; the steps,
 * and the nodes behind edges, are what determinisation costs, and are limited to ROUTE_PROGRAM_REGEXP_STATES_MAX.
 * Built once, then immutable.
 */
#ifndef POLICY_ROUTE_AUTOMATON_H
#define POLICY_ROUTE_AUTOMATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/route_regexp_node.h"

#define ROUTE_AUTOMATON_NONE UINT32_MAX
#define ROUTE_AUTOMATON_ROOT 0u

struct route_node {
    uint32_t first_child; /* or NONE */
    uint32_t next;        /* sibling, or NONE */
    uint32_t end;         /* index into ends, or NONE */
    uint8_t byte;         /* that leads here from the parent */
};

/* Nodes where something ends or an edge begins. */
struct route_end {
    uint32_t exact;      /* the route with this path, or NONE */
    uint32_t prefix;     /* the route with this prefix, or NONE */
    uint32_t regexp;     /* the first route whose regexp ends here, or NONE */
    uint32_t first_edge; /* or NONE */
};

struct route_edge {
    uint32_t step;
    uint32_t next; /* of the same node, or NONE */
};

enum route_step_kind {
    ROUTE_STEP_BYTE,  /* consumes `byte`, then a */
    ROUTE_STEP_CLASS, /* consumes a byte of sets[b], then a */
    ROUTE_STEP_SPLIT, /* a and b, consuming nothing */
    ROUTE_STEP_JUMP,  /* node a, consuming nothing */
};

struct route_step {
    uint32_t a;
    uint32_t b;
    uint8_t kind;
    uint8_t byte;
};

struct route_automaton {
    struct route_node *nodes;
    struct route_end *ends;
    struct route_edge *edges;
    struct route_step *steps;
    struct route_regexp_set *sets; /* distinct */
    size_t node_count, node_cap;
    size_t end_count, end_cap;
    size_t edge_count, edge_cap;
    size_t step_count, step_cap;
    size_t set_count, set_cap;
    size_t inner_count;     /* nodes behind edges */
    struct map known_edges; /* building only: (node, text) to the node after the edge */
    struct map known_sets;  /* building only */
    /* Bytes that no step tells apart are one class. */
    uint8_t classes[256];
    uint8_t samples[256]; /* one byte of each class */
    unsigned class_count;
};

void route_automaton_init(struct route_automaton *automaton);
void route_automaton_fini(struct route_automaton *automaton);

/* STATUS_TOO_LARGE. Of two equal patterns the first that was added stays in force. */
enum status route_automaton_add_exact(struct route_automaton *automaton, struct str path,
                                      uint32_t route, struct why *why) MUST_USE;
enum status route_automaton_add_prefix(struct route_automaton *automaton, struct str path,
                                       uint32_t route, struct why *why) MUST_USE;
enum status route_automaton_add_regexp(struct route_automaton *automaton,
                                       const struct route_regexp *regexp, uint32_t route,
                                       struct why *why) MUST_USE;
/* After the last pattern. */
void route_automaton_finish(struct route_automaton *automaton);

/* The child of `node` by this byte, or NONE. */
static inline uint32_t route_automaton_child(const struct route_automaton *automaton, uint32_t node,
                                             uint8_t byte) {
    uint32_t child = automaton->nodes[node].first_child;
    while (child != ROUTE_AUTOMATON_NONE && automaton->nodes[child].byte != byte) {
        child = automaton->nodes[child].next;
    }
    return child;
}

#endif
