#include "policy/route_automaton.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "policy/route_program.h"

static enum status add_regexp(struct route_automaton *a, const char *pattern, uint32_t route) {
    struct arena arena;
    arena_init(&arena);
    struct route_regexp *regexp = NULL;
    struct route_regexp_fault fault;
    struct why why = {0};
    assert_int_equal(route_regexp_parse(str_from(pattern), &arena, &regexp, &fault, &why),
                     STATUS_OK);
    enum status status = route_automaton_add_regexp(a, regexp, route, &why);
    if (status != STATUS_OK) {
        assert_string_equal(why.slug, "routes_too_large");
    }
    arena_fini(&arena);
    return status;
}

static enum status add_exact(struct route_automaton *a, const char *path, uint32_t route) {
    return route_automaton_add_exact(a, str_from(path), route, NULL);
}

static enum status add_prefix(struct route_automaton *a, const char *path, uint32_t route) {
    return route_automaton_add_prefix(a, str_from(path), route, NULL);
}

/* The node of a literal path, which must exist. */
static uint32_t find_node(const struct route_automaton *a, const char *path) {
    uint32_t node = ROUTE_AUTOMATON_ROOT;
    for (; *path != '\0'; path++) {
        node = route_automaton_child(a, node, (uint8_t)*path);
        assert_int_not_equal(node, ROUTE_AUTOMATON_NONE);
    }
    return node;
}

static void literals_share_their_beginnings(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    assert_int_equal(add_exact(&a, "/users", 0), STATUS_OK);
    assert_int_equal(a.node_count, 7);
    assert_int_equal(add_prefix(&a, "/users/", 1), STATUS_OK);
    assert_int_equal(add_prefix(&a, "/us", 2), STATUS_OK);
    assert_int_equal(add_regexp(&a, "/use", 3), STATUS_OK);
    assert_int_equal(a.node_count, 8);
    assert_int_equal(a.step_count, 0);
    assert_int_equal(a.inner_count, 0);
    assert_int_equal(a.ends[a.nodes[find_node(&a, "/users")].end].exact, 0);
    assert_int_equal(a.ends[a.nodes[find_node(&a, "/users/")].end].prefix, 1);
    assert_int_equal(a.ends[a.nodes[find_node(&a, "/us")].end].prefix, 2);
    assert_int_equal(a.ends[a.nodes[find_node(&a, "/use")].end].regexp, 3);
    assert_int_equal(a.nodes[find_node(&a, "/user")].end, ROUTE_AUTOMATON_NONE);
    route_automaton_fini(&a);
}

static void regexps_share_their_first_parts(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    assert_int_equal(add_regexp(&a, "/users/[0-9]+/a", 0), STATUS_OK);
    /* A class, its loop, the jump; the root, "/users/", the node after the edge, "/a". */
    assert_int_equal(a.step_count, 3);
    assert_int_equal(a.node_count, 11);
    assert_int_equal(a.inner_count, 3);
    assert_int_equal(add_regexp(&a, "/users/([0-9]+)/b", 1), STATUS_OK);
    assert_int_equal(a.step_count, 3);
    assert_int_equal(a.node_count, 12);
    assert_int_equal(add_regexp(&a, "/users/\\d+", 2), STATUS_OK); /* another spelling */
    assert_int_equal(a.edge_count, 2);
    assert_int_equal(a.set_count, 1);
    assert_int_equal(add_regexp(&a, "/users/[0-9]+/a|/users/[0-9]+/c", 3), STATUS_OK);
    assert_int_equal(a.edge_count, 2);
    route_automaton_fini(&a);
}

static void the_first_of_equals_stays(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    for (uint32_t route = 5; route < 8; route++) {
        assert_int_equal(add_exact(&a, "/", route), STATUS_OK);
        assert_int_equal(add_prefix(&a, "/", route), STATUS_OK);
        assert_int_equal(add_regexp(&a, "/", route), STATUS_OK);
    }
    const struct route_end *end = &a.ends[a.nodes[find_node(&a, "/")].end];
    assert_int_equal(end->exact, 5);
    assert_int_equal(end->prefix, 5);
    assert_int_equal(end->regexp, 5);
    route_automaton_fini(&a);
}

static void tells_bytes_apart_only_where_a_step_does(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    assert_int_equal(add_regexp(&a, "/[a-m]*[k-z]", 0), STATUS_OK);
    route_automaton_finish(&a);
    /* NUL stands for no byte: nodes after edges carry it. */
    assert_int_equal(a.classes['a'], a.classes['j']);
    assert_int_equal(a.classes['k'], a.classes['m']);
    assert_int_equal(a.classes['n'], a.classes['z']);
    assert_int_equal(a.classes['0'], a.classes[0xff]);
    assert_int_not_equal(a.classes['a'], a.classes['k']);
    assert_int_not_equal(a.classes['k'], a.classes['n']);
    assert_int_not_equal(a.classes['/'], a.classes['0']);
    for (unsigned class = 0; class < a.class_count; class ++) {
        assert_int_equal(a.classes[a.samples[class]], class);
    }
    route_automaton_fini(&a);
}

static void every_byte_may_be_a_class(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    for (unsigned byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        assert_int_equal(route_automaton_add_exact(&a, str_make(&c, 1), byte, NULL), STATUS_OK);
    }
    route_automaton_finish(&a);
    assert_int_equal(a.class_count, 256);
    for (unsigned byte = 0; byte < 256; byte++) {
        assert_int_equal(a.samples[a.classes[byte]], byte);
    }
    route_automaton_fini(&a);
}

static void limits_what_regexps_cost(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    enum status status = STATUS_OK;
    uint32_t route = 0;
    for (; route < 10000 && status == STATUS_OK; route++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "/%u/([a-f]{255}x){7}", route);
        status = add_regexp(&a, pattern, route);
    }
    assert_int_equal(status, STATUS_TOO_LARGE);
    assert_int_equal(route, ROUTE_PROGRAM_REGEXP_STATES_MAX / 1794 + 1);
    assert_true(a.step_count + a.inner_count <= ROUTE_PROGRAM_REGEXP_STATES_MAX);
    route_automaton_fini(&a);
}

static void limits_all_states(void **state) {
    (void)state;
    struct route_automaton a;
    route_automaton_init(&a);
    enum status status = STATUS_OK;
    uint32_t route = 0;
    for (; route < 10000 && status == STATUS_OK; route++) {
        char path[1024];
        int len = snprintf(path, sizeof path, "/%u/%0900u", route, 0u);
        struct why why = {0};
        status = route_automaton_add_prefix(&a, str_make(path, (size_t)len), route, &why);
        assert_string_equal(why.slug, status == STATUS_OK ? "" : "routes_too_large");
    }
    assert_int_equal(status, STATUS_TOO_LARGE);
    assert_int_equal(a.node_count, ROUTE_PROGRAM_STATES_MAX);
    route_automaton_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_share_their_beginnings),
        cmocka_unit_test(regexps_share_their_first_parts),
        cmocka_unit_test(the_first_of_equals_stays),
        cmocka_unit_test(tells_bytes_apart_only_where_a_step_does),
        cmocka_unit_test(every_byte_may_be_a_class),
        cmocka_unit_test(limits_what_regexps_cost),
        cmocka_unit_test(limits_all_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
