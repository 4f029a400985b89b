#include "policy/route_program.h"

#include <stdatomic.h>

#include "base/memory.h"
#include "policy/canonical_path.h"
#include "policy/route_automaton.h"

struct route_program {
    atomic_size_t refs;
    struct route_automaton automaton;
};

static const struct str match_names[] = {
    [ROUTE_MATCH_PREFIX] = STR_INIT("prefix"),
    [ROUTE_MATCH_EXACT] = STR_INIT("exact"),
    [ROUTE_MATCH_REGEXP] = STR_INIT("regexp"),
};
#define MATCH_COUNT (sizeof match_names / sizeof match_names[0])

enum status route_match_parse(struct str text, enum route_match *match) {
    for (size_t i = 0; i < MATCH_COUNT; i++) {
        if (str_eq(text, match_names[i])) {
            *match = (enum route_match)i;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

const char *route_match_name(enum route_match match) {
    return (size_t)match < MATCH_COUNT ? match_names[match].at : "unknown";
}

/* Judges a pattern; a regexp's tree is left in the arena. */
static enum status read_pattern(const struct route_pattern *pattern, struct arena *arena,
                                struct route_regexp **regexp, struct route_regexp_fault *fault,
                                struct why *why) {
    fault->offset = 0;
    if (pattern->path.len > ROUTE_PATTERN_BYTES_MAX) {
        fault->offset = ROUTE_PATTERN_BYTES_MAX;
        return why_set(why, STATUS_TOO_LARGE, "pattern_too_long", "the path is over %d bytes",
                       ROUTE_PATTERN_BYTES_MAX);
    }
    switch (pattern->match) {
    case ROUTE_MATCH_PREFIX:
    case ROUTE_MATCH_EXACT:
        return canonical_path_check(pattern->path, &fault->offset, why);
    case ROUTE_MATCH_REGEXP:
        return route_regexp_parse(pattern->path, arena, regexp, fault, why);
    }
    return why_set(why, STATUS_INVALID, "pattern_match", "there is no such way to match");
}

enum status route_pattern_check(const struct route_pattern *pattern,
                                struct route_regexp_fault *fault, struct why *why) {
    struct arena arena;
    struct route_regexp *regexp = NULL;
    arena_init(&arena);
    enum status status = read_pattern(pattern, &arena, &regexp, fault, why);
    arena_fini(&arena);
    return status;
}

static enum status add_pattern(struct route_automaton *automaton,
                               const struct route_pattern *pattern, uint32_t index,
                               struct arena *arena, struct why *why) {
    struct route_regexp_fault fault;
    struct route_regexp *regexp = NULL;
    enum status status = read_pattern(pattern, arena, &regexp, &fault, why);
    if (status != STATUS_OK) {
        return status;
    }
    switch (pattern->match) {
    case ROUTE_MATCH_PREFIX:
        return route_automaton_add_prefix(automaton, pattern->path, index, why);
    case ROUTE_MATCH_EXACT:
        return route_automaton_add_exact(automaton, pattern->path, index, why);
    case ROUTE_MATCH_REGEXP:
        break;
    }
    return route_automaton_add_regexp(automaton, regexp, index, why);
}

enum status route_program_new(const struct route_pattern *patterns, size_t count,
                              struct route_program **program, size_t *faulty, struct why *why) {
    *faulty = 0;
    if (count > ROUTE_PROGRAM_ROUTES_MAX) {
        *faulty = ROUTE_PROGRAM_ROUTES_MAX;
        return why_set(why, STATUS_TOO_LARGE, "too_many_routes", "more than %d routes",
                       ROUTE_PROGRAM_ROUTES_MAX);
    }
    struct route_program *made = MEMORY_NEW(struct route_program);
    atomic_init(&made->refs, 1);
    route_automaton_init(&made->automaton);
    struct arena arena;
    arena_init(&arena);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        arena_reset(&arena);
        *faulty = i;
        status = add_pattern(&made->automaton, &patterns[i], (uint32_t)i, &arena, why);
    }
    arena_fini(&arena);
    if (status != STATUS_OK) {
        route_program_unref(&made);
        return status;
    }
    route_automaton_finish(&made->automaton);
    *program = made;
    return STATUS_OK;
}

struct route_program *route_program_ref(struct route_program *program) {
    atomic_fetch_add_explicit(&program->refs, 1, memory_order_relaxed);
    return program;
}

void route_program_unref(struct route_program **program) {
    struct route_program *p = *program;
    *program = NULL;
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    route_automaton_fini(&p->automaton);
    memory_free(p);
}

const struct route_automaton *route_program_automaton(const struct route_program *program) {
    return &program->automaton;
}
