#include "base/memory.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>

#include "base/log.h"
#include "base/recycler.h"

static _Noreturn void give_up(size_t count, size_t size) {
    log_error("memory.exhausted", "count=%zu size=%zu", count, size);
    abort();
}

void *memory_new(size_t size) {
    return memory_new_array(1, size);
}

void *memory_new_array(size_t count, size_t size) {
    /* One byte at least, so that NULL never means "none wanted". calloc refuses a product that overflows. */
    void *at = count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
    if (at == NULL) {
        give_up(count, size);
    }
    return at;
}

void *memory_resize(void *at, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        give_up(count, size);
    }
    void *moved = realloc(at, total == 0 ? 1 : total);
    if (moved == NULL) {
        give_up(count, size);
    }
    return moved;
}

char *memory_dup(const void *at, size_t len) {
    if (len == SIZE_MAX) {
        give_up(len, 1);
    }
    char *copy = memory_resize(NULL, len + 1, 1);
    if (len > 0) {
        memcpy(copy, at, len);
    }
    copy[len] = '\0';
    return copy;
}

void memory_trim(void) {
    recycler_trim();
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

void memory_free(void *at) {
    free(at);
}
