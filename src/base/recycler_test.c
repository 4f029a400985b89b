#include "base/recycler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

static const size_t sizes[] = {0,   1,    24,    25,    40,    41,    511,   512,
                               513, 1024, 16384, 16385, 16709, 18432, 18433, 100000};
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

#ifdef __SANITIZE_THREAD__
/* Not every compiler package brings <sanitizer/allocator_interface.h>. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

/* In use, as the heap sees it: what is kept is. The address sanitizer's heap tells 0, and nothing is kept there. */
static size_t read_used_bytes(void) {
#ifdef __SANITIZE_THREAD__
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

/* Whatever was given before: a piece has room for what it was taken for, and belongs to one taker. */
static void gives_room_for_every_size(void **state) {
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        uint8_t *pieces[SIZE_COUNT];
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            pieces[i] = recycler_take(sizes[i]);
            assert_non_null(pieces[i]);
            assert_true(malloc_usable_size(pieces[i]) >= sizes[i]);
            assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
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
    void *small = recycler_take(104); /* wholly a shelf's: so with every heap */
    void *buffer = recycler_take(16709);
    recycler_give(small);
    recycler_give(buffer);
    assert_ptr_equal(recycler_take(100), small);
    assert_ptr_equal(recycler_take(RECYCLER_BUFFER_BYTES), buffer);
    recycler_give(small);
    recycler_give(buffer);
    memory_trim();
}

/* Taken first, so that the heap has grown before it is read. */
static void take_and_give(void **pieces, size_t count, size_t small, size_t large) {
    for (size_t i = 0; i < count; i++) {
        pieces[i] = recycler_take(i % 2 == 0 ? small : large);
        assert_non_null(pieces[i]);
    }
    for (size_t i = 0; i < count; i++) {
        recycler_give(pieces[i]);
    }
}

static void keeps_a_bounded_number_and_trims_all(void **state) {
    static void *pieces[4 * RECYCLER_PIECES_MAX];
    (void)state;
    recycler_trim();
    size_t before = read_used_bytes();
    take_and_give(pieces, 4 * RECYCLER_PIECES_MAX, 500, 17000);
    size_t kept = read_used_bytes() - before;
    assert_true(kept <= RECYCLER_PIECES_MAX * 600 + RECYCLER_BUFFERS_MAX * 21000);
    if (RECYCLER_KEEPS) {
        assert_true(kept >= RECYCLER_PIECES_MAX * 500 + RECYCLER_BUFFERS_MAX * 17000);
    }
    recycler_trim();
    /* The heap's own cache holds seven of the small ones, and counts them as used. */
    assert_true(read_used_bytes() <= before + 8 * 600);
}

/* Between small pieces and buffers, and above buffers, the heap is better. */
static void keeps_no_other_sizes(void **state) {
    static void *pieces[32];
    (void)state;
    recycler_trim();
    size_t before = read_used_bytes();
    take_and_give(pieces, 32, 5000, 40000);
    assert_true(read_used_bytes() <= before + 8 * 5100);
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
    recycler_give(clean);
    recycler_give(NULL);
    assert_null(recycler_take_zeroed(SIZE_MAX / 2, 4));
    recycler_trim();
}

/* Through every kind of piece, upwards and downwards, where what lies on the shelves is not clean. */
static void resizes_with_the_contents(void **state) {
    static const size_t steps[] = {24,    25,     512,   513, 16385, 18432,
                                   18433, 100000, 17000, 600, 40,    1};
    uint8_t *at = recycler_resize(NULL, 10);
    size_t len = 10;
    (void)state;
    assert_non_null(at);
    memset(at, 7, len);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        void *dirty = recycler_take(steps[i]);
        memset(dirty, 'x', steps[i]);
        recycler_give(dirty);
        at = recycler_resize(at, steps[i]);
        assert_non_null(at);
        assert_true(malloc_usable_size(at) >= steps[i]);
        for (size_t j = 0; j < len && j < steps[i]; j++) {
            assert_int_equal(at[j], 7);
        }
        len = steps[i];
        memset(at, 7, len);
    }
    recycler_give(at);
    recycler_trim();
}

static void *run_elsewhere(void *piece) {
    recycler_give(piece);
    recycler_give(recycler_take(48));
    return NULL;
}

