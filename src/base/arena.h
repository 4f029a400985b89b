/* arena.h: memory that is freed all at once.
 *
 * One per request and per connection. Allocation never fails (memory.h); what a peer may make it hold is bounded by
 * the callers' own limits (header count and bytes, body limits). Not shared between threads.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *next;
    char *limit;
};

void arena_init(struct arena *arena);
/* Frees everything but one chunk of at most 16 KiB, which is kept for the next use. */
void arena_reset(struct arena *arena);
void arena_fini(struct arena *arena);
/* Frees the chunks that this thread keeps for its next arenas: for a program that has come to rest. */
void arena_trim(void);

/* The slow path of the two below: `size` aligned bytes from a new chunk. */
void *arena_grow(struct arena *arena, size_t size)
    __attribute__((returns_nonnull, malloc, noinline, cold));

#define ARENA_ALIGN 16

/* `size` bytes, aligned for any object, not zeroed. */
__attribute__((returns_nonnull, malloc)) static inline void *arena_alloc(struct arena *arena,
                                                                         size_t size) {
    /* Chunks end on the alignment, so rounding up never passes the limit. A full or absent chunk has no room for 0. */
    uintptr_t at = ((uintptr_t)arena->next + (ARENA_ALIGN - 1)) & ~(uintptr_t)(ARENA_ALIGN - 1);
    if (size >= (uintptr_t)arena->limit - at) {
        return arena_grow(arena, size);
    }
    arena->next = (char *)(at + size);
    return (void *)at;
}

void *arena_zalloc(struct arena *arena, size_t size) __attribute__((returns_nonnull, malloc));
/* Unaligned bytes: for text. */
__attribute__((returns_nonnull)) static inline char *arena_bytes(struct arena *arena, size_t size) {
    if (size >= (uintptr_t)arena->limit - (uintptr_t)arena->next) {
        return (char *)arena_grow(arena, size);
    }
    char *at = arena->next;
    arena->next += size;
    return at;
}
/* A copy, terminated for the debugger's sake. */
struct str arena_str(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))

#endif
