#include "base/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void pool_keeps_and_returns(void **state) {
    struct block_pool pool;
    struct block *blocks[5];
    (void)state;
    block_pool_init(&pool, 2);
    for (int i = 0; i < 5; i++) {
        blocks[i] = block_pool_take(&pool);
        assert_int_equal(blocks[i]->start, 0);
        assert_int_equal(blocks[i]->end, 0);
        assert_null(blocks[i]->next);
        memset(blocks[i]->bytes, i, BLOCK_BYTES);
        blocks[i]->end = 9;
    }
    assert_int_equal(pool.used_count, 5);
    for (int i = 0; i < 5; i++) {
        block_pool_give(&pool, blocks[i]);
    }
    assert_int_equal(pool.used_count, 0);
    assert_int_equal(pool.free_count, 2);
    struct block *again = block_pool_take(&pool);
    assert_ptr_equal(again, blocks[1]); /* the last that was kept: its pages are warm */
    assert_int_equal(again->end, 0);
    assert_int_equal(pool.free_count, 1);
    block_pool_trim(&pool); /* not what is in use */
    assert_int_equal(pool.free_count, 0);
    assert_int_equal(pool.used_count, 1);
    again->bytes[0] = 1;
    block_pool_give(&pool, again);
    assert_int_equal(pool.free_count, 1);
    block_pool_fini(&pool);
    assert_int_equal(pool.free_count, 0);
}

static void queue_starts_empty(void **state) {
    struct block_pool pool;
    struct block_queue queue;
    const uint8_t *at;
    char out[4];
    (void)state;
    block_pool_init(&pool, 0);
    block_queue_init(&queue, &pool);
    assert_int_equal(block_queue_peek(&queue, &at), 0);
    assert_int_equal(block_queue_read(&queue, out, sizeof(out)), 0);
    block_queue_append(&queue, "", 0);
    block_queue_consume(&queue, 0);
    block_queue_clear(&queue);
    assert_int_equal(pool.used_count, 0);
    block_pool_fini(&pool);
}

static void reserve_gives_what_is_needed(void **state) {
    struct block_pool pool;
    struct block_queue queue;
    size_t room;
    (void)state;
    block_pool_init(&pool, 4);
    block_queue_init(&queue, &pool);
    assert_non_null(block_queue_reserve(&queue, BLOCK_BYTES, &room));
    assert_int_equal(room, BLOCK_BYTES);
    block_queue_commit(&queue, 0);
    assert_int_equal(pool.used_count, 0); /* nothing came: nothing is held */

    block_queue_reserve(&queue, 0, &room);
    block_queue_commit(&queue, BLOCK_BYTES - 10);
    block_queue_reserve(&queue, 10, &room);
    assert_int_equal(room, 10);
    block_queue_commit(&queue, 0);
    block_queue_reserve(&queue, 11, &room);
    assert_int_equal(room, BLOCK_BYTES);
    block_queue_commit(&queue, 0); /* an empty block stays at the end */
    assert_int_equal(queue.len, BLOCK_BYTES - 10);
    block_queue_append(&queue, "x", 1);
    block_queue_consume(&queue, BLOCK_BYTES - 10);
    const uint8_t *at;
    assert_int_equal(block_queue_peek(&queue, &at), 1);
    assert_int_equal(at[0], 'x');
    block_queue_consume(&queue, 1);
    assert_int_equal(pool.used_count, 0);

    /* An empty block at the end goes when the bytes before it are gone. */
    block_queue_reserve(&queue, 1, &room);
    block_queue_commit(&queue, BLOCK_BYTES);
    block_queue_reserve(&queue, 1, &room);
    block_queue_commit(&queue, 0);
    assert_int_equal(pool.used_count, 2);
    block_queue_consume(&queue, BLOCK_BYTES);
    assert_int_equal(pool.used_count, 0);
    assert_int_equal(block_queue_peek(&queue, &at), 0);
    block_pool_fini(&pool);
}

/* A stream of known bytes through append, reserve, peek and read, in odd sizes. */
static void queue_keeps_order(void **state) {
    struct block_pool pool;
    struct block_queue queue;
    uint8_t *bytes = malloc(200000);
    uint32_t in = 0;
    uint32_t out = 0;
    (void)state;
    block_pool_init(&pool, 1);
    block_queue_init(&queue, &pool);
    for (size_t round = 0; round < 600; round++) {
        size_t put = (round * 7919) % 70000;
        size_t take = (round * 6007) % 71000;
        if (round % 3 == 0) {
            size_t room;
            uint8_t *at = block_queue_reserve(&queue, put % 1000, &room);
            assert_true(room >= put % 1000);
            for (size_t i = 0; i < put % 1000; i++) {
                at[i] = (uint8_t)(in++ % 251);
            }
            block_queue_commit(&queue, put % 1000);
        } else {
            for (size_t i = 0; i < put; i++) {
                bytes[i] = (uint8_t)(in++ % 251);
            }
            block_queue_append(&queue, bytes, put);
        }
        assert_int_equal(queue.len, in - out);
        if (round % 2 == 0) {
            size_t got = block_queue_read(&queue, bytes, take);
            for (size_t i = 0; i < got; i++) {
                assert_int_equal(bytes[i], out++ % 251);
            }
            continue;
        }
        const uint8_t *at;
        size_t len = block_queue_peek(&queue, &at);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(at[i], out++ % 251);
        }
        block_queue_consume(&queue, len);
    }
    block_queue_clear(&queue);
    assert_int_equal(queue.len, 0);
    assert_int_equal(pool.used_count, 0);
    block_pool_fini(&pool);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_keeps_and_returns),
        cmocka_unit_test(queue_starts_empty),
        cmocka_unit_test(reserve_gives_what_is_needed),
        cmocka_unit_test(queue_keeps_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