static void run_thread(void *(*body)(void *), void *context) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void lets_pieces_change_threads(void **state) {
    (void)state;
    run_thread(run_elsewhere, recycler_take(48));
}

#define SHARED_COUNT 16
#define SHARED_BYTES 312

/* Whether any of the pieces at `context` is found again, tried more often than there are. */
static void *look_for_pieces(void *context) {
    void **given = context;
    void *taken[2 * SHARED_COUNT];
    bool is_found = false;
    for (size_t i = 0; i < 2 * SHARED_COUNT; i++) {
        taken[i] = recycler_take(SHARED_BYTES);
        for (size_t j = 0; j < SHARED_COUNT; j++) {
            is_found = is_found || taken[i] == given[j];
        }
    }
    for (size_t i = 0; i < 2 * SHARED_COUNT; i++) {
        recycler_give(taken[i]);
    }
    return is_found ? context : NULL;
}

static void shares_nothing_between_threads(void **state) {
    void *pieces[SHARED_COUNT];
    void *found;
    pthread_t thread;
    (void)state;
    if (!RECYCLER_KEEPS) {
        skip();
    }
    take_and_give(pieces, SHARED_COUNT, SHARED_BYTES, SHARED_BYTES);
    assert_int_equal(pthread_create(&thread, NULL, look_for_pieces, pieces), 0);
    assert_int_equal(pthread_join(thread, &found), 0);
    assert_null(found);
    assert_ptr_equal(look_for_pieces(pieces), pieces);
    recycler_trim();
}

static void *hammer(void *context) {
    (void)context;
    void *pieces[SHARED_COUNT];
    for (unsigned round = 0; round < 500; round++) {
        for (size_t i = 0; i < SHARED_COUNT; i++) {
            pieces[i] = recycler_take(i * 40);
            memset(pieces[i], (int)i, i * 40);
        }
        for (size_t i = 0; i < SHARED_COUNT; i++) {
            recycler_give(pieces[i]);
        }
    }
    return NULL;
}

/* For the thread sanitizer. */
static void works_on_threads_side_by_side(void **state) {
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

#define LATE_COUNT 32
static pthread_key_t late_key;

/* As OpenSSL's: frees what it had for the thread. */
static void give_late(void *context) {
    void **pieces = context;
    for (size_t i = 0; i < LATE_COUNT; i++) {
        recycler_give(pieces[i]);
    }
    recycler_give(pieces);
}

static void *end_with_late_pieces(void *context) {
    void **pieces = recycler_take(LATE_COUNT * sizeof(void *));
    (void)context;
    for (size_t i = 0; i < LATE_COUNT; i++) {
        pieces[i] = recycler_take(500);
    }
    recycler_give(recycler_take(500));
    (void)pthread_setspecific(late_key, pieces);
    return NULL;
}

/* The recycler's own destructor was made first and runs first: here other tests made it. */
static void frees_what_is_given_while_a_thread_ends(void **state) {
    (void)state;
    recycler_give(recycler_take(500));
    assert_int_equal(pthread_key_create(&late_key, give_late), 0);
    run_thread(end_with_late_pieces, NULL);
    size_t before = read_used_bytes();
    for (unsigned i = 0; i < 20; i++) {
        run_thread(end_with_late_pieces, NULL);
    }
    assert_true(read_used_bytes() <= before + 5 * LATE_COUNT * 500);
    assert_int_equal(pthread_key_delete(late_key), 0);
    recycler_trim();
}

static void works_in_a_forked_child(void **state) {
    int result = -1;
    (void)state;
    recycler_give(recycler_take(SHARED_BYTES));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)hammer(NULL);
        recycler_trim();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    recycler_trim();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_room_for_every_size),
        cmocka_unit_test(gives_back_what_was_given_last),
        cmocka_unit_test(keeps_a_bounded_number_and_trims_all),
        cmocka_unit_test(keeps_no_other_sizes),
        cmocka_unit_test(zeroes_and_refuses_overflow),
        cmocka_unit_test(resizes_with_the_contents),
        cmocka_unit_test(lets_pieces_change_threads),
        cmocka_unit_test(shares_nothing_between_threads),
        cmocka_unit_test(works_on_threads_side_by_side),
        cmocka_unit_test(frees_what_is_given_while_a_thread_ends),
        cmocka_unit_test(works_in_a_forked_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
