#include "policy/route_matcher.h"

#include "base/memory.h"

#define NONE ROUTE_AUTOMATON_NONE
#define DROPS_MAX 4 /* within one match; then its set of states is simulated directly */

/* Offsets within a state. */
enum {
    CELL_EXACT,
    CELL_PREFIX,
    CELL_REGEXP,
    CELL_ITEM_COUNT,
    CELL_HASH,
    CELL_NEXT,
    CELL_ROW,
};

static const struct route_accepts no_accepts = {NONE, NONE, NONE};

/* ---- life ---- */

struct route_matcher *route_matcher_new_sized(struct route_program *program, size_t bytes_max) {
    struct route_matcher *m = MEMORY_NEW(struct route_matcher);
    m->program = route_program_ref(program);
    m->automaton = route_program_automaton(program);
    const struct route_automaton *a = m->automaton;
    size_t regexp_count = a->step_count + a->inner_count;
    /* All steps, all nodes behind edges, and one node before them. */
    size_t item_max = regexp_count + 2;
    m->to.items = memory_new_array(item_max, sizeof(uint32_t));
    m->from.items = memory_new_array(item_max, sizeof(uint32_t));
    m->stack = memory_new_array(a->step_count + 1, sizeof(uint32_t));
    m->marks = memory_new_array(a->node_count + a->step_count, 1);
    m->entries = memory_new_array(a->end_count + 1, sizeof(uint32_t));
    size_t fixed = (2 * item_max + a->step_count + a->end_count + 2) * sizeof(uint32_t) +
                   a->node_count + a->step_count;
    size_t rest = bytes_max > fixed ? bytes_max - fixed : 0;
    /* Three quarters for the states; the buckets, a power of two, stay within the last. */
    m->cell_max = rest / sizeof(uint32_t) / 4 * 3;
    m->bucket_max = rest / sizeof(uint32_t) / 4;
    m->cell_count = POSITION_FIRST;
    m->hash_seed = (uint32_t)str_hash(STR("route_matcher"));
    m->step_max = ROUTE_MATCHER_STEPS_BASE + ROUTE_MATCHER_STEPS_PER_STATE * regexp_count;
    return m;
}

struct route_matcher *route_matcher_new(struct route_program *program) {
    return route_matcher_new_sized(program, ROUTE_MATCHER_BYTES_MAX);
}

void route_matcher_free(struct route_matcher **matcher) {
    struct route_matcher *m = *matcher;
    *matcher = NULL;
    if (m == NULL) {
        return;
    }
    memory_free(m->to.items);
    memory_free(m->from.items);
    memory_free(m->stack);
    memory_free(m->marks);
    memory_free(m->entries);
    memory_free(m->cells);
    memory_free(m->buckets);
    route_program_unref(&m->program);
    memory_free(m);
}

bool route_matcher_gave_up(const struct route_matcher *matcher) {
    return matcher->gave_up;
}

/* ---- making a set of states ---- */

static void begin_set(struct route_matcher *m) {
    m->to.count = 0;
    m->to.accepts = no_accepts;
    m->stack_count = 0;
    if (++m->generation == 0) {
        memset(m->marks, 0, m->automaton->node_count + m->automaton->step_count);
        m->generation = 1;
    }
}

static void push_step(struct route_matcher *m, uint32_t step) {
    uint8_t *mark = &m->marks[m->automaton->node_count + step];
    if (*mark != m->generation) {
        *mark = m->generation;
        m->stack[m->stack_count++] = step;
    }
}

/* A node comes in by its parent or by its one jump, so no more than once. */
static void add_node(struct route_matcher *m, uint32_t node) {
    const struct route_automaton *a = m->automaton;
    struct route_set *to = &m->to;
    m->marks[node] = m->generation;
    to->items[to->count++] = node;
    if (a->nodes[node].end == NONE) {
        return;
    }
    const struct route_end *end = &a->ends[a->nodes[node].end];
    to->accepts.exact = end->exact < to->accepts.exact ? end->exact : to->accepts.exact;
    to->accepts.prefix = end->prefix < to->accepts.prefix ? end->prefix : to->accepts.prefix;
    to->accepts.regexp = end->regexp < to->accepts.regexp ? end->regexp : to->accepts.regexp;
    for (uint32_t edge = end->first_edge; edge != NONE; edge = a->edges[edge].next) {
        push_step(m, a->edges[edge].step);
    }
}

