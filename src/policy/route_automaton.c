#include "policy/route_automaton.h"

#include "base/memory.h"
#include "policy/route_program.h"

#define NONE ROUTE_AUTOMATON_NONE

/* Where the building of one regexp stands: after an edge, new nodes count as inner. */
struct place {
    uint32_t node;
    bool is_inner;
};

/* ---- growing ---- */

/* Room for one more in an array; doubles it when full. */
static void *grow(void *at, size_t count, size_t *cap, size_t size) {
    if (count < *cap) {
        return at;
    }
    *cap = *cap == 0 ? 16 : *cap * 2;
    return memory_resize(at, *cap, size);
}

static uint32_t new_node(struct route_automaton *a, uint8_t byte) {
    a->nodes = grow(a->nodes, a->node_count, &a->node_cap, sizeof *a->nodes);
    a->nodes[a->node_count] = (struct route_node){NONE, NONE, NONE, byte};
    return (uint32_t)a->node_count++;
}

static uint32_t new_step(struct route_automaton *a, enum route_step_kind kind, uint32_t to) {
    a->steps = grow(a->steps, a->step_count, &a->step_cap, sizeof *a->steps);
    a->steps[a->step_count] = (struct route_step){.a = to, .b = NONE, .kind = (uint8_t)kind};
    return (uint32_t)a->step_count++;
}

/* The end of a node, made if it has none. Valid until the next. */
static struct route_end *need_end(struct route_automaton *a, uint32_t node) {
    if (a->nodes[node].end == NONE) {
        a->ends = grow(a->ends, a->end_count, &a->end_cap, sizeof *a->ends);
        a->ends[a->end_count] = (struct route_end){NONE, NONE, NONE, NONE};
        a->nodes[node].end = (uint32_t)a->end_count++;
    }
    return &a->ends[a->nodes[node].end];
}

static enum status check_room(const struct route_automaton *a, size_t more, bool is_inner,
                              struct why *why) {
    size_t regexp_count = a->step_count + a->inner_count;
    if (a->step_count + a->node_count + more > ROUTE_PROGRAM_STATES_MAX ||
        (is_inner && regexp_count + more > ROUTE_PROGRAM_REGEXP_STATES_MAX)) {
        return why_set(why, STATUS_TOO_LARGE, "routes_too_large",
                       "all routes together have too many states");
    }
    return STATUS_OK;
}

void route_automaton_init(struct route_automaton *automaton) {
    *automaton = (struct route_automaton){0};
    map_init(&automaton->known_edges);
    map_init(&automaton->known_sets);
    (void)new_node(automaton, 0);
}

static void drop_maps(struct route_automaton *automaton) {
    map_fini(&automaton->known_edges);
    map_fini(&automaton->known_sets);
    map_init(&automaton->known_edges);
    map_init(&automaton->known_sets);
}

void route_automaton_fini(struct route_automaton *automaton) {
    drop_maps(automaton);
    memory_free(automaton->nodes);
    memory_free(automaton->ends);
    memory_free(automaton->edges);
    memory_free(automaton->steps);
    memory_free(automaton->sets);
    *automaton = (struct route_automaton){0};
}

/* ---- the trie ---- */

static enum status walk_byte(struct route_automaton *a, struct place *place, uint8_t byte,
                             struct why *why) {
    uint32_t child = route_automaton_child(a, place->node, byte);
    if (child == NONE) {
        enum status status = check_room(a, 1, place->is_inner, why);
        if (status != STATUS_OK) {
            return status;
        }
        child = new_node(a, byte);
        a->nodes[child].next = a->nodes[place->node].first_child;
        a->nodes[place->node].first_child = child;
        a->inner_count += place->is_inner;
    }
    place->node = child;
    return STATUS_OK;
}

