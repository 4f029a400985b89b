/* edge_test_case.h: for tests of which each begins with a kit of its own (edge_test_kit.h) that is configured, and that is gone after it. */
#ifndef EDGE_EDGE_TEST_CASE_H
#define EDGE_EDGE_TEST_CASE_H

#include "edge/edge_test_kit.h"

static struct kit *kit;

static inline int start(void **state) {
    (void)state;
    kit = kit_new();
    kit_configure(kit, 1);
    return 0;
}

static inline int stop(void **state) {
    (void)state;
    kit_free(kit);
    return 0;
}

/* The visitor has heard it. */
static inline bool has_said(const char *text) {
    return strstr(kit->out, text) != NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

#endif