/* Follows what consumes nothing, until only nodes and consuming steps are left. */
static void close_set(struct route_matcher *m) {
    const struct route_automaton *a = m->automaton;
    while (m->stack_count > 0) {
        uint32_t index = m->stack[--m->stack_count];
        const struct route_step *step = &a->steps[index];
        m->step_count++;
        if (step->kind == ROUTE_STEP_SPLIT) {
            push_step(m, step->b);
            push_step(m, step->a);
        } else if (step->kind == ROUTE_STEP_JUMP) {
            add_node(m, step->a);
        } else {
            m->to.items[m->to.count++] = (uint32_t)a->node_count + index;
        }
    }
}

/* m->to becomes what `items` turn into by `byte`. */
static void advance_items(struct route_matcher *m, const uint32_t *items, size_t count,
                          uint8_t byte) {
    const struct route_automaton *a = m->automaton;
    begin_set(m);
    m->step_count += count;
    for (size_t i = 0; i < count; i++) {
        if (items[i] < a->node_count) {
            uint32_t child = route_automaton_child(a, items[i], byte);
            if (child != NONE) {
                add_node(m, child);
            }
            continue;
        }
        const struct route_step *step = &a->steps[items[i] - a->node_count];
        bool is_hit = step->kind == ROUTE_STEP_BYTE ? step->byte == byte
                                                    : route_regexp_set_has(&a->sets[step->b], byte);
        if (is_hit) {
            push_step(m, step->a);
        }
    }
    close_set(m);
}

/* ---- deterministic states ---- */

static size_t state_cells(const struct route_matcher *m, size_t item_count) {
    return CELL_ROW + m->automaton->class_count + item_count;
}

static void drop_states(struct route_matcher *m) {
    m->cell_count = POSITION_FIRST;
    m->state_count = 0;
    m->start = POSITION_UNKNOWN;
    if (m->bucket_count > 0) {
        memset(m->buckets, 0, m->bucket_count * sizeof *m->buckets);
    }
    memset(m->entries, 0, m->automaton->end_count * sizeof *m->entries);
}

/* Doubles the buckets. States lie in `cells` one after another. */
static void grow_buckets(struct route_matcher *m) {
    size_t count = m->bucket_count == 0 ? 16 : m->bucket_count * 2;
    if (count > m->bucket_max && m->bucket_count != 0) {
        return;
    }
    memory_free(m->buckets);
    m->buckets = memory_new_array(count, sizeof *m->buckets);
    m->bucket_count = count;
    for (size_t at = POSITION_FIRST; at < m->cell_count;) {
        uint32_t *state = &m->cells[at];
        uint32_t *bucket = &m->buckets[state[CELL_HASH] & (count - 1)];
        state[CELL_NEXT] = *bucket;
        *bucket = (uint32_t)at;
        at += state_cells(m, state[CELL_ITEM_COUNT]);
    }
}

/* Room for `count` more cells. False if the bound does not permit it. */
static bool reserve_cells(struct route_matcher *m, size_t count) {
    size_t need = m->cell_count + count;
    if (need <= m->cell_cap) {
        return true;
    }
    if (need > m->cell_max) {
        return false;
    }
    size_t cap = m->cell_cap < 512 ? 1024 : m->cell_cap * 2;
    cap = cap < need ? need : cap;
    m->cell_cap = cap > m->cell_max ? m->cell_max : cap;
    m->cells = memory_resize(m->cells, m->cell_cap, sizeof *m->cells);
    return true;
}