static enum status walk_literal(struct route_automaton *a, struct str path, uint32_t *node,
                                struct why *why) {
    struct place place = {ROUTE_AUTOMATON_ROOT, false};
    for (size_t i = 0; i < path.len; i++) {
        enum status status = walk_byte(a, &place, (uint8_t)path.at[i], why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *node = place.node;
    return STATUS_OK;
}

enum status route_automaton_add_exact(struct route_automaton *automaton, struct str path,
                                      uint32_t route, struct why *why) {
    uint32_t node = 0;
    enum status status = walk_literal(automaton, path, &node, why);
    if (status == STATUS_OK) {
        struct route_end *end = need_end(automaton, node);
        end->exact = route < end->exact ? route : end->exact;
    }
    return status;
}

enum status route_automaton_add_prefix(struct route_automaton *automaton, struct str path,
                                       uint32_t route, struct why *why) {
    uint32_t node = 0;
    enum status status = walk_literal(automaton, path, &node, why);
    if (status == STATUS_OK) {
        struct route_end *end = need_end(automaton, node);
        end->prefix = route < end->prefix ? route : end->prefix;
    }
    return status;
}

/* ---- steps ---- */

static uint32_t need_set(struct route_automaton *a, const struct route_regexp_set *set) {
    struct str key = str_make(set->bits, sizeof set->bits);
    void *known = map_get(&a->known_sets, key);
    if (known != NULL) {
        return (uint32_t)((uintptr_t)known - 1);
    }
    a->sets = grow(a->sets, a->set_count, &a->set_cap, sizeof *a->sets);
    a->sets[a->set_count++] = *set;
    (void)map_set(&a->known_sets, key, (void *)(uintptr_t)a->set_count);
    return (uint32_t)(a->set_count - 1);
}

static uint32_t write_node(struct route_automaton *a, const struct route_regexp_node *node,
                           uint32_t to);

/* From the back, since every step needs to know where it leads. */
static uint32_t write_repeat(struct route_automaton *a, const struct route_regexp_node *node,
                             uint32_t to) {
    uint32_t at = to;
    unsigned copies = node->min;
    if (node->max == ROUTE_REGEXP_UNBOUNDED) {
        uint32_t loop = new_step(a, ROUTE_STEP_SPLIT, NONE);
        uint32_t body = write_node(a, node->first, loop);
        a->steps[loop].a = body;
        a->steps[loop].b = to;
        at = node->min == 0 ? loop : body;
        copies = node->min == 0 ? 0 : node->min - 1u;
    } else {
        for (unsigned i = node->min; i < node->max; i++) {
            uint32_t body = write_node(a, node->first, at);
            at = new_step(a, ROUTE_STEP_SPLIT, body);
            a->steps[at].b = to;
        }
    }
    for (unsigned i = 0; i < copies; i++) {
        at = write_node(a, node->first, at);
    }
    return at;
}

static uint32_t write_alternatives(struct route_automaton *a, const struct route_regexp_node *node,
                                   uint32_t to) {
    uint32_t at = write_node(a, node->last, to);
    for (const struct route_regexp_node *child = node->last->prev; child; child = child->prev) {
        uint32_t branch = write_node(a, child, to);
        uint32_t split = new_step(a, ROUTE_STEP_SPLIT, branch);
        a->steps[split].b = at;
        at = split;
    }
    return at;
}

/* Writes the steps of `node`, which go on at `to`; returns the first. As deep as the tree: at most the parser's nesting
 * limit times the three kinds of inner nodes. */
static uint32_t write_node(struct route_automaton *a, const struct route_regexp_node *node,
                           uint32_t to) {
    uint32_t at = to;
    switch (node->kind) {
    case REGEXP_EMPTY:
        break;
    case REGEXP_BYTE:
        at = new_step(a, ROUTE_STEP_BYTE, to);
        a->steps[at].byte = node->byte;
        break;
    case REGEXP_CLASS:
        at = new_step(a, ROUTE_STEP_CLASS, to);
        a->steps[at].b = need_set(a, &node->set);
        break;
    case REGEXP_CONCAT:
        for (const struct route_regexp_node *child = node->last; child; child = child->prev) {
            at = write_node(a, child, at);
        }
        break;
    case REGEXP_ALTERNATE:
        at = write_alternatives(a, node, to);
        break;
    case REGEXP_REPEAT:
        at = write_repeat(a, node, to);
        break;
    }
    return at;
}

/* ---- regexps ---- */

/* Takes the edge that `part` makes from here, which an earlier regexp may have made already. */
static enum status walk_edge(struct route_automaton *a, struct place *place,
                             const struct route_regexp_node *part, struct why *why) {
    char key[sizeof place->node + ROUTE_REGEXP_BYTES_MAX];
    memcpy(key, &place->node, sizeof place->node);
    memcpy(key + sizeof place->node, part->text.at, part->text.len);
    struct str key_str = str_make(key, sizeof place->node + part->text.len);
    void *known = map_get(&a->known_edges, key_str);
    if (known != NULL) {
        *place = (struct place){(uint32_t)((uintptr_t)known - 1), true};
        return STATUS_OK;
    }
    enum status status = check_room(a, part->state_count + 2, true, why);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t target = new_node(a, 0);
    a->inner_count++;
    uint32_t first = write_node(a, part, new_step(a, ROUTE_STEP_JUMP, target));
    struct route_end *end = need_end(a, place->node);
    a->edges = grow(a->edges, a->edge_count, &a->edge_cap, sizeof *a->edges);
    a->edges[a->edge_count] = (struct route_edge){first, end->first_edge};
    end->first_edge = (uint32_t)a->edge_count++;
    (void)map_set(&a->known_edges, key_str, (void *)((uintptr_t)target + 1));
    *place = (struct place){target, true};
    return STATUS_OK;
}

static enum status walk_part(struct route_automaton *a, struct place *place,
                             const struct route_regexp_node *part, struct why *why) {
    if (part->kind == REGEXP_EMPTY) {
        return STATUS_OK;
    }
    if (part->kind == REGEXP_BYTE) {
        return walk_byte(a, place, part->byte, why);
    }
    return walk_edge(a, place, part, why);
}

static enum status add_branch(struct route_automaton *a, const struct route_regexp_node *branch,
                              uint32_t route, struct why *why) {
    struct place place = {ROUTE_AUTOMATON_ROOT, false};
    enum status status = STATUS_OK;
    if (branch->kind == REGEXP_CONCAT) {
        for (const struct route_regexp_node *part = branch->first; part && status == STATUS_OK;
             part = part->next) {
            status = walk_part(a, &place, part, why);
        }
    } else {
        status = walk_part(a, &place, branch, why);
    }
    if (status == STATUS_OK) {
        struct route_end *end = need_end(a, place.node);
        end->regexp = route < end->regexp ? route : end->regexp;
    }
    return status;
}

enum status route_automaton_add_regexp(struct route_automaton *automaton,
                                       const struct route_regexp *regexp, uint32_t route,
                                       struct why *why) {
    const struct route_regexp_node *root = regexp->root;
    if (root->kind != REGEXP_ALTERNATE) {
        return add_branch(automaton, root, route, why);
    }
    for (const struct route_regexp_node *branch = root->first; branch; branch = branch->next) {
        enum status status = add_branch(automaton, branch, route, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* ---- byte classes ---- */

/* Splits every class that a set divides. */
static void split_classes(struct route_automaton *a, const struct route_regexp_set *set) {
    unsigned inside_of[256]; /* the new class for a class's bytes inside the set, plus one */
    bool has_outside[256] = {false};
    for (unsigned byte = 0; byte < 256; byte++) {
        inside_of[byte] = 0;
        if (!route_regexp_set_has(set, (uint8_t)byte)) {
            has_outside[a->classes[byte]] = true;
        }
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned class = a->classes[byte];
        if (!route_regexp_set_has(set, (uint8_t)byte) || !has_outside[class]) {
            continue;
        }
        if (inside_of[class] == 0) {
            inside_of[class] = ++a->class_count;
        }
        a->classes[byte] = (uint8_t)(inside_of[class] - 1);
    }
}

static void split_literal_bytes(struct route_automaton *a) {
    struct route_regexp_set used = {{0}};
    for (size_t i = 1; i < a->node_count; i++) {
        route_regexp_set_add(&used, a->nodes[i].byte);
    }
    for (size_t i = 0; i < a->step_count; i++) {
        if (a->steps[i].kind == ROUTE_STEP_BYTE) {
            route_regexp_set_add(&used, a->steps[i].byte);
        }
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        if (route_regexp_set_has(&used, (uint8_t)byte)) {
            struct route_regexp_set single = {{0}};
            route_regexp_set_add(&single, (uint8_t)byte);
            split_classes(a, &single);
        }
    }
}

void route_automaton_finish(struct route_automaton *automaton) {
    drop_maps(automaton);
    automaton->class_count = 1;
    split_literal_bytes(automaton);
    for (size_t i = 0; i < automaton->set_count && automaton->class_count < 256; i++) {
        split_classes(automaton, &automaton->sets[i]);
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        automaton->samples[automaton->classes[byte]] = (uint8_t)byte;
    }
}
