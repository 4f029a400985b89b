#include "http/h1_flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void stops_above_its_limit_and_goes_on_at_half(void **state) {
    struct block_pool pool;
    struct h1_flow flow;
    (void)state;
    block_pool_init(&pool, 0);
    h1_flow_init(&flow, 0, &pool);
    h1_flow_deliver(&flow, H1_FLOW_BYTES_DEFAULT);
    assert_false(flow.is_paused);
    h1_flow_deliver(&flow, 1);
    assert_true(flow.is_paused);
    assert_false(h1_flow_consume(&flow, H1_FLOW_BYTES_DEFAULT / 2));
    assert_true(h1_flow_consume(&flow, 1));
    assert_false(flow.is_paused);
    assert_false(h1_flow_consume(&flow, SIZE_MAX)); /* more than there is: nothing is left */
    assert_int_equal(flow.unconsumed_bytes, 0);
}

static void reads_less_ahead_in_a_crowd(void **state) {
    struct block_pool pool;
    struct h1_flow flow;
    struct block *blocks[BLOCK_PRESSED_COUNT + 1];
    (void)state;
    block_pool_init(&pool, 0);
    h1_flow_init(&flow, 0, &pool);
    for (size_t i = 0; i <= BLOCK_PRESSED_COUNT; i++) {
        assert_false(block_pool_is_pressed(&pool));
        blocks[i] = block_pool_take(&pool);
    }
    assert_true(block_pool_is_pressed(&pool));
    h1_flow_deliver(&flow, H1_FLOW_BYTES_PRESSED);
    assert_false(flow.is_paused);
    h1_flow_deliver(&flow, 1);
    assert_true(flow.is_paused);
    assert_false(h1_flow_consume(&flow, H1_FLOW_BYTES_PRESSED / 2));
    assert_true(h1_flow_consume(&flow, 1));
    struct h1_flow small; /* who wants less gets less */
    h1_flow_init(&small, 10, &pool);
    h1_flow_deliver(&small, 11);
    assert_true(small.is_paused);
    for (size_t i = 0; i <= BLOCK_PRESSED_COUNT; i++) {
        block_pool_give(&pool, blocks[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_above_its_limit_and_goes_on_at_half),
        cmocka_unit_test(reads_less_ahead_in_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