/* The same for every order of the items. */
static uint32_t hash_items(const struct route_matcher *m) {
    uint64_t sum = 0;
    for (size_t i = 0; i < m->to.count; i++) {
        uint64_t x = (m->to.items[i] + (uint64_t)m->hash_seed) * 0x9e3779b97f4a7c15u;
        x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
        sum += x ^ (x >> 32);
    }
    return (uint32_t)(sum ^ (sum >> 32));
}

/* m->to as a state that exists, or POSITION_UNKNOWN. */
static uint32_t find_state(const struct route_matcher *m, uint32_t hash) {
    if (m->bucket_count == 0) {
        return POSITION_UNKNOWN;
    }
    uint32_t at = m->buckets[hash & (m->bucket_count - 1)];
    for (; at != 0; at = m->cells[at + CELL_NEXT]) {
        const uint32_t *state = &m->cells[at];
        if (state[CELL_HASH] != hash || state[CELL_ITEM_COUNT] != m->to.count) {
            continue;
        }
        const uint32_t *items = state + CELL_ROW + m->automaton->class_count;
        size_t same = 0;
        while (same < m->to.count && m->marks[items[same]] == m->generation) {
            same++;
        }
        if (same == m->to.count) {
            return at;
        }
    }
    return POSITION_UNKNOWN;
}

/* Makes m->to a state. POSITION_UNKNOWN if it does not fit. */
static uint32_t add_state(struct route_matcher *m, uint32_t hash) {
    size_t cells = state_cells(m, m->to.count);
    if (!reserve_cells(m, cells)) {
        return POSITION_UNKNOWN;
    }
    if (m->state_count >= m->bucket_count) {
        grow_buckets(m);
    }
    uint32_t at = (uint32_t)m->cell_count;
    uint32_t *state = &m->cells[at];
    uint32_t *bucket = &m->buckets[hash & (m->bucket_count - 1)];
    state[CELL_EXACT] = m->to.accepts.exact;
    state[CELL_PREFIX] = m->to.accepts.prefix;
    state[CELL_REGEXP] = m->to.accepts.regexp;
    state[CELL_ITEM_COUNT] = (uint32_t)m->to.count;
    state[CELL_HASH] = hash;
    state[CELL_NEXT] = *bucket;
    memset(state + CELL_ROW, 0, m->automaton->class_count * sizeof *state);
    memcpy(state + CELL_ROW + m->automaton->class_count, m->to.items, m->to.count * sizeof *state);
    *bucket = at;
    m->cell_count += cells;
    m->state_count++;
    return at;
}

/* The position of m->to. May drop all states to make room. POSITION_UNKNOWN: go on by simulation from m->to. */
static uint32_t place_set(struct route_matcher *m) {
    if (m->to.count == 0) {
        return POSITION_DEAD;
    }
    /* One item alone that is a node has no edges, or their steps would be here too. */
    if (m->to.count == 1 && m->to.items[0] < m->automaton->node_count) {
        return POSITION_SOLO | m->to.items[0];
    }
    uint32_t hash = hash_items(m);
    m->step_count += m->to.count;
    uint32_t at = find_state(m, hash);
    if (at != POSITION_UNKNOWN) {
        return at;
    }
    at = add_state(m, hash);
    if (at == POSITION_UNKNOWN && m->drop_count < DROPS_MAX) {
        m->drop_count++;
        drop_states(m);
        at = add_state(m, hash);
    }
    return at;
}

/* ---- matching ---- */

/* The position of one node: alone, or with what its edges lead to. */
static uint32_t place_node(struct route_matcher *m, uint32_t node) {
    const struct route_automaton *a = m->automaton;
    uint32_t end = a->nodes[node].end;
    if (end == NONE || a->ends[end].first_edge == NONE) {
        return POSITION_SOLO | node;
    }
    if (m->entries[end] != POSITION_UNKNOWN) {
        return m->entries[end];
    }
    begin_set(m);
    add_node(m, node);
    close_set(m);
    uint32_t at = place_set(m);
    m->entries[end] = at;
    return at;
}

