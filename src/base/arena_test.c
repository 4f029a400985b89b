#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void allocates_aligned(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t size = 0; size < 3000; size += 7) {
        char *bytes = arena_bytes(&arena, size % 13);
        char *at = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)at % 16, 0);
        memset(bytes, 1, size % 13);
        memset(at, 2, size);
    }
    arena_fini(&arena);
}

/* Neighbours must not overlap, whatever the sizes. */
static void keeps_objects_apart(void **state) {
    struct arena arena;
    unsigned char *at[500];
    size_t len[500];
    (void)state;
    arena_init(&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 500; i++) {
            len[i] = i % 50 == 0 ? 20000 + i * 100 : (i * 31) % 400;
            at[i] = i % 3 == 0 ? (unsigned char *)arena_bytes(&arena, len[i])
                               : arena_alloc(&arena, len[i]);
            memset(at[i], (int)(i & 0xff), len[i]);
        }
        for (size_t i = 0; i < 500; i++) {
            for (size_t k = 0; k < len[i]; k++) {
                assert_int_equal(at[i][k], i & 0xff);
            }
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void starts_from_any_size(void **state) {
    (void)state;
    for (size_t size = 0; size < 140000; size = size * 3 / 2 + 1) {
        struct arena arena;
        arena_init(&arena);
        memset(arena_alloc(&arena, size), 1, size);
        memset(arena_alloc(&arena, 10), 2, 10);
        memset(arena_alloc(&arena, size), 3, size);
        arena_fini(&arena);
    }
}

static void keeps_one_small_chunk(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    arena_reset(&arena);
    void *first = arena_alloc(&arena, 1);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 1), first);
    for (int i = 0; i < 1000; i++) {
        assert_non_null(arena_alloc(&arena, 1000));
    }
    arena_reset(&arena);
    assert_true(arena.limit - arena.next <= 16384);
    arena_reset(&arena);
    arena_fini(&arena);
    /* After only something large nothing is kept. */
    memset(arena_alloc(&arena, 100000), 1, 100000);
    arena_reset(&arena);
    assert_null(arena.chunks);
    assert_non_null(arena_alloc(&arena, 0));
    arena_fini(&arena);
}

static void zeroes(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_reset(&arena);
    char *at = arena_zalloc(&arena, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(at[i], 0);
    }
    assert_int_equal(*ARENA_NEW(&arena, int), 0);
    arena_fini(&arena);
}

static void trims_what_it_keeps(void **state) {
    struct arena arenas[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        arena_init(&arenas[i]);
        memset(arena_alloc(&arenas[i], 100), 1, 100);
    }
    for (size_t i = 1; i < 4; i++) {
        arena_fini(&arenas[i]);
    }
    arena_trim();
    memset(arena_alloc(&arenas[0], 100), 2, 100); /* not what is in use */
    memset(arena_alloc(&arenas[1], 100), 2, 100);
    arena_fini(&arenas[0]);
    arena_fini(&arenas[1]);
    arena_trim();
}

static void copies_text(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena);
    struct str copy = arena_str(&arena, STR("ab\0c"));
    assert_true(str_eq(copy, STR("ab\0c")));
    assert_int_equal(copy.at[4], '\0');
    assert_string_equal(arena_str(&arena, str_make(NULL, 0)).at, "");
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 5).at, "x-5");
    assert_int_equal(arena_printf(&arena, "%09999d", 5).len, 9999);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates_aligned),
        cmocka_unit_test(keeps_objects_apart),
        cmocka_unit_test(starts_from_any_size),
        cmocka_unit_test(keeps_one_small_chunk),
        cmocka_unit_test(zeroes),
        cmocka_unit_test(trims_what_it_keeps),
        cmocka_unit_test(copies_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
