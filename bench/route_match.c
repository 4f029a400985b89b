/* route_match.c: what one route match costs, by the number of routes: prefix, exact and regexp in equal parts, looked up with paths
 * that hit each of them and some that hit none. Prints one line for each size: routes, nanoseconds a match. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "policy/route_program.h"

#define ROUTES_MAX 10000
#define PATH_SIZE 64
#define PATHS 4096
#define ROUNDS 400

static char texts[ROUTES_MAX][PATH_SIZE];
static char paths[PATHS][PATH_SIZE];

static void make_pattern(size_t i, struct route_pattern *pattern) {
    static const char *const forms[] = {"/app-%zu/static/", "/api/v1/things-%zu/detail",
                                        "/shop-%zu/[a-z]+/[0-9]{1,6}"};
    pattern->match = (enum route_match[]){ROUTE_MATCH_PREFIX, ROUTE_MATCH_EXACT,
                                          ROUTE_MATCH_REGEXP}[i % 3];
    (void)snprintf(texts[i], PATH_SIZE, forms[i % 3], i);
    pattern->path = str_from(texts[i]);
}

static void make_path(size_t i, size_t route_count) {
    size_t route = (size_t)rand() % route_count;
    static const char *const forms[] = {"/app-%zu/static/css/site.css", "/api/v1/things-%zu/detail",
                                        "/shop-%zu/shoes/4711"};
    if (i % 8 == 7) {
        (void)snprintf(paths[i], PATH_SIZE, "/nothing/here/%zu/at/all", i);
        return;
    }
    (void)snprintf(paths[i], PATH_SIZE, forms[route % 3], route);
}

static double now_ns(void) {
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static size_t match_all(struct route_matcher *matcher) {
    size_t found = 0;
    for (size_t i = 0; i < PATHS; i++) {
        found += route_matcher_match(matcher, str_from(paths[i])) != ROUTE_NONE;
    }
    return found;
}

static int measure(size_t route_count) {
    static struct route_pattern patterns[ROUTES_MAX];
    struct route_program *program = NULL;
    struct why why = {0};
    size_t faulty = 0;
    for (size_t i = 0; i < route_count; i++) {
        make_pattern(i, &patterns[i]);
    }
    for (size_t i = 0; i < PATHS; i++) {
        make_path(i, route_count);
    }
    if (route_program_new(patterns, route_count, &program, &faulty, &why) != STATUS_OK) {
        (void)fprintf(stderr, "route %zu: %s\n", faulty, why.text);
        return 1;
    }
    struct route_matcher *matcher = route_matcher_new(program);
    size_t found = match_all(matcher); /* what is made lazily is made now */
    double begun = now_ns();
    for (int round = 0; round < ROUNDS; round++) {
        found += match_all(matcher);
    }
    double spent = now_ns() - begun;
    (void)printf("%zu %.0f\n", route_count, spent / ((double)ROUNDS * PATHS));
    route_matcher_free(&matcher);
    route_program_unref(&program);
    return found == (size_t)PATHS / 8 * 7 * (ROUNDS + 1) ? 0 : 1;
}

int main(void) {
    static const size_t sizes[] = {10, 100, 1000, ROUTES_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (measure(sizes[i]) != 0) {
            return 1;
        }
    }
    return 0;
}