static uint32_t step_solo(struct route_matcher *m, uint32_t node, uint8_t byte) {
    uint32_t child = route_automaton_child(m->automaton, node, byte);
    return child == NONE ? (uint32_t)POSITION_DEAD : place_node(m, child);
}

/* A step from a state by a byte for the first time. */
static __attribute__((noinline)) uint32_t step_anew(struct route_matcher *m, uint32_t at,
                                                    unsigned class) {
    const uint32_t *state = &m->cells[at];
    unsigned drops = m->drop_count;
    advance_items(m, state + CELL_ROW + m->automaton->class_count, state[CELL_ITEM_COUNT],
                  m->automaton->samples[class]);
    uint32_t next = place_set(m);
    /* When the states were dropped, the one that this step began in is gone. */
    if (drops == m->drop_count) {
        m->cells[at + CELL_ROW + class] = next;
    }
    return next;
}

static struct route_accepts read_accepts(const struct route_matcher *m, uint32_t at) {
    if ((at & POSITION_SOLO) != 0) {
        uint32_t end = m->automaton->nodes[at & ~POSITION_SOLO].end;
        if (end == NONE) {
            return no_accepts;
        }
        const struct route_end *e = &m->automaton->ends[end];
        return (struct route_accepts){e->exact, e->prefix, e->regexp};
    }
    const uint32_t *state = &m->cells[at];
    return (struct route_accepts){state[CELL_EXACT], state[CELL_PREFIX], state[CELL_REGEXP]};
}

static size_t choose(struct route_accepts last, uint32_t prefix) {
    uint32_t route = last.exact != NONE ? last.exact : prefix != NONE ? prefix : last.regexp;
    return route == NONE ? ROUTE_NONE : route;
}

/* Goes on from m->to over the rest of the path without making states. */
static size_t simulate(struct route_matcher *m, struct str rest, uint32_t prefix) {
    m->was_simulated = true;
    for (size_t i = 0;; i++) {
        if (m->to.accepts.prefix != NONE) {
            prefix = m->to.accepts.prefix;
        }
        if (i == rest.len || m->to.count == 0) {
            return choose(m->to.accepts, prefix);
        }
        if (m->step_count > m->step_max) {
            m->gave_up = true;
            return ROUTE_NONE;
        }
        struct route_set from = m->to;
        m->to = m->from;
        m->from = from;
        advance_items(m, from.items, from.count, (uint8_t)rest.at[i]);
    }
}

size_t route_matcher_match(struct route_matcher *matcher, struct str path) {
    struct route_matcher *m = matcher;
    m->step_count = 0;
    m->drop_count = 0;
    m->was_simulated = false;
    m->gave_up = false;
    if (m->start == POSITION_UNKNOWN) {
        m->start = place_node(m, ROUTE_AUTOMATON_ROOT);
    }
    uint32_t at = m->start;
    uint32_t prefix = NONE;
    for (size_t i = 0; i < path.len; i++) {
        if (at == POSITION_UNKNOWN) {
            return simulate(m, str_sub(path, i, path.len), prefix);
        }
        uint8_t byte = (uint8_t)path.at[i];
        if ((at & POSITION_SOLO) != 0) {
            at = step_solo(m, at & ~POSITION_SOLO, byte);
        } else {
            unsigned class = m->automaton->classes[byte];
            uint32_t next = m->cells[at + CELL_ROW + class];
            at = next != POSITION_UNKNOWN ? next : step_anew(m, at, class);
        }
        if (at == POSITION_DEAD) {
            return choose(no_accepts, prefix);
        }
        if (m->step_count > m->step_max) {
            m->gave_up = true;
            return ROUTE_NONE;
        }
        if (at != POSITION_UNKNOWN) {
            uint32_t passed = read_accepts(m, at).prefix;
            prefix = passed != NONE ? passed : prefix;
        }
    }
    return at == POSITION_UNKNOWN ? simulate(m, STR_EMPTY, prefix)
                                  : choose(read_accepts(m, at), prefix);
}
