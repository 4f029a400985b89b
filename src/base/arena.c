#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define FIRST_BYTES ((size_t)8192)
#define CHUNK_MAX ((size_t)65536)
/* The largest chunk that survives a reset: what an idle connection may hold on to. */
#define KEEP_MAX ((size_t)16384)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of the whole, this head included; a multiple of ARENA_ALIGN */
    _Alignas(ARENA_ALIGN) char bytes[];
};

/* First chunks go from one request to the next without the allocator: a few are kept by each thread. Not under the address
 * sanitizer, which is to see every use of a freed arena. */
#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define SPARE_MAX 0
#else
#define SPARE_MAX 16
#endif

static _Thread_local struct {
    struct arena_chunk *chunks; /* of FIRST_BYTES each */
    size_t count;
} spare;

static struct arena_chunk *take_chunk(size_t size) {
    struct arena_chunk *chunk = spare.chunks;
    if (size == FIRST_BYTES && chunk != NULL) {
        spare.chunks = chunk->older;
        spare.count--;
        return chunk;
    }
    chunk = memory_resize(NULL, size, 1);
    chunk->size = size;
    return chunk;
}

static void give_chunk(struct arena_chunk *chunk) {
    if (chunk->size != FIRST_BYTES || spare.count + 1 > SPARE_MAX) { /* SPARE_MAX may be 0 */
        memory_free(chunk);
        return;
    }
    chunk->older = spare.chunks;
    spare.chunks = chunk;
    spare.count++;
}

void arena_trim(void) {
    while (spare.chunks != NULL) {
        struct arena_chunk *chunk = spare.chunks;
        spare.chunks = chunk->older;
        spare.count--;
        memory_free(chunk);
    }
}

void arena_init(struct arena *arena) {
    *arena = (struct arena){0};
}

static void use_chunk(struct arena *arena, struct arena_chunk *chunk) {
    arena->chunks = chunk;
    arena->next = chunk->bytes;
    arena->limit = (char *)chunk + chunk->size;
}

void arena_reset(struct arena *arena) {
    struct arena_chunk *kept = NULL;
    for (struct arena_chunk *chunk = arena->chunks; chunk != NULL;) {
        struct arena_chunk *older = chunk->older;
        if (kept == NULL && chunk->size <= KEEP_MAX) {
            kept = chunk;
        } else {
            give_chunk(chunk);
        }
        chunk = older;
    }
    arena_init(arena);
    if (kept != NULL) {
        kept->older = NULL;
        use_chunk(arena, kept);
    }
}

void arena_fini(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->chunks; chunk != NULL;) {
        struct arena_chunk *older = chunk->older;
        give_chunk(chunk);
        chunk = older;
    }
    arena_init(arena);
}

/* Something large gets a chunk of its own behind the newest, so that what is left of that one stays in use. */
static void *add_own_chunk(struct arena *arena, size_t size) {
    struct arena_chunk *chunk = memory_resize(NULL, size, 1);
    chunk->size = size;
    if (arena->chunks == NULL) {
        chunk->older = NULL;
        arena->chunks = chunk;
        return chunk->bytes;
    }
    chunk->older = arena->chunks->older;
    arena->chunks->older = chunk;
    return chunk->bytes;
}

void *arena_grow(struct arena *arena, size_t size) {
    size_t whole;
    if (__builtin_add_overflow(size, sizeof(struct arena_chunk) + ARENA_ALIGN, &whole)) {
        whole = SIZE_MAX; /* more than memory_resize can get: it logs and aborts */
    } else {
        whole &= ~(size_t)(ARENA_ALIGN - 1);
    }
    if (whole > CHUNK_MAX / 2) {
        return add_own_chunk(arena, whole);
    }
    size_t standard = arena->chunks == NULL ? FIRST_BYTES : arena->chunks->size * 2;
    while (standard < whole) {
        standard *= 2;
    }
    if (standard > CHUNK_MAX) {
        standard = CHUNK_MAX;
    }
    struct arena_chunk *chunk = take_chunk(standard);
    chunk->older = arena->chunks;
    use_chunk(arena, chunk);
    arena->next = chunk->bytes + size;
    return chunk->bytes;
}

void *arena_zalloc(struct arena *arena, size_t size) {
    return memset(arena_alloc(arena, size), 0, size);
}

struct str arena_str(struct arena *arena, struct str s) {
    char *copy = arena_bytes(arena, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.at, s.len);
    }
    copy[s.len] = '\0';
    return str_make(copy, s.len);
}

struct str arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    char *text = arena_bytes(arena, len + 1);
    vsnprintf(text, len + 1, format, again);
    va_end(again);
    return str_make(text, len);
}
