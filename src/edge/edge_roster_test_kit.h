/* edge_roster_test_kit.h: for tests: a roster of three workers at a time of the test's own. */
#ifndef EDGE_EDGE_ROSTER_TEST_KIT_H
#define EDGE_EDGE_ROSTER_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "edge/edge_roster.h"

#define WORKERS 3
#define ENVIRONMENT "env_01jd3m8k6vq2x7r9t4w5y6z8ab"

static int64_t now_ms;
static unsigned due_count;

static inline int64_t read_now(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {.mono_ms = read_now, .wall_ms = read_now};

static inline void note_due(void *context) {
    (void)context;
    due_count++;
}

static inline struct edge_roster *new_roster(void) {
    now_ms = 100000;
    due_count = 0;
    return edge_roster_new(WORKERS, &test_clock, note_due, NULL);
}

static inline struct cert_identity identity_of(unsigned number) {
    struct cert_identity identity = {.role = CERT_WARPGATE, .environment = {ENVIRONMENT}};
    (void)snprintf(identity.subject.text, sizeof identity.subject.text,
                   "wg_01jd3m8k6vq2x7r9t4w5y6z%03u", number);
    return identity;
}

static inline struct edge_roster_seat *sit(struct edge_roster *roster, unsigned warpgate,
                                           unsigned own) {
    const struct cert_identity identity = identity_of(warpgate);
    return edge_roster_add(roster, own, &identity, "192.0.2.7");
}

#endif
