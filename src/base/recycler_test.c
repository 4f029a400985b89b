#include "base/recycler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const size_t sizes[] = {0,   1,    24,    25,    40,    41,    511,   512,
                               513, 1024, 16384, 16385, 16709, 18432, 18433, 100000};
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

/* Whatever was given before: a piece has room for what it was taken for, and belongs to one taker. */
static void gives_room_for_every_size(void **state) {
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        uint8_t *pieces[SIZE_COUNT];
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            pieces[i] = recycler_take(sizes[i]);
            assert_non_null(pieces[i]);
            assert_true(malloc_usable_size(pieces[i]) >= sizes[i]);
            memset(pieces[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            for (size_t j = 0; j < sizes[i]; j++) {
                assert_int_equal(pieces[i][j], i);
            }
            recycler_give(pieces[i]);
        }
    }
    recycler_trim();
}

static void gives_back_what_was_given_last(void **state) {
    (void)state;
    if (!RECYCLER_KEEPS) {
        skip();
    }
    void *small = recycler_take(100);
    void *buffer = recycler_take(16709);
    recycler_give(small);
    recycler_give(buffer);
    assert_ptr_equal(recycler_take(104), small);
    assert_ptr_equal(recycler_take(RECYCLER_BUFFER_BYTES), buffer);
    recycler_give(small);
    recycler_give(buffer);
    memory_trim();
}

/* mallinfo2 counts the thread's arena: what is kept is in use to the heap. */
static void keeps_a_bounded_number(void **state) {
    static void *pieces[4 * RECYCLER_PIECES_MAX];
    (void)state;
    recycler_trim();
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < 4 * RECYCLER_PIECES_MAX; i++) {
        pieces[i] = recycler_take(i % 2 == 0 ? 500 : 17000);
    }
    for (size_t i = 0; i < 4 * RECYCLER_PIECES_MAX; i++) {
        recycler_give(pieces[i]);
    }
    size_t kept = mallinfo2().uordblks - before;
    assert_true(kept <= RECYCLER_PIECES_MAX * 600 + RECYCLER_BUFFERS_MAX * 19000);
    recycler_trim();
}

static void zeroes_and_refuses_overflow(void **state) {
    (void)state;
    char *dirty = recycler_take(64);
    memset(dirty, 'x', 64);
    recycler_give(dirty);
    char *clean = recycler_take_zeroed(8, 8);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(clean[i], 0);
    }
    clean[63] = 'y';
    clean = recycler_resize(clean, 4000);
    assert_int_equal(clean[63], 'y');
    recycler_give(clean);
    recycler_give(recycler_resize(NULL, 10));
    recycler_give(NULL);
    assert_null(recycler_take_zeroed(SIZE_MAX / 2, 4));
    recycler_trim();
}

static void *run_elsewhere(void *piece) {
    recycler_give(piece);
    recycler_give(recycler_take(48));
    return NULL;
}

/* The leak sanitizer, or valgrind, sees to it that the other thread's pieces are freed at its end. */
static void lets_pieces_change_threads(void **state) {
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, run_elsewhere, recycler_take(48)), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_room_for_every_size),
        cmocka_unit_test(gives_back_what_was_given_last),
        cmocka_unit_test(keeps_a_bounded_number),
        cmocka_unit_test(zeroes_and_refuses_overflow),
        cmocka_unit_test(lets_pieces_change_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
